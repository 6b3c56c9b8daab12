//! One interpreter: an instance of a program with its own store, its own lock and its own limits.
//!
//! Its life: the store is made on a worker, the program is instantiated, its entry runs, the store is dropped. A store
//! is never used again after its life; nothing of one tenant reaches the next.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::ResourceTable;
use wasmtime::{Extern, Store, UpdateDeadline};
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::p2::bindings::CommandPre;
use wasmtime_wasi::{WasiCtxView, WasiView};

use crate::budget::Budget;
use crate::executor::control::{AtTick, Control};
use crate::grants::Grants;
use crate::limiter::{Limiter, Vitals};
use crate::limits::{LimitHit, LimitKind, Limits};
use crate::outcome::{self, Bounds, Cause, Ending, Outcome};
use crate::program::{Entry, Program};
use crate::stdio::{GuestInput, GuestOutput, Stdio};
use crate::wasi;

/// Names an interpreter within its pool; never used again in the pool's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterpreterId(pub(crate) u64);

impl fmt::Display for InterpreterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What an interpreter is given at its start.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// What it may use.
    pub limits: Limits,
    /// What it may touch.
    pub grants: Grants,
    /// Where its standard streams lead.
    pub stdio: Stdio,
    /// Where its file calls run.
    pub file_calls: FileCalls,
}

/// Where a guest's calls on files run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FileCalls {
    /// On threads of their own: the guest waits on its fiber and its worker is free, whatever the disk does.
    #[default]
    Apart,
    /// On the guest's worker. Several times faster for many small calls on a local disk; a disk or a named pipe that hangs
    /// then holds the worker, and the guest's deadline waits for it.
    Inline,
}

/// A running interpreter. Dropping the handle lets it run on; [`kill`](Interpreter::kill) ends it.
#[derive(Clone)]
pub struct Interpreter {
    id: InterpreterId,
    control: Arc<Control>,
}

impl Interpreter {
    pub(crate) fn new(id: InterpreterId, control: Arc<Control>) -> Interpreter {
        Interpreter { id, control }
    }

    /// Its number in its pool.
    pub fn id(&self) -> InterpreterId {
        self.id
    }

    /// Whether its life goes on.
    pub fn is_running(&self) -> bool {
        !self.control.ending().is_set()
    }

    /// Ends it now, whatever it does or waits for. Returns at once; [`join`](Interpreter::join) tells when it is over.
    pub fn kill(&self) {
        self.control.end(Cause::Killed);
    }

    /// Blocks this thread until its life is over.
    ///
    /// Never call this on a thread of an async runtime, nor in a callback of the pool; use
    /// [`wait`](Interpreter::wait) there.
    pub fn join(&self) -> Ending {
        self.control.ending().join()
    }

    /// [`join`](Interpreter::join) for at most `time`; `None` when its life goes on.
    pub fn join_timeout(&self, time: Duration) -> Option<Ending> {
        let ending = match std::time::Instant::now().checked_add(time) {
            Some(until) => self.control.ending().join_until(until)?,
            None => self.control.ending().join(),
        };
        Some(ending)
    }

    /// Waits until its life is over.
    pub async fn wait(&self) -> Ending {
        self.control.ending().wait().await
    }
}

impl fmt::Debug for Interpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interpreter")
            .field("id", &self.id.0)
            .finish_non_exhaustive()
    }
}

/// What a store holds.
pub(crate) struct Guest {
    pub wasi: WasiP1Ctx,
    limiter: Limiter,
    vitals: Arc<Vitals>,
    open_files: u32,
}

impl Guest {
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
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.wasi.ctx()
    }
}

/// Everything that a life needs, gathered before it starts.
pub(crate) struct Life {
    pub program: Program,
    pub setup: Arc<Setup>,
    pub control: Arc<Control>,
    pub vitals: Arc<Vitals>,
    pub budget: Budget,
    pub switch_interval: Duration,
}

