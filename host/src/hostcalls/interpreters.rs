//! The interface `interpreters`.

use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use wasmtime::component::{Resource, ResourceTableError};
use wasmtime_wasi::p2::{DynPollable, subscribe};

use super::convert::{from_guest, to_guest};
use super::polls::End;
use super::talk::Talk;
use super::{Speaker, wit, wit_interpreters};
use crate::error::ErrorKind;
use crate::grants::Grants;
use crate::interpreter::desk::{Answer, Payer, Reply, Request};
use crate::interpreter::{CallError, Interpreter, InterpreterId, Setup};
use crate::limits::{LimitHit, LimitKind, Limits};
use crate::program::Program;
use crate::queue::{ITEM_OVERHEAD, Item};
use crate::stdio::Stdio;
use wit_interpreters::{CreateOptions, Inherited, InterpreterError};

/// A call that runs beside its caller.
#[expect(unreachable_pub, reason = "the generated code names it in a public place")]
pub struct Thread {
    callee: InterpreterId,
    reply: Arc<Reply>,
    /// The interpreter goes on as long as the call is looked after.
    _interpreter: Interpreter,
}

type Done<T> = wasmtime::Result<Result<T, InterpreterError>>;

impl Speaker<'_> {
    fn interpreter(&mut self, this: &Resource<Interpreter>) -> wasmtime::Result<&Interpreter> {
        let (_, table) = self.parts()?;
        Ok(table.get(this)?)
    }

    /// Asks an interpreter and waits for its answer.
    async fn ask(&mut self, this: &Resource<Interpreter>, request: Request) -> Done<Item> {
        let (talk, table) = self.parts()?;
        let callee = table.get(this)?;
        let reply = match hand_in(talk, callee, request) {
            Ok(reply) => reply,
            Err(error) => return Ok(Err(error)),
        };
        let answer = reply.take_standing(&talk.control, callee.id()).await;
        Ok(answered(answer))
    }

    fn items(&mut self, items: Vec<wit::Item>) -> Done<Vec<Item>> {
        let (talk, table) = self.parts()?;
        let mut taken = Vec::with_capacity(items.len());
        for item in items {
            match from_guest(talk, table, item)? {
                Ok(item) => taken.push(item),
                Err(why) => return Ok(Err(InterpreterError::Invalid(why))),
            }
        }
        Ok(Ok(taken))
    }
}

/// Hands in a call. What it carries, and what it will give, count as the caller's messages.
fn hand_in(talk: &Talk, callee: &Interpreter, request: Request) -> Result<Arc<Reply>, InterpreterError> {
    let payer = Payer::new(&talk.account, &talk.commons.budget);
    let load = payer.load(request.weight());
    let load = load.map_err(|hit| InterpreterError::Limit(hit.to_string()))?;
    Ok(callee.ask(request, Reply::paid_by(payer, load))?)
}

fn answered(answer: Option<Answer>) -> Result<Item, InterpreterError> {
    match answer {
        Some(Ok(item)) => Ok(item),
        Some(Err(failed)) => Err(InterpreterError::ExecutionFailed(failed.into())),
        None => Err(InterpreterError::Invalid("its result was taken before".to_owned())),
    }
}

impl From<CallError> for InterpreterError {
    fn from(error: CallError) -> InterpreterError {
        match error {
            CallError::NotFound => InterpreterError::NotFound,
            CallError::AlreadyRunning => InterpreterError::AlreadyRunning,
            CallError::NotCallable => InterpreterError::NotAllowed(error.to_string()),
            CallError::Invalid(why) => InterpreterError::Invalid(why),
            CallError::Failed(failed) => InterpreterError::ExecutionFailed(failed.into()),
        }
    }
}

