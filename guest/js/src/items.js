// What travels: values of JavaScript as items, and items as values.
//
// undefined and null, booleans, numbers, strings, bytes, queues and interpreters travel as they are; arrays, objects, maps, sets,
// dates and what nests them as CBOR, which every other language of wasm-pool reads.

import { decode, encode, Tag } from 'cbor2';
import { registerEncoder } from 'cbor2/encoder';
import { NotShareable } from './errors.js';

const CBOR = 'application/cbor';
const DATE_AS_TEXT = 0;
const DATE_AS_SECONDS = 1;
const LEAST = -(2n ** 63n);
const MOST = 2n ** 63n - 1n;

/** How queues become handles and back; filled in by `queue.js`, which needs this file. */
export const queues = {};
/** How interpreters become ids and back; filled in by `interpreter.js`. */
export const interpreters = {};

/** A value in an encoding other than CBOR: passed on as it is. */
export class Encoded {
  constructor(mediaType, bytes) {
    Object.assign(this, { mediaType, bytes });
  }
}

/** The item for a value. Throws `NotShareable` for one that cannot travel. */
export function toItem(value) {
  switch (typeof value) {
    case 'undefined':
      return { tag: 'none' };
    case 'boolean':
      return { tag: 'bool', val: value };
    case 'number':
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? { tag: 's64', val: BigInt(value) } : { tag: 'f64', val: value };
    case 'bigint':
      return value >= LEAST && value <= MOST ? { tag: 's64', val: value } : encoded(value);
    case 'string':
      return { tag: 'string', val: value };
    case 'object':
      return value === null ? { tag: 'none' } : fromObject(value);
    default:
      throw new NotShareable(`a ${typeof value} cannot be sent`);
  }
}

const travels = (value) => queues.isQueue(value) || interpreters.isInterpreter(value) || value instanceof Encoded;

function fromObject(value) {
  if (value instanceof Uint8Array) return { tag: 'bytes', val: value };
  if (value instanceof ArrayBuffer) return { tag: 'bytes', val: new Uint8Array(value) };
  if (queues.isQueue(value)) return { tag: 'queue', val: queues.share(value) };
  if (interpreters.isInterpreter(value)) return { tag: 'interpreter', val: interpreters.id(value) };
  if (value instanceof Encoded) return { tag: 'encoded', val: value };
  return encoded(value);
}

/** The value of an item. */
export function fromItem({ tag, val }) {
  switch (tag) {
    case 'none':
      return null;
    case 's64':
      return val >= Number.MIN_SAFE_INTEGER && val <= Number.MAX_SAFE_INTEGER ? Number(val) : val;
    case 'queue':
      return queues.wrap(val);
    case 'interpreter':
      return interpreters.wrap(val);
    case 'encoded':
      return val.mediaType === CBOR ? decoded(val.bytes) : new Encoded(val.mediaType, val.bytes);
    default:
      return val;
  }
}

function encoded(value) {
  try {
    return { tag: 'encoded', val: { mediaType: CBOR, bytes: encode(value, { dateTag: DATE_AS_TEXT, types: { get: encoder } }) } };
  } catch (error) {
    if (error instanceof NotShareable) throw error;
    const why = error instanceof InternalError ? 'it is nested too deep, or contains itself' : error.message;
    throw new NotShareable(`a value that cannot be sent: ${why}`);
  }
}

function decoded(bytes) {
  try {
    return decode(bytes, { collapseBigInts: true, tags });
  } catch (error) {
    throw new TypeError(`an item that is no CBOR value: ${error.message}`);
  }
}

/** Tags that mean something here do; of others, as Python's tuples have one, what they mark is the value. */
const tags = { get: (tag) => Tag.getDecoder(tag) ?? (({ contents }) => contents) };

/** Classes whose values would arrive as something else, most often as an empty object. */
export const refused = [Error, Promise, WeakMap, WeakSet, WeakRef, Encoded];
/** Classes that travel, but not what is derived from them. */
const exact = [Array, Map, Set, Date, RegExp, URL, ArrayBuffer, DataView];

/** How cbor2 finds the encoder for a class other than its own. */
function encoder(constructor) {
  const { prototype } = constructor;
  if (prototype === undefined || prototype === null) return undefined;
  const derives = (type) => prototype instanceof type;
  return refused.some((type) => constructor === type || derives(type)) || exact.some(derives) ? refuse : undefined;
}

function refuse(value) {
  const what = value.constructor.name || '(anonymous)';
  if (value instanceof Error) throw new NotShareable(`an error (${what}) cannot be sent; its message or its stack can`);
  throw new NotShareable(`a value of the class ${what} cannot be sent${travels(value) ? ' inside another value' : ''}`);
}

registerEncoder(ArrayBuffer, (value) => [NaN, new Uint8Array(value)]);
registerEncoder(DataView, (value) => [NaN, new Uint8Array(value.buffer, value.byteOffset, value.byteLength)]);
// Seconds are floats where other languages write them: a millisecond must not become the one before.
Tag.registerDecoder(DATE_AS_SECONDS, ({ contents }) => new Date(Math.round(Number(contents) * 1000)));
