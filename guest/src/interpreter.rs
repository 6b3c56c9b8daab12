//! Interpreters that a guest creates and runs.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use crate::bindings::wasm_pool::interpreters::interpreters as wit;
use crate::bindings::wasm_pool::interpreters::queues::Item as WitItem;
use crate::error::{InterpreterError, MessageError};
use crate::item::{Item, Message};
use crate::queue::nanoseconds;
use crate::select::Pollable;

/// Names an interpreter within its pool; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterpreterId(pub u64);

/// An interpreter: an instance of a program with its own memory, its own limits and its own lock.
///
/// It runs one call at a time. When the last handle of the guest that created it is dropped, it ends.
pub struct Interpreter(wit::Interpreter);

/// What a new interpreter is like. It gets nothing of what its parent has, unless said so, and at most its parent's limits.
#[derive(Debug, Clone, Default)]
pub struct Child {
    program: Option<String>,
    inherit: u8,
    arguments: Vec<String>,
    memory: Option<u64>,
    deadline: Option<Duration>,
    cpu_time: Option<Duration>,
}

impl Child {
    /// Of a program that the grant names, in place of this guest's own.
    pub fn program(mut self, name: &str) -> Child {
        self.program = Some(name.to_owned());
        self
    }

    /// With arguments after the program's name.
    pub fn arguments<S: Into<String>>(mut self, arguments: impl IntoIterator<Item = S>) -> Child {
        self.arguments = arguments.into_iter().map(Into::into).collect();
        self
    }

    /// With this guest's folders.
    pub fn with_files(self) -> Child {
        self.inherit(wit::Inherited::FILES)
    }

    /// With this guest's environment variables.
    pub fn with_environment(self) -> Child {
        self.inherit(wit::Inherited::ENVIRONMENT)
    }

    /// With the queues that this guest was granted by name.
    pub fn with_queues(self) -> Child {
        self.inherit(wit::Inherited::QUEUES)
    }

    /// With this guest's stdout and stderr.
    pub fn with_output(self) -> Child {
        self.inherit(wit::Inherited::OUTPUT)
    }

    /// With the right to create interpreters, one level less deep.
    pub fn with_interpreters(self) -> Child {
        self.inherit(wit::Inherited::INTERPRETERS)
    }

    fn inherit(mut self, what: wit::Inherited) -> Child {
        self.inherit |= what.bits();
        self
    }

    /// With so much linear memory, in bytes.
    pub fn memory(mut self, bytes: u64) -> Child {
        self.memory = Some(bytes);
        self
    }

    /// With so much time until its end.
    pub fn deadline(mut self, time: Duration) -> Child {
        self.deadline = Some(time);
        self
    }

    /// With so much time on a processor.
    pub fn cpu_time(mut self, time: Duration) -> Child {
        self.cpu_time = Some(time);
        self
    }

    /// The interpreter; it does nothing yet.
    ///
    /// # Errors
    /// [`InterpreterError::NotAllowed`], [`InterpreterError::Limit`], [`InterpreterError::Invalid`]
    pub fn create(&self) -> Result<Interpreter, InterpreterError> {
        Ok(Interpreter(wit::create(&wit::CreateOptions {
            program: self.program.clone(),
            inherit: wit::Inherited::from_bits_truncate(self.inherit),
            arguments: self.arguments.clone(),
            memory: self.memory,
            deadline: self.deadline.map(nanoseconds),
            cpu_time: self.cpu_time.map(nanoseconds),
        })?))
    }
}

impl Interpreter {
    /// A new interpreter of this guest's own program, with every default.
    ///
    /// # Errors
    /// As [`Child::create`].
    pub fn create() -> Result<Interpreter, InterpreterError> {
        Child::default().create()
    }

    /// An interpreter that this guest created or was sent.
    ///
    /// # Errors
    /// [`InterpreterError::NotFound`]
    pub fn from_id(id: InterpreterId) -> Result<Interpreter, InterpreterError> {
        Ok(Interpreter(wit::from_id(id.0)?))
    }

    /// Those that this guest can use and that have not ended, itself first.
    pub fn list_all() -> Vec<InterpreterId> {
        wit::list_all().into_iter().map(InterpreterId).collect()
    }

    /// This guest.
    pub fn current() -> InterpreterId {
        InterpreterId(wit::get_current())
    }

    /// The one that the host started and that this one descends from.
    pub fn main() -> InterpreterId {
        InterpreterId(wit::get_main())
    }

    /// Its number in its pool.
    pub fn id(&self) -> InterpreterId {
        InterpreterId(self.0.id())
    }

