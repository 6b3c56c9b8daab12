// Timers and promises: what is left to do when a text has run to its end. As in Node, it is over when no timer waits any more.
//
// The engine itself would leave timers to the next call, and forget what they throw.

const engine = { setTimeout, setInterval, clearTimeout, clearInterval };
const waiting = new Set();
let failed;
let wake = () => {};

function timer(start, once) {
  return (callback, time, ...values) => {
    if (typeof callback !== 'function') throw new TypeError('a timer needs a function');
    const id = start(() => {
      if (once) waiting.delete(id);
      try {
        callback(...values);
      } catch (error) {
        failed ??= { error };
      }
      wake();
    }, time);
    waiting.add(id);
    return id;
  };
}

function clear(id) {
  waiting.delete(id);
  engine.clearTimeout(id);
}

export const timers = {
  setTimeout: timer(engine.setTimeout, true),
  setInterval: timer(engine.setInterval, false),
  clearTimeout: clear,
  clearInterval: clear,
};

/** Lets timers run until it is time to stop, or none waits. Throws what the first one of them threw. */
async function turns(stop) {
  for (;;) {
    // Behind this one, all promises that can be settled are.
    await new Promise((resolve) => engine.setTimeout(resolve, 0));
    if (failed) throw take().error;
    if (stop() || waiting.size === 0) return;
    await new Promise((resolve) => (wake = resolve));
  }
}

function take() {
  const taken = failed;
  failed = undefined;
  return taken;
}

/** Waits until no timer waits. */
export const quiet = () => turns(() => false);

/** The value of a promise. Unless it is only watched for its failure, one that can never be settled is an error. */
export async function settle(promise, needed = true) {
  let settled;
  promise.then(
    (value) => (settled = { value }),
    (error) => (settled = { error, failed: true }),
  );
  await turns(() => settled);
  if (settled?.failed) throw settled.error;
  if (!settled && needed) throw new Error('this awaits something that never comes');
  return settled?.value;
}

/** Forgets all timers: those of a text that has ended do not run in the next one. */
export function forget() {
  waiting.forEach(clear);
  take();
}
