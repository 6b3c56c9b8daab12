//! One life: the store is made, the program is instantiated, it runs, the store is dropped.

use std::sync::Arc;

use wasmtime::{Extern, Store};
use wasmtime_wasi::p2::bindings::CommandPre;

use super::desk::{Answer, Desk, Request};
use super::fuel;
use super::script::{self, Script};
use super::store::{self, Guest, Tenant};
use super::{ExecutionFailed, InterpreterId, Setup};
use crate::hostcalls::{self, Talk, Worker};
use crate::limiter::Vitals;
use crate::limits::LimitHit;
use crate::outcome::{self, Outcome};
use crate::pool::Commons;
use crate::program::{Entry, Program};
use crate::queue::Item;
use crate::scheduler::control::Control;
use crate::stdio::GuestOutput;

/// Everything that a life needs, gathered before it starts.
pub(crate) struct Life {
    pub id: InterpreterId,
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
    /// It runs source text from start to end.
    Script(Arc<Script>),
}

impl Life {
    /// The whole life. `None` when the host interrupted it: the control knows why.
    pub(crate) async fn run(mut self) -> Option<Outcome> {
        let mut store = match self.store() {
            Ok(store) => Settled(store),
            Err(error) => return Some(Outcome::HostError(error.to_string())),
        };
        let ended = match &self.role {
            Role::Command => enter(&self.program, &mut store.0).await.map(Outcome::Exited),
            Role::Callee(desk) => Box::pin(serve(&self.program, desk, &self.control, &mut store.0)).await,
            Role::Script(script) => {
                let stderr = GuestOutput::new(self.setup.stdio.stderr.clone(), &self.vitals);
                Box::pin(script::play(&self.program, script, stderr, &mut store.0)).await
            }
        };
        drop(store);
        match ended {
            Ok(outcome) => Some(outcome),
            Err(error) => outcome::from_error(&error, &store::bounds(&self.setup.limits, &self.vitals)),
        }
    }

    fn store(&mut self) -> crate::Result<Store<Guest>> {
        let script = match &self.role {
            Role::Script(script) => Some(script.name.as_str()),
            Role::Command | Role::Callee(_) => None,
        };
        let tenant = Tenant {
            id: self.id,
            script,
            program: &self.program,
            setup: &self.setup,
            control: &self.control,
            vitals: &self.vitals,
            commons: &self.commons,
        };
        let mut store = tenant.store(self.talk.take())?;
        store::on_a_fiber(&mut store);
        Ok(store)
    }
}

/// A store that has written down what it used when it is gone, also where its life is dropped in the middle.
struct Settled(Store<Guest>);

impl Drop for Settled {
    fn drop(&mut self) {
        let _ = fuel::settle(&mut self.0);
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
async fn serve(
    program: &Program,
    desk: &Desk,
    control: &Control,
    store: &mut Store<Guest>,
) -> wasmtime::Result<Outcome> {
    let worker = worker(program, store).await?;
    while let Some(request) = desk.next(control).await {
        let answer = perform(&worker, store, request).await?;
        desk.answer(answer);
    }
    Ok(Outcome::Exited(0))
}

/// An instance of a program that can be called.
pub(super) async fn worker(program: &Program, store: &mut Store<Guest>) -> wasmtime::Result<Worker> {
    match program.worker() {
        Some(worker) => worker.instantiate_async(store).await,
        None => wasmtime::bail!("it exports no `task`"),
    }
}

/// Whoever calls with more handles than the callee has room for fails, and not the callee.
fn no_room(hit: LimitHit) -> ExecutionFailed {
    ExecutionFailed::of_host("limit", hit.to_string())
}

async fn perform(worker: &Worker, store: &mut Store<Guest>, request: Request) -> wasmtime::Result<Answer> {
    let task = worker.wasm_pool_interpreters_task();
    let done = match request {
        Request::Exec(source) => task.call_exec(&mut *store, &source).await?.map(|()| Item::None),
        Request::Prepare(bindings) => {
            let (names, items): (Vec<_>, Vec<_>) = bindings.into_iter().unzip();
            let given = match hostcalls::hand_over(store.data_mut(), items)? {
                Ok(given) => names.into_iter().zip(given).collect::<Vec<_>>(),
                Err(hit) => return Ok(Err(no_room(hit))),
            };
            task.call_prepare_main(&mut *store, &given).await?.map(|()| Item::None)
        }
        Request::Call(function, arguments) => {
            let given = match hostcalls::hand_over(store.data_mut(), arguments)? {
                Ok(given) => given,
                Err(hit) => return Ok(Err(no_room(hit))),
            };
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