impl Life {
    /// The whole life. `None` when the host interrupted it: the control knows why.
    pub(crate) async fn run(self) -> Option<Outcome> {
        let mut store = match self.store() {
            Ok(store) => store,
            Err(error) => return Some(Outcome::HostError(error.to_string())),
        };
        let ended = enter(&self.program, &mut store).await;
        match ended {
            Ok(code) => Some(Outcome::Exited(code)),
            Err(error) => outcome::from_error(&error, &self.bounds()),
        }
    }

    fn store(&self) -> crate::Result<Store<Guest>> {
        let Setup {
            limits,
            grants,
            stdio,
            file_calls,
        } = &*self.setup;
        let mut wasi = wasi::context(
            self.program.name(),
            grants,
            *file_calls,
            GuestInput::new(stdio.stdin.clone()),
            GuestOutput::new(stdio.stdout.clone(), &self.vitals),
            GuestOutput::new(stdio.stderr.clone(), &self.vitals),
        )?;
        let table: &mut ResourceTable = wasi.ctx().table;
        table.set_max_capacity(usize::try_from(limits.handles).unwrap_or(usize::MAX));
        let guest = Guest {
            wasi,
            limiter: Limiter::new(limits, &self.budget, &self.vitals),
            vitals: Arc::clone(&self.vitals),
            open_files: limits.open_files,
        };
        let mut store = Store::new(self.program.engine().wasmtime(), guest);
        store.limiter(|guest| &mut guest.limiter);
        // A guest's own table of handles counts loans too; the host's table above is the one that means the limit.
        store.set_max_component_handles(usize::try_from(limits.handles).unwrap_or(usize::MAX).saturating_mul(4));
        // One host call copies at most what the guest's memory can hold.
        let copied = usize::try_from(limits.memory.as_u64()).unwrap_or(usize::MAX);
        store.set_hostcall_fuel(copied.min(store.hostcall_fuel()));
        if let Some(fuel) = limits.fuel {
            store
                .set_fuel(fuel)
                .map_err(|error| crate::Error::host(format!("{error:#}")))?;
        }
        let (control, switch_interval) = (Arc::clone(&self.control), self.switch_interval);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |_| {
            Ok(match control.at_tick(switch_interval) {
                AtTick::GoOn => UpdateDeadline::Continue(1),
                AtTick::Switch => UpdateDeadline::Yield(1),
                AtTick::Stop => UpdateDeadline::Interrupt,
            })
        });
        Ok(store)
    }

    fn bounds(&self) -> Bounds {
        let limits = &self.setup.limits;
        Bounds {
            stack: limits.stack.as_u64(),
            fuel: limits.fuel.unwrap_or(0),
            handles: u64::from(limits.handles),
            refused: self.vitals.refused(),
        }
    }
}

/// Instantiates the program and runs its entry; the guest's exit code.
async fn enter(program: &Program, store: &mut Store<Guest>) -> wasmtime::Result<i32> {
    match program.entry() {
        None => wasmtime::bail!("no command"),
        Some(Entry::Start { module, start }) => {
            let instance = module.instantiate_async(&mut *store).await?;
            let Some(Extern::Func(start)) = instance.get_module_export(&mut *store, start) else {
                wasmtime::bail!("no `_start`");
            };
            start.typed::<(), ()>(&*store)?.call_async(&mut *store, ()).await?;
            Ok(0)
        }
        // Its future is large; a core module should not carry it.
        Some(Entry::Run(component)) => Box::pin(enter_component(component, store)).await,
    }
}

async fn enter_component(component: &CommandPre<Guest>, store: &mut Store<Guest>) -> wasmtime::Result<i32> {
    let command = component.instantiate_async(&mut *store).await?;
    let run = command.wasi_cli_run().call_run(&mut *store).await?;
    Ok(if run.is_ok() { 0 } else { 1 })
}