impl wit_interpreters::Host for Speaker<'_> {
    fn create(&mut self, options: CreateOptions) -> Done<Resource<Interpreter>> {
        let (talk, table) = self.parts()?;
        match create(talk, options) {
            Ok(interpreter) => {
                talk.learn_interpreter(interpreter.clone());
                Ok(Ok(table.push(interpreter)?))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    fn from_id(&mut self, id: u64) -> Done<Resource<Interpreter>> {
        let (talk, table) = self.parts()?;
        match talk.interpreter(id) {
            Some(interpreter) => Ok(Ok(table.push(interpreter)?)),
            None => Ok(Err(InterpreterError::NotFound)),
        }
    }

    fn list_all(&mut self) -> wasmtime::Result<Vec<u64>> {
        let (talk, _) = self.parts()?;
        let own = talk.id();
        let others = talk.living().filter(|id| *id != own).map(|id| id.0);
        Ok(std::iter::once(own.0).chain(others).collect())
    }

    fn get_current(&mut self) -> wasmtime::Result<u64> {
        let (talk, _) = self.parts()?;
        Ok(talk.id().0)
    }

    fn get_main(&mut self) -> wasmtime::Result<u64> {
        let (talk, _) = self.parts()?;
        Ok(talk.family.main.unwrap_or(talk.id()).0)
    }
}

/// A child of this guest, with at most what the guest has.
fn create(talk: &Talk, options: CreateOptions) -> Result<Interpreter, InterpreterError> {
    let Some(grant) = &talk.setup.grants.interpreters else {
        let why = "creating interpreters is not granted (--interpreters grants it)";
        return Err(InterpreterError::NotAllowed(why.to_owned()));
    };
    let program = match &options.program {
        None => talk.program.clone(),
        Some(name) => grant
            .programs
            .get(name)
            .cloned()
            .ok_or_else(|| InterpreterError::Invalid(format!("the grant names no program {name:?}")))?,
    };
    let (setup, family) = child(talk, &options);
    let family = family?;
    start(talk, &program, setup, family)
}

fn start(talk: &Talk, program: &Program, setup: Setup, family: super::Family) -> Result<Interpreter, InterpreterError> {
    // It lies in the host twice: as what the child was given, and as what it is shown.
    let arguments = setup.grants.args.iter();
    let bytes = arguments.map(|text| 2 * text.len() as u64 + ITEM_OVERHEAD).sum();
    let load = talk.load(bytes);
    let load = load.map_err(|hit| InterpreterError::Limit(hit.to_string()))?;
    let place = family
        .take_place(load)
        .ok_or_else(|| limit(LimitKind::Interpreters, u64::from(family.places())))?;
    talk.commons
        .create(program, Arc::new(setup), family, Some(place))
        .map_err(|error| match error.kind() {
            ErrorKind::Unfit | ErrorKind::Saturated | ErrorKind::Closed => InterpreterError::Limit(error.to_string()),
            _ => InterpreterError::Invalid(error.to_string()),
        })
}

fn limit(kind: LimitKind, value: u64) -> InterpreterError {
    InterpreterError::Limit(LimitHit::new(kind, value, None).to_string())
}

/// What a child is given: of what its parent has, what was asked for.
fn child(talk: &Talk, options: &CreateOptions) -> (Setup, Result<super::Family, InterpreterError>) {
    let Setup {
        limits,
        grants,
        stdio,
        file_calls,
        context,
    } = &*talk.setup;
    let inherits = |what| options.inherit.contains(what);
    let limits = Limits {
        memory: least(limits.memory, options.memory.map(ByteSize::b)),
        deadline: shorter(limits.deadline, options.deadline),
        cpu_time: shorter(limits.cpu_time, options.cpu_time),
        ..limits.clone()
    };
    let grants = Grants {
        dirs: inherited(inherits(Inherited::FILES), &talk.dirs()),
        env: inherited(inherits(Inherited::ENVIRONMENT), &grants.env),
        queues: inherited(inherits(Inherited::QUEUES), &grants.queues),
        gets: inherited(inherits(Inherited::QUEUES), &grants.gets),
        puts: inherited(inherits(Inherited::QUEUES), &grants.puts),
        interpreters: inherited(inherits(Inherited::INTERPRETERS), &grants.interpreters),
        args: options.arguments.clone(),
    };
    let stdio = match inherits(Inherited::OUTPUT) {
        false => Stdio::default(),
        true => Stdio {
            stdin: Default::default(),
            ..stdio.clone()
        },
    };
    let setup = Setup {
        limits,
        grants,
        stdio,
        file_calls: *file_calls,
        context: context.clone(),
    };
    let family = talk
        .family
        .child(&talk.account)
        .ok_or_else(|| limit(LimitKind::Depth, 0));
    (setup, family)
}

fn inherited<T: Clone + Default>(inherits: bool, from: &T) -> T {
    if inherits { from.clone() } else { T::default() }
}

fn least(own: ByteSize, asked: Option<ByteSize>) -> ByteSize {
    asked.map_or(own, |asked| asked.min(own))
}

fn shorter(own: Option<Duration>, asked: Option<u64>) -> Option<Duration> {
    let asked = asked.map(Duration::from_nanos);
    match (own, asked) {
        (Some(own), Some(asked)) => Some(own.min(asked)),
        (own, asked) => own.or(asked),
    }
}

impl wit_interpreters::HostInterpreter for Speaker<'_> {
    fn id(&mut self, this: Resource<Interpreter>) -> wasmtime::Result<u64> {
        Ok(self.interpreter(&this)?.id().0)
    }

    fn is_running(&mut self, this: Resource<Interpreter>) -> Done<bool> {
        let interpreter = self.interpreter(&this)?;
        if interpreter.is_over() {
            return Ok(Err(InterpreterError::NotFound));
        }
        Ok(Ok(interpreter.is_running()))
    }

    async fn prepare_main(&mut self, this: Resource<Interpreter>, bindings: Vec<(String, wit::Item)>) -> Done<()> {
        let (names, items): (Vec<_>, Vec<_>) = bindings.into_iter().unzip();
        match self.items(items)? {
            Ok(items) => {
                let bindings = names.into_iter().zip(items).collect();
                Ok(self.ask(&this, Request::Prepare(bindings)).await?.map(drop))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    async fn exec(&mut self, this: Resource<Interpreter>, source: String) -> Done<()> {
        Ok(self.ask(&this, Request::Exec(source)).await?.map(drop))
    }

    async fn call(
        &mut self,
        this: Resource<Interpreter>,
        function: String,
        arguments: Vec<wit::Item>,
    ) -> Done<wit::Item> {
        let arguments = match self.items(arguments)? {
            Ok(arguments) => arguments,
            Err(error) => return Ok(Err(error)),
        };
        let result = self.ask(&this, Request::Call(function, arguments)).await?;
        self.give(result)
    }

    fn call_in_thread(
        &mut self,
        this: Resource<Interpreter>,
        function: String,
        arguments: Vec<wit::Item>,
    ) -> Done<Resource<Thread>> {
        let arguments = match self.items(arguments)? {
            Ok(arguments) => arguments,
            Err(error) => return Ok(Err(error)),
        };
        let (talk, table) = self.parts()?;
        let interpreter = table.get(&this)?.clone();
        match hand_in(talk, &interpreter, Request::Call(function, arguments)) {
            Ok(reply) => Ok(Ok(table.push(Thread {
                callee: interpreter.id(),
                reply,
                _interpreter: interpreter,
            })?)),
            Err(error) => Ok(Err(error)),
        }
    }

    fn close(&mut self, this: Resource<Interpreter>) -> Done<()> {
        Ok(self.interpreter(&this)?.close().map_err(Into::into))
    }

    fn kill(&mut self, this: Resource<Interpreter>) -> Done<()> {
        let (talk, table) = self.parts()?;
        let interpreter = table.get(&this)?;
        if interpreter.id() == talk.id() {
            let why = "an interpreter cannot kill itself; it can exit";
            return Ok(Err(InterpreterError::NotAllowed(why.to_owned())));
        }
        if interpreter.is_over() {
            return Ok(Err(InterpreterError::NotFound));
        }
        interpreter.kill();
        Ok(Ok(()))
    }

    fn drop(&mut self, this: Resource<Interpreter>) -> wasmtime::Result<()> {
        let (_, table) = self.parts()?;
        table.delete(this)?;
        Ok(())
    }
}

impl Speaker<'_> {
    /// A result into this guest's hands.
    fn give(&mut self, result: Result<Item, InterpreterError>) -> Done<wit::Item> {
        let (talk, table) = self.parts()?;
        match result {
            Ok(item) => match to_guest(talk, table, item) {
                Err(error) if matches!(error.downcast_ref(), Some(ResourceTableError::Full)) => {
                    Ok(Err(InterpreterError::Limit(talk.handles_limit(None).to_string())))
                }
                given => Ok(Ok(given?)),
            },
            Err(error) => Ok(Err(error)),
        }
    }
}

impl wit_interpreters::HostThread for Speaker<'_> {
    async fn join(&mut self, this: Resource<Thread>, timeout: Option<u64>) -> Done<wit::Item> {
        let (talk, table) = self.parts()?;
        let thread = table.get(&this)?;
        let answer = match timeout.map(Duration::from_nanos) {
            None => thread.reply.take_standing(&talk.control, thread.callee).await,
            Some(time) => {
                let done = thread.reply.done(None);
                if !thread.reply.is_done() && tokio::time::timeout(time, done).await.is_err() {
                    return Ok(Err(InterpreterError::Timeout));
                }
                thread.reply.take().await
            }
        };
        self.give(answered(answer))
    }

    fn is_done(&mut self, this: Resource<Thread>) -> wasmtime::Result<bool> {
        let (_, table) = self.parts()?;
        Ok(table.get(&this)?.reply.is_done())
    }

    fn subscribe(&mut self, this: Resource<Thread>) -> wasmtime::Result<Resource<DynPollable>> {
        let (talk, table) = self.parts()?;
        let thread = table.get(&this)?;
        let end = End {
            callee: thread.callee,
            reply: Arc::clone(&thread.reply),
            polls: Arc::clone(&talk.polls),
        };
        let end = table.push(end)?;
        subscribe(table, end)
    }

    fn drop(&mut self, this: Resource<Thread>) -> wasmtime::Result<()> {
        let (_, table) = self.parts()?;
        table.delete(this)?;
        Ok(())
    }
}
