//! An interpreter that is called on the caller's own thread, with types of his own.

use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt as _;
use wasmtime::Store;
use wasmtime::component::Instance;

use super::executor::{Executor, require_component};
use super::opened::{Opened, Opening, Way, in_vain};
use crate::error::{Error, ErrorKind, Result};
use crate::interpreter::{Guest, InterpreterId};
use crate::outcome::{Cause, Outcome};
use crate::program::Program;
use crate::scheduler::Flag;
use crate::scheduler::control::Control;
use crate::stack;

/// An interpreter for calls on the thread that makes them: the shortest way there is, within a few nanoseconds of Wasmtime's own.
///
/// It has the executor's setup, its limits and its [`Reuse`](super::Reuse), and its program as of when it was made. The guest
/// holds the calling thread until the call is over, a limit or a kill of the pool ends it. One for each thread of a rayon pool
/// is `map_init`'s first argument. On a thread with less stack left than the guest may use, and in a host function of another
/// call, it moves to a stack of its own, which takes some microseconds.
pub struct Caller<B> {
    executor: Executor,
    program: Program,
    bind: Bind<B>,
    id: InterpreterId,
    control: Arc<Control>,
    flag: Arc<Flag>,
    opened: Option<(Opened, B)>,
    /// From the start of a call to its end.
    inside: bool,
}

/// Finds in an instance what will be called.
type Bind<B> = Box<dyn FnMut(&mut Store<Guest>, &Instance) -> wasmtime::Result<B> + Send>;

/// The thread runs a guest until this is dropped.
struct Resting<'a>(&'a Flag);

impl Drop for Resting<'_> {
    fn drop(&mut self) {
        self.0.rest();
    }
}

impl<B> Caller<B> {
    pub(super) fn new(
        executor: &Executor,
        bind: impl FnMut(&mut Store<Guest>, &Instance) -> wasmtime::Result<B> + Send + 'static,
    ) -> Result<Caller<B>> {
        let program = executor.program();
        if program.direct().is_none() {
            return Err(Error::new(
                ErrorKind::Usage,
                format!(
                    "{}: it cannot be called on this thread: it {}",
                    program.name(),
                    program.blocking()
                ),
            ));
        }
        require_component(&program)?;
        let shared = executor.shared();
        shared.takes_more()?;
        let (id, control) = switch(executor)?;
        let room = shared.commons.engine.instances() as usize;
        if !shared.commons.hub.roster.reserve(1, room) {
            return Err(shared.commons.no_room(1));
        }
        Ok(Caller {
            flag: shared.commons.hub.flag(),
            executor: executor.clone(),
            program,
            bind: Box::new(bind),
            id,
            control,
            opened: None,
            inside: false,
        })
    }

    /// Makes one call: `call` gets the store and what `bind` made for this interpreter.
    ///
    /// # Errors
    /// How the call was ended. The next one has another interpreter.
    pub fn call<T>(
        &mut self,
        call: impl FnOnce(&mut Store<Guest>, &B) -> wasmtime::Result<T>,
    ) -> std::result::Result<T, Outcome> {
        if std::mem::replace(&mut self.inside, true) {
            // The last call panicked.
            self.opened = None;
        }
        let room = self.executor.shared().commons.engine.stack_room();
        let result = stack::with_room(room, || self.enter(call));
        let reuse = self.executor.shared().reuse;
        let keep = |(opened, _): &(Opened, B)| result.is_ok() && reuse.goes_on(opened.calls(), opened.memory());
        if !self.opened.as_ref().is_some_and(keep) {
            self.opened = None;
        }
        self.inside = false;
        result.map_err(|outcome| outcome.unwrap_or_else(|| self.ended()))
    }

    fn enter<T>(
        &mut self,
        call: impl FnOnce(&mut Store<Guest>, &B) -> wasmtime::Result<T>,
    ) -> std::result::Result<T, Option<Outcome>> {
        if self.control.cause().is_some() {
            return Err(None);
        }
        self.executor.shared().commons.hub.runs_directly(&self.flag);
        let _resting = Resting(&self.flag);
        let (opened, bound) = match &mut self.opened {
            Some(opened) => opened,
            none => none.insert(open(
                &self.executor,
                &self.program,
                self.id,
                &self.control,
                &mut self.bind,
            )?),
        };
        let called = opened.begin(&self.control).and_then(|()| call(opened.parts().0, bound));
        opened.end(&self.control);
        called.map_err(|error| opened.outcome(&error))
    }

    /// How a call ended that somebody ended; the next one has another switch, unless the pool has shut down.
    fn ended(&mut self) -> Outcome {
        let shared = self.executor.shared();
        let outcome = match self.control.cause() {
            Some(Cause::Deadline) => Outcome::Deadline(shared.setup.limits.deadline.unwrap_or_default()),
            Some(Cause::CpuTime) => Outcome::Limit(self.control.cpu_limit_hit()),
            _ => Outcome::Killed,
        };
        if let Ok((id, control)) = switch(&self.executor) {
            (self.id, self.control) = (id, control);
        }
        outcome
    }
}

fn switch(executor: &Executor) -> Result<(InterpreterId, Arc<Control>)> {
    let shared = executor.shared();
    let (number, control) = shared
        .commons
        .hub
        .on_a_thread(&shared.setup.limits)
        .ok_or_else(|| Error::new(ErrorKind::Closed, "the pool is shutting down"))?;
    Ok((InterpreterId(number), control))
}

fn open<B>(
    executor: &Executor,
    program: &Program,
    id: InterpreterId,
    control: &Arc<Control>,
    bind: &mut dyn FnMut(&mut Store<Guest>, &Instance) -> wasmtime::Result<B>,
) -> std::result::Result<(Opened, B), Option<Outcome>> {
    let shared = executor.shared();
    let opening = Opening {
        id,
        program,
        setup: &shared.setup,
        control,
        commons: &shared.commons,
        way: Way::Direct,
    };
    let never = || Some(Outcome::HostError("a direct call waited".to_owned()));
    let mut opened = opening.open().now_or_never().ok_or_else(never)??;
    if let Some((name, arguments)) = &shared.initializer {
        let initializer = shared
            .function(program, name)
            .map_err(|error| Some(Outcome::HostError(error.to_string())))?;
        let mut returned = None;
        opened
            .call(&initializer, arguments, &mut returned, control)
            .now_or_never()
            .ok_or_else(never)??;
        if let Some(why) = in_vain(&returned) {
            return Err(Some(Outcome::HostError(format!("its initializer failed: {why}"))));
        }
        opened.forget_calls();
    }
    let bound = match opened.parts() {
        (store, Some(instance)) => {
            let instance = *instance;
            bind(store, &instance)
        }
        (_, None) => Err(wasmtime::format_err!("a core module has no typed calls")),
    };
    match bound {
        Ok(bound) => Ok((opened, bound)),
        Err(error) => Err(Some(Outcome::HostError(format!("{error:#}")))),
    }
}

impl<B> Drop for Caller<B> {
    fn drop(&mut self) {
        self.opened = None;
        self.executor.shared().commons.hub.roster.release(1);
    }
}

impl<B> fmt::Debug for Caller<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}
