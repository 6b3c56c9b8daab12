// Runs source text in the global scope, one text after the other, as the lines of a console.

import { located } from './failure.js';
import { rewritten } from './rewrite.js';
import { forget, quiet, settle } from './timers.js';

const UNNAMED = '<exec>';
const global = globalThis;
// Called by another name it runs its text in the global scope.
const run = eval;

/** Runs a text, and all that it leaves to promises and timers. */
export async function runScript(source) {
  const name = typeof global.__file__ === 'string' ? global.__file__ : UNNAMED;
  const url = `\n//# sourceURL=${name.replace(/[%\s]+/g, encodeURIComponent)}`;
  const { text, waits } = rewritten(source);
  try {
    // A text often ends with `main()`: what its promise is rejected with is what the text fails with.
    const value = run(text + url);
    const last = waits ? value() : value;
    if (last instanceof Promise) await settle(last, waits);
    await quiet();
  } catch (error) {
    throw located(error, name, source);
  } finally {
    forget();
  }
}
