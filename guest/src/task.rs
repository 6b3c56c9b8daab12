//! What a program exports so that its interpreters can be called.

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Display;

use crate::bindings::wasm_pool::interpreters::interpreters::ExecutionFailed as WitFailed;
use crate::bindings::wasm_pool::interpreters::queues::Item as WitItem;
use crate::error::{ExecutionFailed, MessageError};
use crate::item::{Item, Message};

/// Makes functions callable by their names from other interpreters: exports `task`.
///
/// Each takes messages and gives a `Result` of a message and something that can be displayed. With `; exec = f` behind them the program runs
/// source text too, through `f: fn(&str) -> Result<(), E>`.
///
/// ```no_run
#[doc = include_str!("../../examples/05-supervisor/src/main.rs")]
/// ```
#[macro_export]
macro_rules! tasks {
    ($($name:ident),* $(,)? $(; exec = $exec:path)?) => {
        struct WasmPoolTasks;

        const _: () = {
            use $crate::bindings::exports::wasm_pool::interpreters::task;
            use $crate::bindings::wasm_pool::interpreters::{interpreters::ExecutionFailed, queues::Item};

            impl task::Guest for WasmPoolTasks {
                fn prepare_main(bindings: Vec<(String, Item)>) -> Result<(), ExecutionFailed> {
                    $crate::task::prepare(bindings);
                    Ok(())
                }

                fn exec(source: String) -> Result<(), ExecutionFailed> {
                    $(return $crate::task::exec($exec, &source);)?
                    #[allow(unreachable_code)]
                    $crate::task::no_language(source)
                }

                fn call(function: String, arguments: Vec<Item>) -> Result<Item, ExecutionFailed> {
                    match function.as_str() {
                        $(stringify!($name) => $crate::task::run($name, arguments),)*
                        _ => $crate::task::no_function(&function),
                    }
                }
            }
        };

        $crate::bindings::export_task!(WasmPoolTasks with_types_in $crate::bindings);
    };
}

thread_local! {
    /// What `prepare-main` bound.
    static BINDINGS: RefCell<HashMap<String, Item>> = RefCell::default();
}

/// The value that `prepare_main` bound to this name.
///
/// # Errors
/// [`MessageError`] for a name that is not bound, or bound to another kind of value.
pub fn binding<T: Message>(name: &str) -> Result<T, MessageError> {
    BINDINGS.with_borrow(|bindings| match bindings.get(name) {
        Some(item) => T::from_item(item.to_item()?),
        None => Err(MessageError(format!("no name {name:?} is bound"))),
    })
}

#[doc(hidden)]
pub fn prepare(bindings: Vec<(String, WitItem)>) {
    let bindings = bindings.into_iter().map(|(name, item)| (name, Item::from_wit(item)));
    BINDINGS.with_borrow_mut(|bound| bound.extend(bindings));
}

#[doc(hidden)]
pub fn exec<E: Display + 'static>(run: impl FnOnce(&str) -> Result<(), E>, source: &str) -> Result<(), WitFailed> {
    run(source).map_err(failed)
}

#[doc(hidden)]
pub fn no_language(_source: String) -> Result<(), WitFailed> {
    let message = "this program runs no source text";
    Err(failed(ExecutionFailed::new("unsupported", message)))
}

#[doc(hidden)]
pub fn no_function(function: &str) -> Result<WitItem, WitFailed> {
    let message = format!("no function {function:?}");
    Err(failed(ExecutionFailed::new("not-found", message)))
}

#[doc(hidden)]
pub fn run<A>(task: impl Task<A>, arguments: Vec<WitItem>) -> Result<WitItem, WitFailed> {
    task.run(arguments.into_iter().map(Item::from_wit).collect())
}

/// A function that can be called with items; `A` is the tuple of its arguments.
#[doc(hidden)]
pub trait Task<A> {
    fn run(self, arguments: Vec<Item>) -> Result<WitItem, WitFailed>;
}

macro_rules! task {
    ($count:literal $($name:ident)*) => {
        impl<Function, Result_, Error, $($name: Message),*> Task<($($name,)*)> for Function
        where
            Function: FnOnce($($name),*) -> Result<Result_, Error>,
            Result_: Message,
            Error: Display + 'static,
        {
            #[allow(non_snake_case, unused_mut, unused_variables)]
            fn run(self, arguments: Vec<Item>) -> Result<WitItem, WitFailed> {
                if arguments.len() != $count {
                    let message = format!("{} arguments where {} were expected", arguments.len(), $count);
                    return Err(failed(ExecutionFailed::new("arguments", message)));
                }
                let mut arguments = arguments.into_iter().enumerate();
                $(let $name = argument::<$name>(arguments.next())?;)*
                let result = self($($name),*).map_err(failed)?;
                let item = result.to_item().map_err(|error| failed(ExecutionFailed::new("result", error.0)))?;
                Ok(item.into_wit())
            }
        }
    };
}

task!(0);
task!(1 A);
task!(2 A B);
task!(3 A B C);
task!(4 A B C D);
task!(5 A B C D E);
task!(6 A B C D E F);

fn argument<T: Message>(argument: Option<(usize, Item)>) -> Result<T, WitFailed> {
    let (at, item) = argument.unwrap_or((0, Item::None));
    T::from_item(item).map_err(|error| {
        let message = format!("argument {}: {error}", at + 1);
        failed(ExecutionFailed::new("arguments", message))
    })
}

/// A task's own [`ExecutionFailed`] stays what it is; any other error is of the kind `error`.
fn failed<E: Display + 'static>(error: E) -> WitFailed {
    match (&error as &dyn Any).downcast_ref::<ExecutionFailed>() {
        Some(failed) => WitFailed {
            kind: failed.kind.clone(),
            message: failed.message.clone(),
            trace: failed.trace.clone(),
            display: failed.display.clone(),
        },
        None => WitFailed {
            kind: "error".to_owned(),
            message: error.to_string(),
            trace: Vec::new(),
            display: None,
        },
    }
}
