// What scripts find: everything of the contract as globals, and once more as members of `interpreters`.

import * as errors from './errors.js';
import { Encoded } from './items.js';
import { Interpreter, Thread } from './interpreter.js';
import { exit, process, SystemExit } from './process.js';
import { Queue, UNBOUND } from './queue.js';
import { timers } from './timers.js';

const { asking, interpreterError, queueError, ...classes } = errors;
const interpreters = { Queue, Interpreter, Thread, UNBOUND, Encoded, SystemExit, ...classes };

const define = (name, value) => Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
for (const [name, value] of Object.entries({ ...interpreters, ...timers, interpreters, process, exit })) define(name, value);

// What `import(…)` is in a script.
define('__load', async (name) => {
  throw new TypeError(`no module ${name}: a script is all that there is`);
});

// They need the network, which no interpreter has.
for (const name of ['fetch', 'Request', 'Response', 'Headers']) delete globalThis[name];
