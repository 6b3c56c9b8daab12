// What scripts of wasm-pool find as globals, and as members of `interpreters`. For editors: put
//   /// <reference path="…/interpreters.d.ts" />
// at the top of a script. The contract behind it is wit/; times are milliseconds.

/** What travels between interpreters. Functions, symbols, errors, promises and objects of the network do not: `NotShareable`. */
type Item =
  | undefined // arrives as null
  | null
  | boolean
  | number // a safe integer is a whole number to others, and any other a float
  | bigint // arrives as a number where that is exact
  | string
  | Uint8Array
  | ArrayBuffer // arrives as Uint8Array
  | Queue
  | Interpreter
  | Encoded
  | Structure;

/** Travels as CBOR, which the kits of all languages read. Objects of a class arrive as plain objects. */
type Structure = Item[] | { [name: string]: Item } | Map<Item, Item> | Set<Item> | Date | ArrayBufferView;

/** What becomes of an item when the interpreter that put it ends before somebody has got it. */
type Unbound = 'replace' | 'error' | 'remove';

interface Waiting {
  /** Milliseconds; without it for ever, 0: not at all. */
  timeout?: number;
}

/** A bounded FIFO in the host. What waits holds this whole interpreter, timers and promises included. */
declare class Queue implements Iterable<any>, Disposable {
  /** A new one: 1024 items and 16 MiB unless told otherwise; 0 items: bounded by bytes only. Nobody else has it until it is sent. */
  static create(options?: { maxSize?: number; maxBytes?: number; unbound?: Unbound }): Queue;
  /** The one that was granted under this name. Throws `QueueNotFound`. */
  static open(name: string): Queue;
  /** The one with this id, if this interpreter created it, was granted it, or was sent it. Throws `QueueNotFound`. */
  static fromId(id: number | bigint): Queue;
  /** The next item of whichever queue has one first. What it throws has the queue's `index`, `QueueClosed` too. */
  static select(queues: Queue[], options?: Waiting): { index: number; value: any };

  readonly id: number;
  readonly maxSize: number;
  readonly maxBytes: number;
  /** How many items it holds. */
  readonly size: number;
  readonly isEmpty: boolean;
  readonly isFull: boolean;
  readonly isClosed: boolean;

  /** Waits for room. Throws `QueueFull`, `QueueClosed`, `ItemTooLarge`, `LimitReached`, `NotShareable`; then nothing was put. */
  put(value: Item, options?: Waiting & { unbound?: Unbound }): void;
  tryPut(value: Item, options?: { unbound?: Unbound }): void;
  /** Several in one call. What it throws says in `accepted` how many were put. */
  putMany(values: Iterable<Item>, options?: Waiting & { unbound?: Unbound }): void;
  /** Waits for an item. Throws `QueueEmpty`, `QueueClosed`, `InterpreterDestroyed`; gives `UNBOUND` for one whose sender has ended. */
  get(options?: Waiting): any;
  tryGet(): any;
  /** Waits for the first and takes what else is there. */
  getMany(max: number, options?: Waiting): any[];
  /** Nothing more can be put; what is in it can still be got. */
  close(): void;
  /** Items until it is closed and empty; what was lost with its sender is passed over. */
  [Symbol.iterator](): Iterator<any>;
  /** Gives up this handle, not the queue: `using queue = …`. The garbage collector of this engine never does it. */
  [Symbol.dispose](): void;
}

type Inherited = 'files' | 'environment' | 'queues' | 'output' | 'interpreters';

/** An instance of a program with its own memory, limits and lock. To create them is a grant: `--interpreters`. */
declare class Interpreter implements Disposable {
  /** Of this program, unless `program` names another that was granted; with nothing of what this one has but what it inherits. */
  static create(options?: {
    program?: string;
    inherit?: Inherited[];
    args?: string[];
    memory?: number;
    deadline?: number;
    cpuTime?: number;
  }): Interpreter;
  static fromId(id: number | bigint): Interpreter;
  /** Those that this one can use and that have not ended, itself first. */
  static list(): Interpreter[];
  static getCurrent(): Interpreter;
  /** The one that the host started. */
  static getMain(): Interpreter;

  readonly id: number;
  isRunning(): boolean;
  /** Global names for what it runs later. */
  prepareMain(bindings: { [name: string]: Item }): void;
  /** Runs source text and waits for its end. Throws `ExecutionFailed`, `AlreadyRunning`, `InterpreterNotFound`. */
  exec(source: string): void;
  /** Calls a global function by its name, or a method as `Math.max`; waits for its result, also if that is a promise. */
  call(name: string, ...values: Item[]): any;
  /** The same without waiting. */
  callInThread(name: string, ...values: Item[]): Thread;
  close(): void;
  kill(): void;
  /** Gives up this handle. What this interpreter created is then closed, or killed if it runs. */
  [Symbol.dispose](): void;
}

/** A call that runs beside its caller. */
declare class Thread implements Disposable {
  /** Its result, once. Throws `JoinTimeout`, `ExecutionFailed`. */
  join(options?: Waiting): any;
  readonly isDone: boolean;
  [Symbol.dispose](): void;
}

/** What `get` gives in place of an item whose sender has ended. */
declare const UNBOUND: unique symbol;

/** A value in an encoding that this interpreter does not know: passed on as it is. */
declare class Encoded {
  constructor(mediaType: string, bytes: Uint8Array);
  mediaType: string;
  bytes: Uint8Array;
}

declare class QueueError extends Error {}
declare class QueueNotFound extends QueueError {}
declare class QueueEmpty extends QueueError {}
declare class QueueFull extends QueueError {}
declare class QueueClosed extends QueueError {}
declare class ItemTooLarge extends QueueError {}
declare class InterpreterDestroyed extends QueueError {}
declare class InterpreterError extends Error {}
declare class InterpreterNotFound extends InterpreterError {}
declare class AlreadyRunning extends InterpreterError {}
declare class NotAllowed extends InterpreterError {}
declare class JoinTimeout extends InterpreterError {}
declare class ExecutionFailed extends InterpreterError {
  /** What kind, in the words of the program that failed: `TypeError`, or the host's, as `deadline`. */
  kind: string;
  /** What it says about it. */
  reason: string;
  /** Where it happened, innermost first. */
  trace: string[];
  /** All of it, for people. */
  display?: string;
}
declare class LimitReached extends Error {}
declare class NotShareable extends TypeError {}

/** Ends the script with a code, or with a text for people, which counts as 1. */
declare function exit(code?: number | string): never;
declare const process: {
  exit: typeof exit;
  exitCode: number | undefined;
  /** `wasm-pool`, the script's name or `-c`, then its arguments. */
  argv: string[];
  env: { [name: string]: string };
  platform: 'wasi';
};
/** The script's name or `-c`, then its arguments. */
declare const scriptArgs: string[];
/** The script's name; not there for text that has none. */
declare const __file__: string | undefined;
