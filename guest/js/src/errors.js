// The errors of this interpreter's own functions: a class for each reason, so that `catch` can tell them apart.

class Named extends Error {
  get name() {
    return this.constructor.name;
  }
}

/** A queue did not do what it was asked; nothing was put or taken. */
export class QueueError extends Named {}
/** No such queue, or none that this interpreter may use. */
export class QueueNotFound extends QueueError {}
/** Nothing to get, now or within the time. */
export class QueueEmpty extends QueueError {}
/** No room, now or within the time. */
export class QueueFull extends QueueError {}
/** The queue is closed, and what was in it has been got. */
export class QueueClosed extends QueueError {}
/** The item is larger than the queue can ever hold. */
export class ItemTooLarge extends QueueError {}
/** The interpreter that put this item has ended, and the item was put with `unbound: 'error'`. */
export class InterpreterDestroyed extends QueueError {}

/** An interpreter did not do what it was asked. */
export class InterpreterError extends Named {}
/** No such interpreter, or none that this one may use, or one that has ended. */
export class InterpreterNotFound extends InterpreterError {}
/** It runs already. */
export class AlreadyRunning extends InterpreterError {}
/** It was not granted, or cannot be done to this interpreter. */
export class NotAllowed extends InterpreterError {}
/** A call has not come to its end within the time. */
export class JoinTimeout extends InterpreterError {}
/** What an interpreter ran failed: `kind`, `message`, `trace` and `display` are its own words. */
export class ExecutionFailed extends InterpreterError {
  constructor({ kind, message, trace, display }) {
    super(message ? `${kind}: ${message}` : kind);
    Object.assign(this, { kind, reason: message, trace: [...trace], display });
  }
}

/** A limit of this interpreter's: which, and the flag that raises it. */
export class LimitReached extends Named {}
/** A value that cannot travel between interpreters. */
export class NotShareable extends TypeError {
  get name() {
    return 'NotShareable';
  }
}

const queueErrors = {
  'not-found': () => new QueueNotFound('no such queue'),
  empty: () => new QueueEmpty('the queue is empty'),
  full: () => new QueueFull('the queue is full'),
  closed: () => new QueueClosed('the queue is closed'),
  'too-large': (max) => new ItemTooLarge(`an item larger than the queue's ${max} bytes`),
  'interpreter-destroyed': () => new InterpreterDestroyed('the interpreter that put this item has ended'),
  limit: (which) => new LimitReached(which),
  invalid: (why) => new TypeError(why),
};

const interpreterErrors = {
  'not-found': () => new InterpreterNotFound('no such interpreter'),
  'already-running': () => new AlreadyRunning('the interpreter is running already'),
  'not-allowed': (why) => new NotAllowed(why),
  limit: (which) => new LimitReached(which),
  invalid: (why) => new TypeError(why),
  'execution-failed': (failed) => new ExecutionFailed(failed),
  timeout: () => new JoinTimeout('the call has not come to its end in time'),
};

/** The error of this variant of `queue-error`. */
export const queueError = ({ tag, val }) => queueErrors[tag](val);
/** The error of this variant of `interpreter-error`. */
export const interpreterError = ({ tag, val }) => interpreterErrors[tag](val);

/** Calls the host; what it answers as an error is thrown as one of the classes above. */
export function asking(make, ask) {
  let payload;
  try {
    return ask();
  } catch (error) {
    // What componentize-js throws itself comes from its own realm.
    if (!Object.hasOwn(error, 'payload')) throw error instanceof Error ? error : new TypeError(error.message);
    ({ payload } = error);
  }
  throw make(payload);
}
