// Interpreters that a script creates and runs: Python's `concurrent.interpreters`, in JavaScript's habits.

import { getArguments } from 'wasi:cli/environment@0.2.0';
import * as host from 'wasm-pool:interpreters/interpreters@0.1.0';
import { asking, interpreterError } from './errors.js';
import { fromItem, interpreters, refused, toItem } from './items.js';
import { nanoseconds } from './time.js';

const INHERITED = ['files', 'environment', 'queues', 'output', 'interpreters'];

export class Interpreter {
  #id;
  #handle;

  constructor(id, handle) {
    if (typeof id !== 'bigint') throw new TypeError('interpreters come from Interpreter.create and Interpreter.list');
    this.#id = id;
    this.#handle = handle;
  }

  /**
   * A new interpreter, of this one's own program unless `program` names another that was granted. It gets nothing of what this
   * one has but what `inherit` lists: 'files', 'environment', 'queues', 'output', 'interpreters'. Times are milliseconds.
   */
  static create({ program, inherit = [], args = [], memory, deadline, cpuTime } = {}) {
    const unknown = inherit.find((what) => !INHERITED.includes(what));
    if (unknown !== undefined) throw new TypeError(`nothing called ${unknown} can be inherited: ${INHERITED.join(', ')}`);
    const options = {
      program,
      inherit: Object.fromEntries(INHERITED.map((what) => [what, inherit.includes(what)])),
      // One of this program runs the same script, as far as it is told.
      arguments: [...(program === undefined ? getArguments().slice(1, 2) : []), ...args.map(String)],
      memory: memory === undefined ? undefined : BigInt(memory),
      deadline: nanoseconds(deadline),
      cpuTime: nanoseconds(cpuTime),
    };
    const handle = asking(interpreterError, () => host.create(options));
    return new Interpreter(handle.id(), handle);
  }

  /** One that this interpreter created or was sent. */
  static fromId(id) {
    const interpreter = new Interpreter(BigInt(id));
    interpreter.#host();
    return interpreter;
  }

  /** Those that this one can use and that have not ended, itself first. */
  static list() {
    return Array.from(host.listAll(), (id) => new Interpreter(id));
  }

  /** This interpreter. */
  static getCurrent() {
    return new Interpreter(host.getCurrent());
  }

  /** The one that the host started and that this one descends from. */
  static getMain() {
    return new Interpreter(host.getMain());
  }

  /** Its handle; those that this one did not create get theirs when it is needed. */
  #host() {
    this.#handle ??= asking(interpreterError, () => host.fromId(this.#id));
    return this.#handle;
  }

  get id() {
    return Number(this.#id);
  }

  /** Whether something runs in it. */
  isRunning() {
    return asking(interpreterError, () => this.#host().isRunning());
  }

  /** Binds names in it, for what it runs later: `prepareMain({ name: value })`. */
  prepareMain(bindings) {
    const items = Object.entries(bindings).map(([name, value]) => [name, toItem(value)]);
    asking(interpreterError, () => this.#host().prepareMain(items));
  }

  /** Runs source text in it, and waits for its end. */
  exec(source) {
    asking(interpreterError, () => this.#host().exec(String(source)));
  }

  /** Calls a function of it by its name, and waits for the result. */
  call(name, ...values) {
    const items = values.map((value) => toItem(value));
    return fromItem(asking(interpreterError, () => this.#host().call(String(name), items)));
  }

  /** The same without waiting: a `Thread` to join. */
  callInThread(name, ...values) {
    const items = values.map((value) => toItem(value));
    return new Thread(asking(interpreterError, () => this.#host().callInThread(String(name), items)));
  }

  /** Ends it when nothing runs in it. */
  close() {
    asking(interpreterError, () => this.#host().close());
  }

  /** Ends it now, whatever it does. */
  kill() {
    asking(interpreterError, () => this.#host().kill());
  }

  /** Gives up this handle; without another, what it created is closed, or killed if it runs. For `using`. */
  [Symbol.dispose]() {
    this.#handle?.[Symbol.dispose]();
    this.#handle = undefined;
  }

  get [Symbol.toStringTag]() {
    return 'Interpreter';
  }

  static {
    interpreters.isInterpreter = (value) => value instanceof Interpreter && #id in value;
    interpreters.id = (interpreter) => interpreter.#id;
    interpreters.wrap = (id) => new Interpreter(id);
    refused.push(Interpreter);
  }
}

/** A call that runs beside its caller. */
export class Thread {
  #handle;

  constructor(handle) {
    if (!(handle instanceof host.Thread)) throw new TypeError('threads come from callInThread');
    this.#handle = handle;
  }

  /** Waits for its end as long as `timeout` in milliseconds; its result, once. */
  join({ timeout } = {}) {
    return fromItem(asking(interpreterError, () => this.#handle.join(nanoseconds(timeout))));
  }

  /** Whether it has come to its end. */
  get isDone() {
    return this.#handle.isDone();
  }

  /** Gives up this handle; the call goes on. For `using`. */
  [Symbol.dispose]() {
    this.#handle?.[Symbol.dispose]();
    this.#handle = undefined;
  }

  get [Symbol.toStringTag]() {
    return 'Thread';
  }

  static {
    refused.push(Thread);
  }
}
