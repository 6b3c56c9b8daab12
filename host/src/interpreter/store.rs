//! The store of one interpreter: its memory, its handles, its limits.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::ResourceTable;
use wasmtime::{Store, UpdateDeadline};
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::{WasiCtxView, WasiView};

use super::fuel::{self, Meter};
use super::{FileCalls, InterpreterId, Setup};
use crate::hostcalls::Talk;
use crate::ledger::Kind;
use crate::limiter::{Limiter, Vitals};
use crate::limits::{LimitHit, LimitKind, Limits};
use crate::outcome::Bounds;
use crate::pool::Commons;
use crate::program::Program;
use crate::scheduler::control::{AtTick, Control};
use crate::scheduler::processor::thread_clock;
use crate::scheduler::threads;
use crate::stdio::{GuestInput, GuestOutput};
use crate::wasi;

/// A guest, as host functions see it: who calls. What it can do is not theirs to change.
pub struct Guest {
    pub(crate) wasi: WasiP1Ctx,
    id: InterpreterId,
    program: Program,
    context: Option<Arc<dyn Any + Send + Sync>>,
    /// Of the call that runs.
    call_context: Option<Arc<dyn Any + Send + Sync>>,
    limiter: Limiter,
    vitals: Arc<Vitals>,
    open_files: u32,
    pub(crate) file_calls: FileCalls,
    /// Of a core module.
    pub(crate) folders: wasi::Folders,
    most_handles: usize,
    /// Who ends it; another one for each task of an interpreter that is used again.
    control: Arc<Control>,
    /// Of a call on a thread.
    watch: Watch,
    /// Of programs that import queues or interpreters.
    talk: Option<Box<Talk>>,
    /// Where fuel is counted, and counts for a family.
    pub(super) meter: Option<Meter>,
}

impl Guest {
    /// Which interpreter it is.
    pub fn id(&self) -> InterpreterId {
        self.id
    }

    /// Its program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// What host functions shall know of who calls them: the `T` that the call was [given](Guest::set_context), or else the one
    /// that its [`Setup`] was.
    pub fn context<T: Any + Send + Sync>(&self) -> Option<&T> {
        let of_call = self.call_context.as_deref().and_then(|context| context.downcast_ref());
        of_call.or_else(|| self.context.as_deref()?.downcast_ref())
    }

    /// Says for whom the call is that is about to be made, to host functions that ask for the [`context`](Guest::context): first
    /// thing in a [typed call](crate::Executor::submit_typed). It holds until that is over; an interpreter that is used again
    /// does not carry it to the next call.
    pub fn set_context<T: Any + Send + Sync>(&mut self, context: T) {
        self.call_context = Some(Arc::new(context));
    }

    /// The call is over.
    pub(crate) fn forget_call(&mut self) {
        self.call_context = None;
    }

    /// As [`set_context`](Guest::set_context), of what several calls have in common.
    pub(crate) fn is_for(&mut self, context: &Arc<dyn Any + Send + Sync>) {
        self.call_context = Some(Arc::clone(context));
    }

    /// Whether one more file may be opened; a refusal is remembered.
    pub(crate) fn may_open(&mut self) -> bool {
        let (open, limit) = (wasi::open_files(self), self.open_files);
        if open >= limit {
            let asked = u64::from(open) + 1;
            self.vitals
                .refuse(LimitHit::new(LimitKind::OpenFiles, u64::from(limit), asked));
        }
        open < limit
    }

    /// Another one ends it from now on.
    pub(crate) fn controlled_by(&mut self, control: &Arc<Control>) {
        self.control = Arc::clone(control);
    }

    /// A call on a thread begins: its time runs from now.
    pub(crate) fn begin_on_a_thread(&mut self) {
        self.watch = Watch(None);
    }

    /// Its linear memory, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.limiter.memory()
    }

    /// How many handles of the host it holds.
    pub(crate) fn handles(&mut self) -> usize {
        self.wasi.ctx().table.iter_mut().count()
    }

    /// How many handles of the host it may hold.
    pub(crate) fn most_handles(&self) -> usize {
        self.most_handles
    }

    /// Whom it can talk to, and its handles.
    pub(crate) fn talk_and_table(&mut self) -> (Option<&mut Talk>, &mut ResourceTable) {
        (self.talk.as_deref_mut(), self.wasi.ctx().table)
    }
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest")
            .field("id", &self.id)
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}

/// The time of a call that holds its thread: wall and processor, from the first tick that it sees, a tick after it began at
/// most. A call that is over before costs nothing.
struct Watch(Option<(Instant, u64)>);

impl Watch {
    fn tick(&mut self) -> (Duration, Duration) {
        let now = (Instant::now(), thread_clock());
        let (began, used) = *self.0.get_or_insert(now);
        (now.0 - began, Duration::from_nanos(now.1.saturating_sub(used)))
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.wasi.ctx()
    }
}

