//! One life: the store is made, the program is instantiated, it runs, the store is dropped.

use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime::{Extern, Store, UpdateDeadline};
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::p2::bindings::CommandPre;
use wasmtime_wasi::{WasiCtxView, WasiView};

use super::desk::{Answer, Desk, Request};
use super::{ExecutionFailed, Setup};
use crate::executor::control::{AtTick, Control};
use crate::hostcalls::{self, Talk, Worker};
use crate::limiter::{Limiter, Vitals};
use crate::limits::{LimitHit, LimitKind};
use crate::outcome::{self, Bounds, Outcome};
use crate::pool::Commons;
use crate::program::{Entry, Program};
use crate::queue::Item;
use crate::stdio::{GuestInput, GuestOutput};
use crate::wasi;

/// What a store holds.
pub(crate) struct Guest {
    pub wasi: WasiP1Ctx,
    limiter: Limiter,
    vitals: Arc<Vitals>,
    open_files: u32,
    /// Of programs that import queues or interpreters.
    talk: Option<Box<Talk>>,
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

impl Guest {
    /// Whom it can talk to, and its handles.
    pub(crate) fn talk_and_table(&mut self) -> (Option<&mut Talk>, &mut ResourceTable) {
        (self.talk.as_deref_mut(), self.wasi.ctx().table)
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
    pub commons: Arc<Commons>,
    pub role: Role,
    pub talk: Option<Box<Talk>>,
}

/// What a life is for.
pub(crate) enum Role {
    /// It runs its command from start to end.
    Command,
    /// It is called, as long as somebody may.
    Callee(Arc<Desk>),
}

impl Life {
    /// The whole life. `None` when the host interrupted it: the control knows why.
    pub(crate) async fn run(mut self) -> Option<Outcome> {
        let mut store = match self.store() {
            Ok(store) => store,
            Err(error) => return Some(Outcome::HostError(error.to_string())),
        };
        let ended = match &self.role {
            Role::Command => enter(&self.program, &mut store).await,
            Role::Callee(desk) => Box::pin(serve(&self.program, desk, &self.control, &mut store)).await,
        };
        match ended {
            Ok(code) => Some(Outcome::Exited(code)),
            Err(error) => outcome::from_error(&error, &self.bounds()),
        }
    }

    fn store(&mut self) -> crate::Result<Store<Guest>> {
        let talk = self.talk.take();
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
            limiter: Limiter::new(limits, &self.commons.budget, &self.vitals),
            vitals: Arc::clone(&self.vitals),
            open_files: limits.open_files,
            talk,
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
        let (control, switch_interval) = (Arc::clone(&self.control), self.commons.switch_interval);
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

/// Instantiates the program and lets it be called until nobody can call it any more.
async fn serve(program: &Program, desk: &Desk, control: &Control, store: &mut Store<Guest>) -> wasmtime::Result<i32> {
    let Some(worker) = program.worker() else {
        wasmtime::bail!("it exports no `task`");
    };
    let worker = worker.instantiate_async(&mut *store).await?;
    while let Some(request) = desk.next(control).await {
        let answer = perform(&worker, store, request).await?;
        desk.answer(answer);
    }
    Ok(0)
}

async fn perform(worker: &Worker, store: &mut Store<Guest>, request: Request) -> wasmtime::Result<Answer> {
    let task = worker.wasm_pool_interpreters_task();
    let done = match request {
        Request::Exec(source) => task.call_exec(&mut *store, &source).await?.map(|()| Item::None),
        Request::Prepare(bindings) => {
            let mut given = Vec::with_capacity(bindings.len());
            for (name, item) in bindings {
                given.push((name, hostcalls::hand_over(store.data_mut(), item)?));
            }
            task.call_prepare_main(&mut *store, &given).await?.map(|()| Item::None)
        }
        Request::Call(function, arguments) => {
            let mut given = Vec::with_capacity(arguments.len());
            for item in arguments {
                given.push(hostcalls::hand_over(store.data_mut(), item)?);
            }
            match task.call_call(&mut *store, &function, &given).await? {
                Ok(item) => match hostcalls::take_back(store.data_mut(), item)? {
                    Ok(item) => Ok(item),
                    Err(message) => return Ok(Err(ExecutionFailed::of_host("invalid", message))),
                },
                Err(failure) => Err(failure),
            }
        }
    };
    Ok(done.map_err(ExecutionFailed::from))
}
