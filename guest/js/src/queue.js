// Queues: messages from one interpreter to another. A get or put that waits holds the whole interpreter, as a blocking call
// does in any language; nothing else of it runs meanwhile.

import * as host from 'wasm-pool:interpreters/queues@0.1.0';
import { asking, InterpreterDestroyed, QueueClosed, queueError, QueueNotFound } from './errors.js';
import { fromItem, queues, refused, toItem } from './items.js';
import { nanoseconds } from './time.js';

/** What is got in place of an item whose sender has ended. */
export const UNBOUND = Symbol('UNBOUND');

export class Queue {
  #given;

  constructor(handle) {
    if (!(handle instanceof host.Queue)) throw new TypeError('queues come from Queue.create, Queue.open and Queue.fromId');
    this.#given = handle;
  }

  /** A new queue. Nobody else can use it until it is sent to somebody. */
  static create({ maxSize, maxBytes, unbound = 'replace' } = {}) {
    const bytes = maxBytes === undefined ? undefined : BigInt(maxBytes);
    return new Queue(asking(queueError, () => host.create({ maxSize, maxBytes: bytes, unbound })));
  }

  /** The queue that was granted under this name. */
  static open(name) {
    return new Queue(asking(queueError, () => host.open(String(name))));
  }

  /** The queue with this id, if this interpreter created it, was granted it, or was sent it. */
  static fromId(id) {
    return new Queue(asking(queueError, () => host.fromId(BigInt(id))));
  }

  /** The next item of whichever queue has one first: `{ index, value }`. */
  static select(list, { timeout } = {}) {
    const handles = list.map((queue) => queue.#handle);
    const [index, got] = asking(
      ([at, error]) => Object.assign(queueError(error), { index: at }),
      () => host.select(handles, nanoseconds(timeout)),
    );
    return { index, value: received(got) };
  }

  get #handle() {
    if (this.#given) return this.#given;
    throw new QueueNotFound('this handle on the queue was given up');
  }

  get id() {
    return Number(this.#handle.id());
  }

  get maxSize() {
    return this.#handle.maxSize();
  }

  get maxBytes() {
    return Number(this.#handle.maxBytes());
  }

  /** How many items it holds. Others put and get meanwhile. */
  get size() {
    return this.#handle.qsize();
  }

  get isEmpty() {
    return this.#handle.isEmpty();
  }

  get isFull() {
    return this.#handle.isFull();
  }

  get isClosed() {
    return this.#handle.isClosed();
  }

  /** Puts a value, waiting for room as long as `timeout` in milliseconds; without one for ever. */
  put(value, { timeout, unbound } = {}) {
    const item = toItem(value);
    asking(queueError, () => this.#handle.put(item, nanoseconds(timeout), unbound));
  }

  /** Puts a value if there is room now. */
  tryPut(value, { unbound } = {}) {
    const item = toItem(value);
    asking(queueError, () => this.#handle.putNowait(item, unbound));
  }

  /** Puts values in this order in one call. When it fails, the error's `accepted` says how many were put. */
  putMany(values, { timeout, unbound } = {}) {
    const items = Array.from(values, (value) => toItem(value));
    asking(
      ({ accepted, error }) => Object.assign(queueError(error), { accepted }),
      () => this.#handle.putMany(items, nanoseconds(timeout), unbound),
    );
  }

  /** The next value, waiting for it as long as `timeout` in milliseconds; without one for ever. */
  get({ timeout } = {}) {
    return received(asking(queueError, () => this.#handle.get(nanoseconds(timeout))));
  }

  /** The next value if there is one now. */
  tryGet() {
    return received(asking(queueError, () => this.#handle.getNowait()));
  }

  /** Waits for the next value and takes what else is there, `max` in all at most. */
  getMany(max, { timeout } = {}) {
    return Array.from(asking(queueError, () => this.#handle.getMany(max, nanoseconds(timeout))), received);
  }

  /** Nothing more can be put; what is in it can still be got. */
  close() {
    this.#handle.close();
  }

  /** The values, waiting for each, until the queue is closed and empty. What was lost with its sender is passed over. */
  *[Symbol.iterator]() {
    for (;;) {
      let value;
      try {
        value = this.get();
      } catch (error) {
        if (error instanceof QueueClosed) return;
        if (error instanceof InterpreterDestroyed) continue;
        throw error;
      }
      if (value !== UNBOUND) yield value;
    }
  }

  /** Gives up this handle, not the queue. For `using`; the garbage collector of this engine never does it. */
  [Symbol.dispose]() {
    this.#given?.[Symbol.dispose]();
    this.#given = undefined;
  }

  get [Symbol.toStringTag]() {
    return 'Queue';
  }

  static {
    queues.isQueue = (value) => value instanceof Queue && #given in value;
    queues.share = (queue) => asking(queueError, () => queue.#handle.share());
    queues.wrap = (handle) => new Queue(handle);
    refused.push(Queue);
  }
}

function received(got) {
  return got.tag === 'unbound' ? UNBOUND : fromItem(got.val);
}
