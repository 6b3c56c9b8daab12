//! A guest before it runs: checked, compiled, its imports resolved; shared by all its interpreters and never changed.
//!
//! A program comes from a WebAssembly file, binary or text: a core module with WASI preview 1, or a component with
//! WASI 0.2. Loading is bounded in size and in time, and every refusal is one line that says what was expected and
//! what was found.

mod compile;
mod describe;
mod endless;
mod flight;
mod function;
mod resolve;
mod sniff;
mod source;
mod types;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use wasmtime_wasi::p2::bindings::CommandPre;

pub use self::compile::Compiled;
pub(crate) use self::compile::aside;
pub use self::describe::{Blocking, Item, Need};
pub(crate) use self::flight::Flights;
pub use self::function::Function;
pub(crate) use self::function::Place;
use self::resolve::{check_parts, component_entries, module_entry, resolved_component, resolved_module, resources};
pub(crate) use self::types::wit;
use crate::cache::Origin;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::hostcalls::WorkerPre;
use crate::interpreter::Guest;
use crate::limits::Limits;
use crate::telemetry::Meters;
use crate::text;

/// A compiled guest. Cloning gives another handle to the same program.
#[derive(Clone)]
pub struct Program(Arc<Inner>);

struct Inner {
    engine: Engine,
    name: String,
    size: u64,
    compiled: Compiled,
    code: Code,
    /// Its imports resolved for fibers.
    pre: Pre,
    /// The same for threads that may not wait, if it never waits.
    direct: OnceLock<Option<Pre>>,
    entry: Result<Entry, String>,
    /// Its `task`, if it exports one.
    worker: Option<WorkerPre<Guest>>,
    talks: bool,
    meters: OnceLock<Meters>,
}

/// What kind of WebAssembly a program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A core module.
    Module,
    /// A component.
    Component,
}

/// The compiled code. Cloning gives another handle to it.
#[derive(Clone)]
pub(crate) enum Code {
    Module(wasmtime::Module),
    Component(wasmtime::component::Component),
}

/// A program whose imports are resolved.
pub(crate) enum Pre {
    Module(wasmtime::InstancePre<Guest>),
    Component(wasmtime::component::InstancePre<Guest>),
}

/// How a command begins.
pub(crate) enum Entry {
    /// A core module's `_start`.
    Start {
        module: wasmtime::InstancePre<Guest>,
        start: wasmtime::ModuleExport,
    },
    /// A component's `wasi:cli/run`.
    Run(CommandPre<Guest>),
}

/// Whether compiled code that a person names is run. It is native code: nothing can check it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precompiled {
    /// It is refused.
    #[default]
    Refuse,
    /// It is run. Only for files that this host's `compile` wrote and nobody else could have changed.
    Trust,
}

