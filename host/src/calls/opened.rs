//! An interpreter whose functions can be called: a store, an instance, and what was looked up in it.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::Val;
use wasmtime::component::types::Type;
use wasmtime::{Extern, Store};

use super::executor::Context;
use super::{Path, Returned};
use crate::hostcalls::{Family, Talk};
use crate::interpreter::fuel;
use crate::interpreter::store::{self, Tenant};
use crate::interpreter::{Guest, InterpreterId, Setup};
use crate::limiter::Vitals;
use crate::outcome::{self, Outcome};
use crate::pool::Commons;
use crate::program::{Function, Place, Pre, Program};
use crate::queue::Account;
use crate::scheduler::control::Control;

/// An interpreter that is open for calls. It is dropped after whatever did not go well.
pub(super) struct Opened {
    /// Before `account`: what it put into queues is settled when it is gone.
    store: Store<Guest>,
    instance: Instance,
    program: Program,
    setup: Arc<Setup>,
    vitals: Arc<Vitals>,
    account: Option<Arc<Account>>,
    way: Way,
    calls: u32,
    /// What was called last, found once.
    last: Option<(Function, Target)>,
}

/// Why a call of an initializer that came to its end was in vain.
pub(super) fn in_vain(returned: &Returned) -> Option<String> {
    match returned {
        Some(Val::Result(Err(error))) => {
            let said = error.as_deref().and_then(|error| crate::value::to_wave(error).ok());
            Some(format!("it returned the error {}", said.unwrap_or_default()))
        }
        _ => None,
    }
}

/// How it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// On this thread, to the end.
    Direct,
    /// On a fiber.
    Fiber,
}

enum Instance {
    Module(wasmtime::Instance),
    Component(wasmtime::component::Instance),
}

#[derive(Clone, Copy)]
enum Target {
    Core(wasmtime::Func),
    Component(wasmtime::component::Func),
}

/// Who opens an interpreter, and what for.
pub(super) struct Opening<'a> {
    pub id: InterpreterId,
    pub program: &'a Program,
    pub setup: &'a Arc<Setup>,
    pub control: &'a Arc<Control>,
    pub commons: &'a Arc<Commons>,
    pub way: Way,
}

impl Way {
    /// How programs like this one are called on this path.
    pub(super) fn of(program: &Program, path: Path) -> Result<Way, String> {
        match path {
            Path::Fiber => Ok(Way::Fiber),
            Path::Auto if program.direct().is_none() => Ok(Way::Fiber),
            Path::Direct if program.direct().is_none() => Err(format!(
                "{}: it {}, so it cannot be called directly",
                program.name(),
                program.blocking()
            )),
            Path::Auto | Path::Direct => Ok(Way::Direct),
        }
    }
}

