//! Items as guests have them and as the host has them.

use wasmtime::component::{ResourceTable, ResourceTableError};

use super::queues::Handle;
use super::talk::Talk;
use super::{wit, wit_interpreters};
use crate::interpreter::ExecutionFailed;
use crate::limits::LimitHit;
use crate::outcome::{MAX_DISPLAY, MAX_FRAMES, Outcome};
use crate::queue::{Encoded, Entry, GetError, Item, MAX_MEDIA_TYPE, PutError, Received, Unbound};
use crate::text;

/// What a program's `task` answers when it fails.
pub(crate) type Failure = wit_interpreters::ExecutionFailed;

/// An item out of a guest's hands. What its handles were, it is no more.
pub(super) fn from_guest(
    talk: &Talk,
    table: &mut ResourceTable,
    item: wit::Item,
) -> wasmtime::Result<Result<Item, String>> {
    Ok(Ok(match item {
        wit::Item::None => Item::None,
        wit::Item::Bool(value) => Item::Bool(value),
        wit::Item::S64(value) => Item::S64(value),
        wit::Item::F64(value) => Item::F64(value),
        wit::Item::String(value) => Item::String(value),
        wit::Item::Bytes(value) => Item::Bytes(value),
        wit::Item::Queue(handle) => Item::Queue(table.delete(handle)?.queue),
        wit::Item::Interpreter(id) => match talk.interpreter(id) {
            Some(interpreter) => Item::Interpreter(interpreter.lent()),
            None => return Ok(Err(format!("no interpreter {id} that could be sent"))),
        },
        wit::Item::Encoded(encoded) if encoded.media_type.len() > MAX_MEDIA_TYPE => {
            return Ok(Err(format!("a media type of more than {MAX_MEDIA_TYPE} bytes")));
        }
        wit::Item::Encoded(encoded) => Item::Encoded(Encoded {
            media_type: encoded.media_type,
            bytes: encoded.bytes,
        }),
    }))
}

/// An item into a guest's hands, with the handles that come with it.
pub(crate) fn to_guest(talk: &mut Talk, table: &mut ResourceTable, item: Item) -> wasmtime::Result<wit::Item> {
    Ok(match item {
        Item::None => wit::Item::None,
        Item::Bool(value) => wit::Item::Bool(value),
        Item::S64(value) => wit::Item::S64(value),
        Item::F64(value) => wit::Item::F64(value),
        Item::String(value) => wit::Item::String(value),
        Item::Bytes(value) => wit::Item::Bytes(value),
        Item::Queue(queue) => {
            let queue = queue.inside();
            talk.learn_queue(&queue);
            wit::Item::Queue(table.push(Handle::new(queue))?)
        }
        Item::Interpreter(interpreter) => {
            let id = interpreter.id().0;
            talk.learn_interpreter(interpreter);
            wit::Item::Interpreter(id)
        }
        Item::Encoded(encoded) => wit::Item::Encoded(wit::Encoded {
            media_type: encoded.media_type,
            bytes: encoded.bytes,
        }),
    })
}

/// What stood in a queue, into a guest's hands; `Err` with it when it is a handle and the guest has no room for one more.
pub(super) fn entry_to_guest(
    talk: &mut Talk,
    table: &mut ResourceTable,
    entry: Entry,
) -> wasmtime::Result<Result<Result<wit::Received, wit::QueueError>, Entry>> {
    if let Some(queue) = entry.queue() {
        let handle = match table.push(Handle::new(queue.clone())) {
            Ok(handle) => handle,
            Err(ResourceTableError::Full) => return Ok(Err(entry)),
            Err(error) => return Err(error.into()),
        };
        talk.learn_queue(queue);
        return Ok(Ok(Ok(wit::Received::Item(wit::Item::Queue(handle)))));
    }
    Ok(Ok(match entry.open() {
        Ok(Received::Item(item)) => Ok(wit::Received::Item(to_guest(talk, table, item)?)),
        Ok(Received::Unbound) => Ok(wit::Received::Unbound),
        Err(error) => Err(error.into()),
    }))
}

impl From<wit::Unbound> for Unbound {
    fn from(unbound: wit::Unbound) -> Unbound {
        match unbound {
            wit::Unbound::Replace => Unbound::Replace,
            wit::Unbound::Error => Unbound::Error,
            wit::Unbound::Remove => Unbound::Remove,
        }
    }
}

impl From<PutError> for wit::QueueError {
    fn from(error: PutError) -> wit::QueueError {
        match error {
            PutError::Full(_) => wit::QueueError::Full,
            PutError::Closed(_) => wit::QueueError::Closed,
            PutError::Foreign(_) | PutError::NotAllowed(_) => wit::QueueError::Invalid(error.to_string()),
            PutError::TooLarge { max_bytes, .. } => wit::QueueError::TooLarge(max_bytes),
            PutError::Limit { hit, .. } => wit::QueueError::Limit(hit.to_string()),
        }
    }
}

impl From<GetError> for wit::QueueError {
    fn from(error: GetError) -> wit::QueueError {
        match error {
            GetError::Empty => wit::QueueError::Empty,
            GetError::Closed => wit::QueueError::Closed,
            GetError::NotAllowed => wit::QueueError::Invalid(error.to_string()),
            GetError::InterpreterDestroyed => wit::QueueError::InterpreterDestroyed,
        }
    }
}

impl From<LimitHit> for wit::QueueError {
    fn from(hit: LimitHit) -> wit::QueueError {
        wit::QueueError::Limit(hit.to_string())
    }
}

impl From<ExecutionFailed> for Failure {
    fn from(failed: ExecutionFailed) -> Failure {
        Failure {
            kind: failed.kind,
            message: failed.message,
            trace: failed.trace,
            display: failed.display,
        }
    }
}

impl From<Failure> for ExecutionFailed {
    fn from(mut failure: Failure) -> ExecutionFailed {
        failure.trace.truncate(MAX_FRAMES);
        if let Some(display) = &mut failure.display {
            display.truncate(display.floor_char_boundary(MAX_DISPLAY));
        }
        ExecutionFailed {
            kind: failure.kind,
            message: failure.message,
            trace: failure.trace,
            display: failure.display,
        }
    }
}

/// What a caller hears when the interpreter that he called is over.
pub(crate) fn failure_of(outcome: &Outcome) -> ExecutionFailed {
    let trace = match outcome {
        Outcome::Trapped(trapped) => trapped.backtrace.clone(),
        _ => Vec::new(),
    };
    ExecutionFailed {
        kind: outcome.label(),
        message: text::one_line(&outcome.detail().unwrap_or_default()),
        trace,
        display: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_shows_is_cut_between_two_characters() {
        let told = |display: String| Failure {
            kind: String::new(),
            message: String::new(),
            trace: vec![String::new(); MAX_FRAMES + 1],
            display: Some(display),
        };
        let kept = ExecutionFailed::from(told(format!("x{}", "é".repeat(MAX_DISPLAY))));
        assert_eq!(kept.display.map(|display| display.len()), Some(MAX_DISPLAY - 1));
        assert_eq!(kept.trace.len(), MAX_FRAMES);
        assert_eq!(
            ExecutionFailed::from(told("whole".to_owned())).display.as_deref(),
            Some("whole")
        );
    }
}