impl Program {
    /// Loads the program in a file, or what stdin gives when the path is `-`. Blocks while it compiles.
    ///
    /// Uses [`Limits::module_size`] and [`Limits::compile_time`].
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`](crate::ErrorKind::Unreadable) when the file cannot be read,
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) when it is no program that this host runs.
    pub fn from_file(engine: &Engine, path: impl AsRef<Path>, limits: &Limits) -> Result<Program> {
        Program::from_file_trusting(engine, path, limits, Precompiled::Refuse)
    }

    /// [`from_file`](Program::from_file), saying whether compiled code is trusted.
    ///
    /// # Errors
    /// As [`from_file`](Program::from_file).
    pub fn from_file_trusting(
        engine: &Engine,
        path: impl AsRef<Path>,
        limits: &Limits,
        precompiled: Precompiled,
    ) -> Result<Program> {
        let path = path.as_ref();
        let shown = text::one_line(&path.display().to_string());
        let name = source::program_name(path);
        let origin = source::origin(path, limits.module_size);
        let known = origin
            .as_ref()
            .and_then(|(origin, size)| Some((compile::recall(engine, origin)?, *size)));
        let program = match known {
            Some((code, size)) => Program::of_code(engine, &name, size, code, Compiled::Cached),
            None => {
                let bytes = source::read(path, limits.module_size)?;
                // It holds what was read, unless it was changed meanwhile.
                let origin = origin.filter(|before| source::origin(path, limits.module_size).as_ref() == Some(before));
                let origin = origin.as_ref().map(|(origin, _)| origin);
                Program::load(engine, &name, bytes, origin, limits, precompiled)
            }
        };
        program.map_err(|error| error.about(&shown))
    }

    /// The name and the bytes of the program in a file, or of what stdin gives when the path is `-`, within
    /// [`Limits::module_size`].
    ///
    /// # Errors
    /// As [`from_file`](Program::from_file).
    pub fn read(path: impl AsRef<Path>, limits: &Limits) -> Result<(String, Vec<u8>)> {
        let path = path.as_ref();
        Ok((source::program_name(path), source::read(path, limits.module_size)?))
    }

    /// Loads a program from its bytes, binary or text. Blocks while it compiles.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) when they are no program that this host runs.
    pub fn from_bytes(engine: &Engine, name: &str, bytes: &[u8], limits: &Limits) -> Result<Program> {
        source::check_size(bytes.len() as u64, limits.module_size)?;
        Program::load(engine, name, bytes.to_vec(), None, limits, Precompiled::Refuse)
    }

    /// [`from_file`](Program::from_file) without blocking.
    ///
    /// # Errors
    /// As [`from_file`](Program::from_file).
    pub async fn from_file_async(engine: &Engine, path: impl AsRef<Path>, limits: &Limits) -> Result<Program> {
        let (engine, path, limits) = (engine.clone(), path.as_ref().to_owned(), limits.clone());
        crate::blocking::run("wasm-pool-load", move || Program::from_file(&engine, path, &limits)).await?
    }

    /// [`from_bytes`](Program::from_bytes) without blocking.
    ///
    /// # Errors
    /// As [`from_bytes`](Program::from_bytes).
    pub async fn from_bytes_async(engine: &Engine, name: &str, bytes: Vec<u8>, limits: &Limits) -> Result<Program> {
        let (engine, name, limits) = (engine.clone(), name.to_owned(), limits.clone());
        crate::blocking::run("wasm-pool-load", move || {
            Program::from_bytes(&engine, &name, &bytes, &limits)
        })
        .await?
    }

    fn load(
        engine: &Engine,
        name: &str,
        bytes: Vec<u8>,
        origin: Option<&Origin>,
        limits: &Limits,
        precompiled: Precompiled,
    ) -> Result<Program> {
        let size = bytes.len() as u64;
        let (code, compiled) = compile::compile(engine, bytes, origin, limits, precompiled)?;
        Program::of_code(engine, name, size, code, compiled)
    }

    fn of_code(engine: &Engine, name: &str, size: u64, code: Code, compiled: Compiled) -> Result<Program> {
        check_parts(engine, &code)?;
        let (pre, entry, worker) = match &code {
            Code::Module(module) => {
                let pre = resolved_module(engine.modules()?, module)?;
                let entry = module_entry(module, &pre);
                (Pre::Module(pre), entry, None)
            }
            Code::Component(component) => {
                let pre = resolved_component(engine.components()?, component)?;
                let (entry, worker) = component_entries(engine, component, &pre);
                (Pre::Component(pre), entry, worker)
            }
        };
        let talks = worker.is_some() || describe::talks(engine, &code);
        Ok(Program(Arc::new(Inner {
            engine: engine.clone(),
            name: name.to_owned(),
            size,
            compiled,
            code,
            pre,
            direct: OnceLock::new(),
            entry,
            worker,
            talks,
            meters: OnceLock::new(),
        })))
    }

    /// Its name: the file's, without the ending.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What kind of WebAssembly it is.
    pub fn kind(&self) -> Kind {
        match self.0.code {
            Code::Module(_) => Kind::Module,
            Code::Component(_) => Kind::Component,
        }
    }

    /// The size of its source in bytes.
    pub fn size(&self) -> u64 {
        self.0.size
    }

    /// Linear memory that an interpreter of it takes at its start, in bytes; 0 when that cannot be told beforehand.
    pub fn initial_memory(&self) -> u64 {
        let largest = self
            .resources()
            .and_then(|required| required.max_initial_memory_size)
            .unwrap_or(0);
        largest.saturating_mul(WASM_PAGE)
    }

    /// How many linear memories an interpreter of it has; 1 when that cannot be told beforehand.
    pub fn memories(&self) -> u32 {
        self.resources().map_or(1, |required| required.num_memories)
    }

    fn resources(&self) -> Option<wasmtime::ResourcesRequired> {
        resources(&self.0.code)
    }

    /// Where its compiled code came from.
    pub fn compiled(&self) -> Compiled {
        self.0.compiled
    }

    /// The engine that compiled it.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Its compiled code, as `wasm-pool compile -o` writes it.
    ///
    /// # Errors
    /// [`ErrorKind::Host`](crate::ErrorKind::Host) when Wasmtime cannot give it.
    pub fn to_precompiled(&self) -> Result<Vec<u8>> {
        match &self.0.code {
            Code::Module(module) => module.serialize(),
            Code::Component(component) => component.serialize(),
        }
        .map_err(|error| Error::host(format!("{error:#}")))
    }

    /// Checks that it is a command, something that can be run from start to end.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused), saying what was expected and what was found.
    pub fn require_command(&self) -> Result<()> {
        match &self.0.entry {
            Ok(_) => Ok(()),
            Err(why) => Err(Error::refused(format!("{}: {why}", self.name()))),
        }
    }

    /// Checks that interpreters of it can be created and called.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused), saying what was expected.
    pub fn require_task(&self) -> Result<()> {
        match &self.0.worker {
            Some(_) => Ok(()),
            None => Err(Error::refused(format!(
                "{}: it cannot be called: that needs a component with the export `{}task`",
                self.name(),
                crate::hostcalls::PACKAGE
            ))),
        }
    }

    /// Its `task`. Only asked after `require_task`.
    pub(crate) fn worker(&self) -> Option<&WorkerPre<Guest>> {
        self.0.worker.as_ref()
    }

    /// Whether it can use queues or interpreters, or be called with them.
    pub(crate) fn talks(&self) -> bool {
        self.0.talks
    }

    /// What is measured of its calls.
    pub(crate) fn meters(&self) -> &Meters {
        self.0.meters.get_or_init(|| Meters::new(self.name()))
    }

    pub(crate) fn code(&self) -> &Code {
        &self.0.code
    }

    pub(crate) fn pre(&self) -> &Pre {
        &self.0.pre
    }

    /// The program for threads that may not wait; `None` when it can wait for something.
    pub(crate) fn direct(&self) -> Option<&Pre> {
        let made = self.0.direct.get_or_init(|| {
            if self.blocking() != Blocking::Never {
                return None;
            }
            match &self.0.code {
                Code::Module(module) => Some(Pre::Module(
                    resolved_module(self.0.engine.prompt_modules().ok()?, module).ok()?,
                )),
                Code::Component(component) => {
                    let linker = self.0.engine.prompt_components().ok()?;
                    Some(Pre::Component(resolved_component(linker, component).ok()?))
                }
            }
        });
        made.as_ref()
    }

    /// How its functions are called, unless an executor is told otherwise: directly if it imports nothing that can wait, else on
    /// fibers.
    pub fn path(&self) -> crate::calls::Path {
        match self.direct() {
            Some(_) => crate::calls::Path::Direct,
            None => crate::calls::Path::Fiber,
        }
    }

    /// How it begins. Only asked after `require_command`.
    pub(crate) fn entry(&self) -> Option<&Entry> {
        self.0.entry.as_ref().ok()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Module => "core module",
            Kind::Component => "component",
        })
    }
}

/// Programs are equal when they are the same one.
impl PartialEq for Program {
    fn eq(&self, other: &Program) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Program {}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program")
            .field("name", &self.name())
            .field("kind", &self.kind())
            .finish_non_exhaustive()
    }
}

/// What memories are measured in.
const WASM_PAGE: u64 = 64 << 10;