impl Opening<'_> {
    /// A new interpreter of the program. `Err(None)` when the host interrupted its start: the control knows why.
    pub(super) async fn open(self) -> Result<Opened, Option<Outcome>> {
        let began = Instant::now();
        let family = Family::new(&self.setup.grants);
        let account = self.program.talks().then(|| {
            let ledger = family.ledger(&self.setup.limits);
            Arc::new(Account::new(self.id, &ledger))
        });
        let shared = account.as_ref().filter(|_| family.is_shared());
        let shared = shared.map(|account| Arc::clone(account.ledger()));
        self.control.counts_for(shared.as_ref());
        let vitals = Arc::new(Vitals::new(&self.setup.limits, shared));
        let talk = account.as_ref().map(|account| {
            Box::new(Talk::new(
                self.commons,
                account,
                self.control,
                self.program,
                self.setup,
                family,
            ))
        });
        let tenant = Tenant {
            id: self.id,
            script: None,
            program: self.program,
            setup: self.setup,
            control: self.control,
            vitals: &vitals,
            commons: self.commons,
        };
        let mut store = tenant
            .store(talk)
            .map_err(|error| Some(Outcome::HostError(error.to_string())))?;
        let instance = match self.way {
            Way::Direct => {
                store::on_a_thread(&mut store);
                self.instantiate(&mut store)
            }
            Way::Fiber => {
                store::on_a_fiber(&mut store);
                self.instantiate_on_a_fiber(&mut store).await
            }
        };
        let instance =
            instance.map_err(|error| outcome::from_error(&error, &store::bounds(&self.setup.limits, &vitals)))?;
        self.program.meters().open.record(began.elapsed());
        Ok(Opened {
            store,
            instance,
            program: self.program.clone(),
            setup: Arc::clone(self.setup),
            vitals,
            account,
            way: self.way,
            calls: 0,
            last: None,
        })
    }

    fn instantiate(&self, store: &mut Store<Guest>) -> wasmtime::Result<Instance> {
        match self.program.direct() {
            Some(Pre::Module(pre)) => pre.instantiate(store).map(Instance::Module),
            Some(Pre::Component(pre)) => pre.instantiate(store).map(Instance::Component),
            None => wasmtime::bail!("it can wait, and must not be called directly"),
        }
    }

    async fn instantiate_on_a_fiber(&self, store: &mut Store<Guest>) -> wasmtime::Result<Instance> {
        match self.program.pre() {
            Pre::Module(pre) => pre.instantiate_async(store).await.map(Instance::Module),
            // Its future is large.
            Pre::Component(pre) => Box::pin(pre.instantiate_async(store)).await.map(Instance::Component),
        }
    }
}

impl Opened {
    /// Whether calls of this program can go to it, called this way.
    pub(super) fn serves(&self, program: &Program, way: Way) -> bool {
        self.program == *program && self.way == way
    }

    /// Whether it may be kept between two turns of its seat; one that talks is known by its turn.
    pub(super) fn can_be_kept(&self) -> bool {
        self.account.is_none()
    }

    /// How many calls went well.
    pub(super) fn calls(&self) -> u32 {
        self.calls
    }

    /// What was called until now does not count.
    pub(super) fn forget_calls(&mut self) {
        self.calls = 0;
    }

    /// Its linear memory, in bytes.
    pub(super) fn memory(&self) -> u64 {
        self.store.data().memory()
    }

    /// Another turn of its seat ends it from now on.
    pub(super) fn controlled_by(&mut self, control: &Arc<Control>) {
        self.store.data_mut().controlled_by(control);
    }

    /// Its store and its instance, for calls that Wasmtime's `bindgen!` makes; no instance of a core module.
    pub(super) fn parts(&mut self) -> (&mut Store<Guest>, Option<&wasmtime::component::Instance>) {
        let instance = match &self.instance {
            Instance::Component(instance) => Some(instance),
            Instance::Module(_) => None,
        };
        (&mut self.store, instance)
    }

    /// Says for whom the next call is.
    pub(super) fn is_for(&mut self, context: &Context) {
        self.store.data_mut().is_for(context);
    }

    /// Gets the store ready for the next call.
    pub(super) fn begin(&mut self, control: &Control) -> wasmtime::Result<()> {
        // What was refused a call before explains nothing of this one.
        self.vitals.forget();
        match self.way {
            Way::Direct => self.store.data_mut().begin_on_a_thread(),
            Way::Fiber => control.begin_call(),
        }
        if let Some(family) = self.vitals.family() {
            family.begin_call();
        }
        if let Some(fuel) = self.setup.limits.fuel {
            store::set_fuel(&mut self.store, fuel)?;
        }
        Ok(())
    }

    /// The call is over.
    pub(super) fn end(&mut self, control: &Control) {
        if self.way == Way::Fiber {
            control.end_call();
        }
        let _ = fuel::settle(&mut self.store);
        self.store.data_mut().forget_call();
        self.calls += 1;
    }