    /// Whether something runs in it.
    ///
    /// # Errors
    /// [`InterpreterError::NotFound`] when it has ended.
    pub fn is_running(&self) -> Result<bool, InterpreterError> {
        Ok(self.0.is_running()?)
    }

    /// Binds a name in it, for the calls to come; see [`binding`](crate::binding).
    ///
    /// # Errors
    /// [`InterpreterError`]
    pub fn prepare_main(&self, bindings: Vec<(String, Item)>) -> Result<(), InterpreterError> {
        let bindings: Vec<_> = bindings
            .into_iter()
            .map(|(name, item)| (name, item.into_wit()))
            .collect();
        Ok(self.0.prepare_main(bindings)?)
    }

    /// Runs source text in it, if its program knows a language.
    ///
    /// # Errors
    /// [`InterpreterError`]
    pub fn exec(&self, source: &str) -> Result<(), InterpreterError> {
        Ok(self.0.exec(source)?)
    }

    /// Calls a function of its program and waits for the result.
    ///
    /// # Errors
    /// [`InterpreterError`]
    pub fn call<R: Message>(&self, function: &str, arguments: impl Arguments) -> Result<R, InterpreterError> {
        let item = self.0.call(function, arguments.into_items()?)?;
        Ok(R::from_item(Item::from_wit(item))?)
    }

    /// [`call`](Interpreter::call), without waiting.
    ///
    /// # Errors
    /// [`InterpreterError`]
    pub fn call_in_thread<R: Message>(
        &self,
        function: &str,
        arguments: impl Arguments,
    ) -> Result<Thread<R>, InterpreterError> {
        Ok(Thread {
            raw: self.0.call_in_thread(function, arguments.into_items()?)?,
            of: PhantomData,
        })
    }

    /// Ends it when nothing runs in it.
    ///
    /// # Errors
    /// [`InterpreterError::AlreadyRunning`], [`InterpreterError::NotFound`]
    pub fn close(&self) -> Result<(), InterpreterError> {
        Ok(self.0.close()?)
    }

    /// Ends it now, whatever it does.
    ///
    /// # Errors
    /// [`InterpreterError::NotFound`]
    pub fn kill(&self) -> Result<(), InterpreterError> {
        Ok(self.0.kill()?)
    }
}

impl fmt::Debug for Interpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interpreter").finish_non_exhaustive()
    }
}

/// A call that runs beside its caller.
pub struct Thread<R> {
    raw: wit::Thread,
    of: PhantomData<fn() -> R>,
}

impl<R: Message> Thread<R> {
    /// Waits for its end; its result, once.
    ///
    /// # Errors
    /// [`InterpreterError`]
    pub fn join(&self) -> Result<R, InterpreterError> {
        Ok(R::from_item(Item::from_wit(self.raw.join(None)?))?)
    }

    /// [`join`](Thread::join) for at most this time.
    ///
    /// # Errors
    /// [`InterpreterError::Timeout`], and as [`join`](Thread::join).
    pub fn join_timeout(&self, timeout: Duration) -> Result<R, InterpreterError> {
        let item = self.raw.join(Some(nanoseconds(timeout)))?;
        Ok(R::from_item(Item::from_wit(item))?)
    }
}

impl<R> Thread<R> {
    /// Whether it has come to its end.
    pub fn is_done(&self) -> bool {
        self.raw.is_done()
    }

    /// Ready when it has come to its end; for [`wait`](crate::wait).
    pub fn ready(&self) -> Pollable {
        Pollable(self.raw.subscribe())
    }
}

impl<R> fmt::Debug for Thread<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread").finish_non_exhaustive()
    }
}

/// What a function is called with: a tuple of messages, up to six.
pub trait Arguments {
    /// The items.
    ///
    /// # Errors
    /// [`MessageError`] for a value that cannot travel.
    #[doc(hidden)]
    fn into_items(self) -> Result<Vec<WitItem>, MessageError>;
}

macro_rules! arguments {
    ($($name:ident)*) => {
        impl<$($name: Message),*> Arguments for ($($name,)*) {
            #[allow(non_snake_case)]
            fn into_items(self) -> Result<Vec<WitItem>, MessageError> {
                let ($($name,)*) = self;
                Ok(vec![$($name.to_item()?.into_wit()),*])
            }
        }
    };
}

arguments!();
arguments!(A);
arguments!(A B);
arguments!(A B C);
arguments!(A B C D);
arguments!(A B C D E);
arguments!(A B C D E F);
