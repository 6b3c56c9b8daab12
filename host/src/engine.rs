//! The compiler and the memory that interpreters are made of: one Wasmtime engine, configured for strangers' code.
//!
//! What is off and why: GC, exceptions, threads, shared memory, 64-bit memories, stack switching and the component
//! model's async are off because a program that needs none of them should not meet their bugs. Compiled code is only
//! ever loaded from the [cache](crate::Cache) that this host wrote, or where the caller says that he trusts it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use wasmtime::{Config, InstanceAllocationStrategy, WasmBacktraceDetails};

use crate::cache::Cache;
use crate::error::{Error, ErrorKind, Result};
use crate::interpreter::Guest;
use crate::limits::Limits;
use crate::offers::{HostCalls, Offer};
use crate::pooling::{Parts, pooling};
use crate::program::{Code, Flights};
use crate::{machine, offers, wasi};

/// A compiler and an allocator. Cloning gives another handle to the same engine.
///
/// Programs belong to the engine that compiled them, and a pool runs programs of one engine. One engine for a process
/// is the usual case.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    wasmtime: wasmtime::Engine,
    stack: u64,
    fuel: Fuel,
    instances: u32,
    parts: Parts,
    allocation: Allocation,
    cache: Option<Cache>,
    offers: Vec<Offer>,
    flights: Flights<Code>,
    modules: OnceLock<wasmtime::Linker<Guest>>,
    components: OnceLock<wasmtime::component::Linker<Guest>>,
    prompt_modules: OnceLock<wasmtime::Linker<Guest>>,
    prompt_components: OnceLock<wasmtime::component::Linker<Guest>>,
}

/// How an engine gets memory for interpreters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allocation {
    /// A mapping for each memory, when it is needed: nothing to prepare, 10–50 µs of page faults an interpreter.
    OnDemand,
    /// Slots reserved at the start and used again: an interpreter costs microseconds, preparing 1,000 slots 3 ms.
    Pooling,
}

/// Whether programs count instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fuel {
    Counted,
    NotCounted,
}

/// From how many interpreters on pooling pays for its preparation: eight copies of a small command as a whole process cost
/// 1.2 times one with it and 1.4 times without.
pub const POOLING_FROM: u32 = 2;

/// Makes an [`Engine`].
pub struct EngineBuilder {
    limits: Limits,
    instances: u32,
    allocation: Option<Allocation>,
    cache: Option<Cache>,
    offers: Vec<Offer>,
}

impl fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineBuilder")
            .field("instances", &self.instances)
            .field("allocation", &self.allocation)
            .finish_non_exhaustive()
    }
}

impl EngineBuilder {
    /// The stack size and the fuel of these limits (fuel counts instructions, so it changes the compiled code), and
    /// the sizes that the allocator prepares. Default: [`Limits::default`].
    pub fn limits(mut self, limits: &Limits) -> EngineBuilder {
        self.limits = limits.clone();
        self
    }

    /// How many interpreters may live at once. Default: 1,000.
    pub fn instances(mut self, instances: u32) -> EngineBuilder {
        self.instances = instances;
        self
    }

    /// How memory is got. Default: [`Allocation::Pooling`] from two interpreters on, [`Allocation::OnDemand`] for one.
    pub fn allocation(mut self, allocation: Allocation) -> EngineBuilder {
        self.allocation = Some(allocation);
        self
    }

    /// Where compiled code is kept. Default: nowhere.
    pub fn cache(mut self, cache: Cache) -> EngineBuilder {
        self.cache = Some(cache);
        self
    }

    /// Functions that components may import from `interface` (such as `demo:text/host`, with or without its version) besides
    /// WASI; `add` puts them into Wasmtime's linker, as closures or by `bindgen!`'s `add_to_linker`. See
    /// [`offers`].
    pub fn host_functions(
        mut self,
        interface: &str,
        calls: HostCalls,
        add: impl Fn(&mut wasmtime::component::Linker<Guest>) -> wasmtime::Result<()> + Send + Sync + 'static,
    ) -> EngineBuilder {
        self.offers.push(Offer::to_components(interface, calls, add));
        self
    }