    /// Calls a function; what it gives goes into `returned`, where it is written once. `Err(None)` when the host interrupted it.
    pub(super) async fn call(
        &mut self,
        function: &Function,
        arguments: &[Val],
        returned: &mut Returned,
        control: &Control,
    ) -> Result<(), Option<Outcome>> {
        let called = match self.begin(control).and_then(|()| self.target(function)) {
            // Awaited here and no deeper: its future is large, and moved through each level.
            Ok(Target::Component(func)) => {
                // A component's function gives nothing or one value.
                if function.results().is_empty() {
                    *returned = None;
                } else {
                    *returned = Some(Val::Bool(false));
                }
                let results = returned.as_mut_slice();
                match self.way {
                    Way::Direct => func.call(&mut self.store, arguments, results),
                    Way::Fiber => func.call_async(&mut self.store, arguments, results).await,
                }
            }
            Ok(Target::Core(func)) => match self.call_core(func, function, arguments).await {
                Ok(value) => {
                    *returned = value;
                    Ok(())
                }
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        self.end(control);
        called.map_err(|error| self.outcome(&error))
    }

    async fn call_core(
        &mut self,
        func: wasmtime::Func,
        function: &Function,
        arguments: &[Val],
    ) -> wasmtime::Result<Returned> {
        let store = &mut self.store;
        let arguments: Vec<_> = arguments.iter().map(to_core).collect::<wasmtime::Result<_>>()?;
        let mut results = vec![wasmtime::Val::I32(0); function.results().len()];
        match self.way {
            Way::Direct => func.call(store, &arguments, &mut results)?,
            Way::Fiber => func.call_async(store, &arguments, &mut results).await?,
        }
        let mut results = results.iter().zip(function.results()).map(from_core);
        match function.results().len() {
            0 => Ok(None),
            1 => results.next().transpose(),
            _ => Ok(Some(Val::Tuple(results.collect::<wasmtime::Result<_>>()?))),
        }
    }

    /// What an error of a call stands for; `None` when the host interrupted it.
    pub(super) fn outcome(&self, error: &wasmtime::Error) -> Option<Outcome> {
        outcome::from_error(error, &store::bounds(&self.setup.limits, &self.vitals))
    }

    /// The function in this instance, looked up once.
    fn target(&mut self, function: &Function) -> wasmtime::Result<Target> {
        match &self.last {
            Some((last, target)) if last.is(function) => Ok(*target),
            _ => {
                let target = self.find(function)?;
                self.last = Some((function.clone(), target));
                Ok(target)
            }
        }
    }

    fn find(&mut self, function: &Function) -> wasmtime::Result<Target> {
        let store = &mut self.store;
        let found = match (&self.instance, function.place()) {
            (Instance::Module(instance), Place::Module(export)) => match instance.get_module_export(store, export) {
                Some(Extern::Func(func)) => Some(Target::Core(func)),
                _ => None,
            },
            (Instance::Component(instance), Place::Component(index)) => {
                instance.get_func(store, index).map(Target::Component)
            }
            _ => None,
        };
        found.ok_or_else(|| wasmtime::format_err!("{}: it is not in this instance", function.name()))
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let _ = fuel::settle(&mut self.store);
        if let Some(account) = &self.account {
            account.end();
        }
    }
}

fn to_core(value: &Val) -> wasmtime::Result<wasmtime::Val> {
    Ok(match value {
        Val::S32(value) => wasmtime::Val::I32(*value),
        Val::S64(value) => wasmtime::Val::I64(*value),
        Val::Float32(value) => wasmtime::Val::F32(value.to_bits()),
        Val::Float64(value) => wasmtime::Val::F64(value.to_bits()),
        _ => wasmtime::bail!("a core function takes numbers only"),
    })
}

fn from_core((value, _): (&wasmtime::Val, &Type)) -> wasmtime::Result<Val> {
    Ok(match value {
        wasmtime::Val::I32(value) => Val::S32(*value),
        wasmtime::Val::I64(value) => Val::S64(*value),
        wasmtime::Val::F32(bits) => Val::Float32(f32::from_bits(*bits)),
        wasmtime::Val::F64(bits) => Val::Float64(f64::from_bits(*bits)),
        _ => wasmtime::bail!("a core function gives numbers only"),
    })
}
