//! A program that begins where another one is after a call: what takes long is done once, and each interpreter starts from the
//! result by copy-on-write.
//!
//! The call runs in an interpreter with nothing granted; then what is in its memories and globals becomes the initial contents of
//! a new program. What cannot be in there:
//! - **handles of the host**: a program that holds any after the call (an open stream, a timer, a queue) is refused;
//! - **secrets**: nothing was granted, so there are none but those that the call's arguments bring;
//! - **randomness is there**: what the program drew during the call, such as the seeds of its hash tables, is the same in all
//!   interpreters of the snapshot. A program to which that matters must draw again.
//!
//! Only components, since those of core modules' files could not be told from other state.

use wasmtime::Store;
use wasmtime::component::{Instance, Lift, Val, WasmList};
use wasmtime_wizer::{ComponentInstanceState, Wizer};

use super::opened::in_vain;
use super::{Executor, FutureError, Path};
use crate::error::{Error, ErrorKind, Result};
use crate::interpreter::{Guest, Setup};
use crate::limits::Limits;
use crate::outcome::Outcome;
use crate::pool::Pool;
use crate::program::{Kind, Place, Program, aside};
use crate::queue::Wait;
use crate::value::parse_call;

/// Makes a snapshot of the component in `bytes` (binary or text) after `call`, such as `setup(3)` in WAVE: the bytes of a new
/// component, which [`Program::from_bytes`] loads. Blocks while it compiles and runs, within `limits`.
///
/// # Errors
/// [`ErrorKind::Refused`] for what is no component, cannot be a snapshot or holds what a snapshot must not;
/// [`ErrorKind::Usage`] for a call that has no meaning; [`ErrorKind::Broken`] when the call failed.
pub fn snapshot(pool: &Pool, name: &str, bytes: &[u8], call: &str, limits: &Limits) -> Result<Vec<u8>> {
    let engine = &pool.commons().engine;
    // Says in the usual words what is wrong with it.
    let program = Program::from_bytes(engine, name, bytes, limits)?;
    if program.kind() != Kind::Component {
        return Err(Error::refused(format!(
            "{name}: a snapshot is made of a component, and this is a {}",
            program.kind()
        )));
    }
    parse_call(&program, call)?;
    // As text and as what a stranger wrote it is the compiler's affair: its stack, its time.
    let (bytes, owned) = (bytes.to_vec(), name.to_owned());
    let (binary, instrumented) = aside(limits.compile_time, move || {
        let binary = wat::parse_bytes(&bytes)
            .map_err(|error| Error::refused(format!("{owned}: {error}")))?
            .into_owned();
        let instrumented = Wizer::new().instrument_component(&binary).map(|(_, bytes)| bytes);
        let instrumented = instrumented.map_err(|error| no_snapshot(&owned, format!("{error:#}")))?;
        Ok((binary, instrumented))
    })?;
    let program = Program::from_bytes(engine, name, &instrumented, limits)?;
    let (function, arguments) = parse_call(&program, call)?;
    let setup = Setup {
        limits: limits.clone(),
        ..Setup::default()
    };
    let executor = Executor::builder(pool, &program)
        .setup(setup)
        .path(Path::Fiber)
        .interpreters(1)
        .build()?;
    let future = executor.submit_typed(move |store, instance| {
        Box::pin(async move {
            let Place::Component(index) = function.place() else {
                wasmtime::bail!("it is no component");
            };
            let Some(func) = instance.get_func(&mut *store, index) else {
                wasmtime::bail!("{} is not in this instance", function.name());
            };
            let mut results = vec![Val::Bool(false); function.results().len()];
            func.call_async(&mut *store, &arguments, &mut results).await?;
            if let Some(why) = in_vain(&results.into_iter().next()) {
                return Ok(Err(format!("{}: {why}", function.name())));
            }
            let held = store.data_mut().handles();
            if held > 0 {
                return Ok(Err(format!(
                    "after {} it holds {held} handles of the host",
                    function.name()
                )));
            }
            // What is in its memory is copied out at once; that is bounded by what its memory may be.
            store.set_hostcall_fuel(usize::MAX);
            let mut wizer = Wizer::new();
            wizer.keep_init_func(true);
            let (context, _) = wizer.instrument_component(&binary)?;
            let mut state = State {
                store,
                instance: *instance,
                failed: None,
            };
            let bytes = wizer.snapshot_component(&context, &mut state).await?;
            match state.failed {
                None => Ok(Ok(bytes)),
                Some(error) => Err(error),
            }
        })
    })?;
    match future.into_result(Wait::Forever) {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(why)) => Err(no_snapshot(name, why)),
        // What it holds is nothing that this can be made of.
        Err(FutureError::Ended(Outcome::HostError(why))) => Err(no_snapshot(name, why)),
        Err(FutureError::Ended(outcome)) => Err(Error::new(
            ErrorKind::Broken,
            format!("{name}: no snapshot can be made: {outcome}"),
        )),
        Err(other) => Err(Error::new(ErrorKind::Closed, other)),
    }
}

fn no_snapshot(name: &str, why: impl std::fmt::Display) -> Error {
    Error::refused(format!("{name}: no snapshot can be made: {why}"))
}

/// What wizer asks of an instance: to call the functions that it put in.
struct State<'a> {
    store: &'a mut Store<Guest>,
    instance: Instance,
    /// Why one of them could not be called; what it then gave means nothing.
    failed: Option<wasmtime::Error>,
}

impl State<'_> {
    async fn ask<R: Lift + Send + Sync + 'static>(&mut self, instance: &str, function: &str) -> Option<R> {
        match self.called(instance, function).await {
            Ok((result,)) => Some(result),
            Err(error) => {
                self.failed.get_or_insert(error);
                None
            }
        }
    }

    async fn called<R: Lift + Send + Sync + 'static>(
        &mut self,
        instance: &str,
        function: &str,
    ) -> wasmtime::Result<(R,)> {
        let missing = || wasmtime::format_err!("{instance}#{function} is not there");
        let interface = self.instance.get_export_index(&mut *self.store, None, instance);
        let interface = interface.ok_or_else(missing)?;
        let index = self
            .instance
            .get_export_index(&mut *self.store, Some(&interface), function);
        let func = self
            .instance
            .get_typed_func::<(), (R,)>(&mut *self.store, index.ok_or_else(missing)?)?;
        func.call_async(&mut *self.store, ()).await
    }
}

impl ComponentInstanceState for State<'_> {
    async fn call_func_ret_list_u8(&mut self, instance: &str, func: &str, contents: impl FnOnce(&[u8]) + Send) {
        match self.ask::<WasmList<u8>>(instance, func).await {
            Some(list) => contents(list.as_le_slice(&*self.store)),
            None => contents(&[]),
        }
    }

    async fn call_func_ret_s32(&mut self, instance: &str, func: &str) -> i32 {
        self.ask(instance, func).await.unwrap_or_default()
    }

    async fn call_func_ret_s64(&mut self, instance: &str, func: &str) -> i64 {
        self.ask(instance, func).await.unwrap_or_default()
    }

    async fn call_func_ret_f32(&mut self, instance: &str, func: &str) -> u32 {
        self.ask::<f32>(instance, func).await.unwrap_or_default().to_bits()
    }

    async fn call_func_ret_f64(&mut self, instance: &str, func: &str) -> u64 {
        self.ask::<f64>(instance, func).await.unwrap_or_default().to_bits()
    }
}