    /// The same for core modules, which import from `module`.
    pub fn host_functions_for_modules(
        mut self,
        module: &str,
        calls: HostCalls,
        add: impl Fn(&mut wasmtime::Linker<Guest>) -> wasmtime::Result<()> + Send + Sync + 'static,
    ) -> EngineBuilder {
        self.offers.push(Offer::to_modules(module, calls, add));
        self
    }

    /// The engine.
    ///
    /// # Errors
    /// [`ErrorKind::Unfit`] when this machine cannot hold so many interpreters; [`ErrorKind::Usage`] for a stack that
    /// no engine can have.
    pub fn build(self) -> Result<Engine> {
        let EngineBuilder {
            limits,
            instances,
            allocation,
            cache,
            offers,
        } = self;
        check_room(instances)?;
        let allocation = allocation.unwrap_or(if instances >= POOLING_FROM {
            Allocation::Pooling
        } else {
            Allocation::OnDemand
        });
        let fuel = match limits.fuel {
            Some(_) => Fuel::Counted,
            None => Fuel::NotCounted,
        };
        let mut config = config(&limits, fuel)?;
        let parts = Parts::of_each(instances);
        if allocation == Allocation::Pooling {
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(pooling(&limits, instances, parts)));
        }
        let wasmtime = wasmtime::Engine::new(&config).map_err(|error| {
            Error::new(
                ErrorKind::Unfit,
                format!("room for {instances} instances cannot be reserved: {error:#}"),
            )
        })?;
        Ok(Engine(Arc::new(Inner {
            wasmtime,
            stack: limits.stack.as_u64(),
            fuel,
            instances,
            parts,
            allocation,
            cache,
            offers,
            flights: Flights::default(),
            modules: OnceLock::new(),
            components: OnceLock::new(),
            prompt_modules: OnceLock::new(),
            prompt_components: OnceLock::new(),
        })))
    }
}

impl Engine {
    /// An engine with every default.
    ///
    /// # Errors
    /// As [`EngineBuilder::build`].
    pub fn new() -> Result<Engine> {
        Engine::builder().build()
    }

    /// An engine to be configured.
    pub fn builder() -> EngineBuilder {
        EngineBuilder {
            limits: Limits::default(),
            instances: 1_000,
            allocation: None,
            cache: None,
            offers: Vec::new(),
        }
    }

    /// How memory is got.
    pub fn allocation(&self) -> Allocation {
        self.0.allocation
    }

    /// How many interpreters may live at once.
    pub fn instances(&self) -> u32 {
        self.0.instances
    }

    /// How many linear memories may exist at once; most programs have one, some components several.
    pub fn memories(&self) -> u64 {
        match self.0.allocation {
            Allocation::OnDemand => u64::MAX,
            Allocation::Pooling => u64::from(self.0.instances) * u64::from(self.0.parts.memories),
        }
    }

    /// What is compiled for it now.
    pub(crate) fn flights(&self) -> &Flights<Code> {
        &self.0.flights
    }

    /// What one interpreter may be made of.
    pub(crate) fn parts(&self) -> Parts {
        self.0.parts
    }

    /// What a thread must have left of its stack for a guest to have all of its own: that, and room for the host functions
    /// below it.
    pub(crate) fn stack_room(&self) -> usize {
        usize::try_from(self.0.stack)
            .unwrap_or(usize::MAX)
            .saturating_add(HOST_STACK)
    }

    /// Where compiled code is kept.
    pub fn cache(&self) -> Option<&Cache> {
        self.0.cache.as_ref()
    }

    /// Wasmtime's engine, for what this crate does not offer. Programs and pools of this engine run on it.
    pub fn wasmtime(&self) -> &wasmtime::Engine {
        &self.0.wasmtime
    }

    /// Checks that an interpreter with `limits` can run on this engine.
    pub(crate) fn admit(&self, limits: &Limits) -> Result<()> {
        let usage = |message: String| Err(Error::new(ErrorKind::Usage, message));
        if limits.stack.as_u64() != self.0.stack {
            return usage(format!(
                "the stack of {} is another one than the engine was made with",
                limits.stack
            ));
        }
        match (limits.fuel, self.0.fuel) {
            (Some(_), Fuel::NotCounted) => usage("fuel was asked for, but the engine was made without".to_owned()),
            (None, Fuel::Counted) => usage("the engine counts fuel, but no fuel was given".to_owned()),
            _ => Ok(()),
        }
    }

