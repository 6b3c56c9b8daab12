// What a script knows of its process, in Node's words: its arguments, its environment, and how to end.

import { getArguments, getEnvironment } from 'wasi:cli/environment@0.2.0';

/** A script has ended itself: a failure of this kind, with the code as message, is what the host expects of one. */
export class SystemExit extends Error {
  get name() {
    return 'SystemExit';
  }
}

let left;

/** Ends the script with a code, or with a text for people, which counts as 1. */
export function exit(code = process.exitCode ?? 0) {
  left = code;
  throw new SystemExit(String(code));
}

/** How the script has ended itself, if it has; also one that caught what `exit` throws, and one that only set an exit code. */
export function ending() {
  const code = left ?? process.exitCode;
  return code === undefined || (left === undefined && Number(code) === 0) ? undefined : new SystemExit(String(code));
}

/** What runs next has not ended yet. */
export function begin() {
  left = undefined;
  process.exitCode = undefined;
}

export const process = { exit, exitCode: undefined, platform: 'wasi' };

/** A property that is looked up when it is first asked for: at the time of the build there is nobody to ask. */
export function lazy(object, name, value) {
  const define = (descriptor) => Object.defineProperty(object, name, { configurable: true, enumerable: true, ...descriptor });
  define({
    get: () => {
      define({ value: value(), writable: true });
      return object[name];
    },
    set: (other) => define({ value: other, writable: true }),
  });
}

/** The script's arguments, its name first: what stands behind the program's name. */
const given = () => getArguments().slice(1);

lazy(process, 'argv', () => ['wasm-pool', ...given()]);
lazy(process, 'env', () => Object.fromEntries(getEnvironment()));
lazy(globalThis, 'scriptArgs', given);