/// Whom a store is for.
pub(crate) struct Tenant<'a> {
    pub id: InterpreterId,
    /// What its script is called, if it runs one: its first argument.
    pub script: Option<&'a str>,
    pub program: &'a Program,
    pub setup: &'a Setup,
    pub control: &'a Arc<Control>,
    pub vitals: &'a Arc<Vitals>,
    pub commons: &'a Commons,
}

impl Tenant<'_> {
    /// A new store, within the tenant's limits and with its grants.
    pub(crate) fn store(&self, mut talk: Option<Box<Talk>>) -> crate::Result<Store<Guest>> {
        let Setup {
            limits,
            grants,
            stdio,
            file_calls,
            context,
        } = self.setup;
        let mut wasi = wasi::context(
            self.program.name(),
            self.script,
            grants,
            *file_calls,
            GuestInput::new(stdio.stdin.clone()),
            GuestOutput::new(stdio.stdout.clone(), self.vitals),
            GuestOutput::new(stdio.stderr.clone(), self.vitals),
        )?;
        if !grants.dirs.is_empty() {
            let folders = wasi::folders(&mut wasi, grants)?;
            if let Some(talk) = &mut talk {
                talk.has(folders);
            }
        }
        let table: &mut ResourceTable = wasi.ctx().table;
        let most_handles = usize::try_from(limits.handles).unwrap_or(usize::MAX);
        table.set_max_capacity(most_handles);
        let guest = Guest {
            wasi,
            id: self.id,
            program: self.program.clone(),
            context: context.clone(),
            call_context: None,
            limiter: Limiter::new(limits, self.commons.engine.parts(), &self.commons.budget, self.vitals),
            vitals: Arc::clone(self.vitals),
            open_files: limits.open_files,
            file_calls: *file_calls,
            folders: wasi::Folders::default(),
            most_handles,
            control: Arc::clone(self.control),
            watch: Watch(None),
            talk,
            meter: None,
        };
        let mut store = Store::new(self.program.engine().wasmtime(), guest);
        store.limiter(|guest| &mut guest.limiter);
        // A guest's own table of handles counts loans too; the host's table above is the one that means the limit.
        store.set_max_component_handles(most_handles.saturating_mul(4));
        // One host call copies at most what the guest's memory can hold.
        let copied = usize::try_from(limits.memory.as_u64()).unwrap_or(usize::MAX);
        store.set_hostcall_fuel(copied.min(store.hostcall_fuel()));
        if let Some(fuel) = limits.fuel {
            set_fuel(&mut store, fuel).map_err(|error| crate::Error::host(format!("{error:#}")))?;
        }
        store.set_epoch_deadline(1);
        Ok(store)
    }
}

/// How much fuel the store has from now on; less when its family has less.
pub(crate) fn set_fuel(store: &mut Store<Guest>, fuel: u64) -> wasmtime::Result<()> {
    match store.data().vitals.family().cloned() {
        Some(family) => fuel::begin(store, &family, fuel),
        None => store.set_fuel(fuel),
    }
}

/// At each tick a guest on a fiber gives way when its turn is over.
pub(crate) fn on_a_fiber(store: &mut Store<Guest>) {
    store.epoch_deadline_callback(|mut store| {
        fuel::settle(&mut store)?;
        Ok(match store.data().control.at_tick() {
            AtTick::GoOn => UpdateDeadline::Continue(1),
            AtTick::Switch => UpdateDeadline::Yield(1),
            AtTick::Stop => UpdateDeadline::Interrupt,
        })
    });
}

/// At each tick a guest that holds its thread goes on, unless it must end; it stands still meanwhile when others have waited for
/// its place long enough.
pub(crate) fn on_a_thread(store: &mut Store<Guest>) {
    store.epoch_deadline_callback(|mut store| {
        let Guest { watch, control, .. } = store.data_mut();
        let (wall, cpu) = watch.tick();
        let goes_on = control.allows(wall, cpu);
        let goes_on = goes_on
            && if threads::give_way(control, Some(wall)) {
                // It stood still meanwhile.
                let (wall, cpu) = watch.tick();
                control.allows(wall, cpu)
            } else {
                true
            };
        Ok(if goes_on {
            UpdateDeadline::Continue(1)
        } else {
            UpdateDeadline::Interrupt
        })
    });
}

/// The limits that an error may stand for.
pub(crate) fn bounds(limits: &Limits, vitals: &Vitals) -> Bounds {
    let fuel = vitals.family().map(|family| family.nearest(Kind::Fuel).limit);
    Bounds {
        stack: limits.stack.as_u64(),
        fuel: fuel.or(limits.fuel).unwrap_or(0),
        handles: u64::from(limits.handles),
        refused: vitals.refused(),
    }
}