    /// What core modules may import.
    pub(crate) fn modules(&self) -> Result<&wasmtime::Linker<Guest>> {
        made(&self.0.modules, || {
            let mut linker = wasi::module_linker(&self.0.wasmtime)?;
            offers::for_modules(&self.0.offers, false, &mut linker)?;
            Ok(linker)
        })
    }

    /// What components may import.
    pub(crate) fn components(&self) -> Result<&wasmtime::component::Linker<Guest>> {
        made(&self.0.components, || {
            let mut linker = wasi::component_linker(&self.0.wasmtime)?;
            offers::for_components(&self.0.offers, false, &mut linker)?;
            Ok(linker)
        })
    }

    /// What core modules that never wait may import, without fibers.
    pub(crate) fn prompt_modules(&self) -> Result<&wasmtime::Linker<Guest>> {
        made(&self.0.prompt_modules, || {
            let mut linker = wasi::prompt_module_linker(&self.0.wasmtime)?;
            offers::for_modules(&self.0.offers, true, &mut linker)?;
            Ok(linker)
        })
    }

    /// What components that never wait may import, without fibers.
    pub(crate) fn prompt_components(&self) -> Result<&wasmtime::component::Linker<Guest>> {
        made(&self.0.prompt_components, || {
            let mut linker = wasi::prompt_component_linker(&self.0.wasmtime)?;
            offers::for_components(&self.0.offers, true, &mut linker)?;
            Ok(linker)
        })
    }

    /// Whether the service offers this interface, to be called without waiting.
    pub(crate) fn offers_promptly(&self, interface: &str) -> bool {
        self.0.offers.iter().any(|offer| offer.is_prompt_for(interface))
    }
}

/// What is there, or is made now, at first use.
fn made<T>(place: &OnceLock<T>, make: impl FnOnce() -> wasmtime::Result<T>) -> Result<&T> {
    match place.get() {
        Some(made) => Ok(made),
        None => {
            let made = make().map_err(|error| Error::host(format!("{error:#}")))?;
            Ok(place.get_or_init(|| made))
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("allocation", &self.0.allocation)
            .field("instances", &self.0.instances)
            .finish_non_exhaustive()
    }
}

fn check_room(instances: u32) -> Result<()> {
    let room = machine::room();
    if u64::from(instances) <= room.interpreters {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Unfit,
        format!(
            "{instances} instances at once are more than this machine can hold, which is {}: {}",
            room.interpreters, room.bound
        ),
    ))
}

/// Host functions run on the guest's fiber or thread, below the guest's frames: path look-ups and formatting need their own
/// room. Only touched pages cost memory.
const HOST_STACK: usize = 1 << 20;

/// The features of WebAssembly that are off, for people to read.
pub const OFF: [&str; 8] = [
    "gc",
    "exceptions",
    "threads",
    "shared memory",
    "memory64",
    "stack switching",
    "component-model async",
    "function references",
];

fn config(limits: &Limits, fuel: Fuel) -> Result<Config> {
    let stack = usize::try_from(limits.stack.as_u64()).unwrap_or(usize::MAX);
    if !(16 << 10..=256 << 20).contains(&stack) {
        let message = format!("a stack of {} is outside 16KiB to 256MiB", limits.stack);
        return Err(Error::new(ErrorKind::Usage, message));
    }
    let mut config = Config::new();
    config
        .max_wasm_stack(stack)
        .async_stack_size(stack + HOST_STACK)
        .epoch_interruption(true)
        .consume_fuel(fuel == Fuel::Counted)
        .wasm_backtrace_max_frames(std::num::NonZero::new(crate::outcome::MAX_FRAMES))
        // A stranger's debug information is not read, whatever WASMTIME_BACKTRACE_DETAILS says.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_gc(false)
        .wasm_function_references(false)
        .wasm_exceptions(false)
        .wasm_memory64(false)
        .wasm_threads(false)
        .shared_memory(false)
        .concurrency_support(false);
    Ok(config)
}
