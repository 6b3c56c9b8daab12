//! Bare Wasmtime doing only what is measured, on the same engine: the floor that no pool can be below.
//!
//! It is used as an embedder would use it for code that he does not trust: each instance has a limiter, a context for WASI, and gives
//! way when the epoch says so (on a fiber), or goes on (without one).

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use anyhow::Context;
use wasm_pool::value::Val;
use wasmtime::component::{Component, ComponentExportIndex, TypedFunc};
use wasmtime::{Linker, Module, Store, StoreLimits, StoreLimitsBuilder, UpdateDeadline};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p1::WasiP1Ctx;

/// What a bare instance has beside it.
struct Host {
    _wasi: WasiP1Ctx,
    limits: StoreLimits,
    /// What the guest is told.
    order: u32,
}

/// Whether an instance runs on a fiber.
#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    Fiber,
    Thread,
}

fn store(engine: &wasmtime::Engine, order: u32, on: On) -> Store<Host> {
    let host = Host {
        _wasi: WasiCtxBuilder::new().arg("guest").build_p1(),
        limits: StoreLimitsBuilder::new().memory_size(256 << 20).build(),
        order,
    };
    let mut store = Store::new(engine, host);
    store.limiter(|host| &mut host.limits);
    match on {
        On::Fiber => {
            store.set_epoch_deadline(5);
            store.epoch_deadline_async_yield_and_update(5);
        }
        On::Thread => {
            store.set_epoch_deadline(1);
            store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Continue(1)));
        }
    }
    store
}

/// Drives a future to its end on this thread.
fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .context("a runtime cannot be made")?
        .block_on(future)
}

/// A command.
pub(super) struct Lives {
    engine: wasmtime::Engine,
    pre: wasmtime::InstancePre<Host>,
}

impl Lives {
    pub(super) fn new(engine: &wasmtime::Engine, text: &str) -> anyhow::Result<Lives> {
        let mut linker = Linker::new(engine);
        linker.func_wrap("bench", "begin", |caller: wasmtime::Caller<'_, Host>| {
            caller.data().order
        })?;
        let module = Module::new(engine, text)?;
        Ok(Lives {
            engine: engine.clone(),
            pre: linker.instantiate_pre(&module)?,
        })
    }

    /// Starts, runs and ends so many instances with this order, on so many threads, each of which takes the next as long as there
    /// is one.
    pub(super) fn run(&self, threads: usize, lives: u32, order: u32) -> anyhow::Result<()> {
        let taken = AtomicU32::new(0);
        let ended = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..threads)
                .map(|_| scope.spawn(|| self.run_while(|| taken.fetch_add(1, Relaxed) < lives, order)))
                .collect();
            threads
                .into_iter()
                .map(std::thread::ScopedJoinHandle::join)
                .collect::<Vec<_>>()
        });
        ended
            .into_iter()
            .try_for_each(|one| one.map_err(|_| anyhow::anyhow!("a thread of bare Wasmtime panicked"))?)
    }

    /// One after the other, while there is one more.
    fn run_while(&self, more: impl Fn() -> bool, order: u32) -> anyhow::Result<()> {
        block_on(async {
            while more() {
                let mut store = store(&self.engine, order, On::Fiber);
                let instance = self.pre.instantiate_async(&mut store).await?;
                let start = instance.get_typed_func::<(), ()>(&mut store, "_start")?;
                start.call_async(&mut store, ()).await?;
            }
            Ok(())
        })
    }
}

type Add = TypedFunc<(i32, i32), (i32,)>;

/// A component's function `add`.
pub(super) struct Calls {
    engine: wasmtime::Engine,
    pre: wasmtime::component::InstancePre<Host>,
    add: ComponentExportIndex,
}

impl Calls {
    pub(super) fn new(engine: &wasmtime::Engine, text: &str) -> anyhow::Result<Calls> {
        let component = Component::new(engine, text)?;
        let add = component.get_export_index(None, "add").context("no function `add`")?;
        Ok(Calls {
            engine: engine.clone(),
            pre: wasmtime::component::Linker::new(engine).instantiate_pre(&component)?,
            add,
        })
    }

    /// An instance to be called on this thread, again and again.
    pub(super) fn opened(&self) -> anyhow::Result<impl FnMut(u32) -> anyhow::Result<()>> {
        let mut store = store(&self.engine, 0, On::Thread);
        let add: Add = self.pre.instantiate(&mut store)?.get_typed_func(&mut store, self.add)?;
        Ok(move |calls| {
            for call in 0..calls {
                let (sum,) = add.call(&mut store, (call as i32, 1))?;
                check(sum, call)?;
            }
            Ok(())
        })
    }

    /// Calls on this thread, each of an instance of its own.
    pub(super) fn fresh(&self, calls: u32) -> anyhow::Result<()> {
        for call in 0..calls {
            let mut store = store(&self.engine, 0, On::Thread);
            let add: Add = self.pre.instantiate(&mut store)?.get_typed_func(&mut store, self.add)?;
            let (sum,) = add.call(&mut store, (call as i32, 1))?;
            check(sum, call)?;
        }
        Ok(())
    }

    /// Calls on a fiber, of one instance.
    pub(super) fn on_a_fiber(&self) -> anyhow::Result<impl FnMut(u32) -> anyhow::Result<()>> {
        let mut store = store(&self.engine, 0, On::Fiber);
        let instance = block_on(async { Ok(self.pre.instantiate_async(&mut store).await?) })?;
        let add = instance.get_func(&mut store, self.add).context("no function `add`")?;
        Ok(move |calls| {
            block_on(async {
                for call in 0..calls {
                    let mut sum = [Val::Bool(false)];
                    let arguments = [Val::S32(call as i32), Val::S32(1)];
                    add.call_async(&mut store, &arguments, &mut sum).await?;
                    check_value(&sum, call)?;
                }
                Ok(())
            })
        })
    }

    /// Calls on a fiber, each of an instance of its own.
    pub(super) fn fresh_on_a_fiber(&self, calls: u32) -> anyhow::Result<()> {
        block_on(async {
            for call in 0..calls {
                let mut store = store(&self.engine, 0, On::Fiber);
                let instance = self.pre.instantiate_async(&mut store).await?;
                let add = instance.get_func(&mut store, self.add).context("no function `add`")?;
                let mut sum = [Val::Bool(false)];
                let arguments = [Val::S32(call as i32), Val::S32(1)];
                add.call_async(&mut store, &arguments, &mut sum).await?;
                check_value(&sum, call)?;
            }
            Ok(())
        })
    }
}

/// What is measured must also be right.
pub(super) fn check(sum: i32, call: u32) -> anyhow::Result<()> {
    anyhow::ensure!(sum == call as i32 + 1, "{call} and 1 are {sum}");
    Ok(())
}

pub(super) fn check_value(value: &[Val], call: u32) -> anyhow::Result<()> {
    match value {
        [Val::S32(sum)] => check(*sum, call),
        other => anyhow::bail!("no number came, but {other:?}"),
    }
}
