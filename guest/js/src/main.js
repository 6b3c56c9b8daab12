// The component's door: what the host calls (interface `task` of wit/task.wit).
//
// A failure leaves as a thrown object with a `payload`, which is what componentize-js makes a result's error of; anything else
// that is thrown here would be a trap and end the interpreter.

import './globals.js';
import { failure } from './failure.js';
import { fromItem, toItem } from './items.js';
import { begin, ending } from './process.js';
import { runScript } from './script.js';
import { settle } from './timers.js';

export const task = {
  prepareMain: (bindings) =>
    outcome(() => {
      // All of them or none: what cannot be made throws before the first name is bound.
      const values = bindings.map(([name, item]) => [name, fromItem(item)]);
      for (const [name, value] of values) globalThis[name] = value;
    }),

  exec: (source) => outcome(() => runScript(source)),

  call: (name, items) =>
    outcome(async () => {
      const result = named(name)(...items.map(fromItem));
      return toItem(result instanceof Promise ? await settle(result) : result);
    }),
};

/** Runs something, and says how it ended; a script that has ended itself has, even if it caught what that threw. */
async function outcome(run) {
  begin();
  try {
    const val = await run();
    const end = ending();
    if (end) throw end;
    return { tag: 'ok', val };
  } catch (error) {
    throw { payload: failure(ending() ?? error) };
  }
}

/** The function with this name: a global one, or a method of something global, as `Math.max`. */
function named(name) {
  let owner;
  let value = globalThis;
  for (const part of name.split('.')) {
    owner = value;
    value = owner?.[part];
  }
  if (typeof value === 'function') return (...values) => Reflect.apply(value, owner, values);
  throw value === undefined ? new ReferenceError(`${name} is not defined`) : new TypeError(`${name} is not a function`);
}
