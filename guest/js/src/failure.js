// What a failure tells the host: kind, message, trace and the display that people read.

const MOST_FRAMES = 20;
/** In UTF-16 units; the host takes 64 KiB. */
const LONGEST_DISPLAY = 20_000;
const OWN = ['interpreter.js', 'initializer.js'];
/** What people are shown above an error: its place and its line of source. */
const excerpts = new WeakMap();

/** The `execution-failed` of whatever was thrown. */
export function failure(thrown) {
  if (!(thrown instanceof Error)) return notAnError(thrown);
  const frames = framesOf(thrown);
  return {
    kind: text(() => thrown.name) || 'Error',
    message: text(() => thrown.message),
    trace: frames.slice(0, MOST_FRAMES),
    display: displayOf(thrown, frames, new Set()).slice(0, LONGEST_DISPLAY),
  };
}

function notAnError(thrown) {
  const kind = text(() => thrown.constructor.name) || (thrown === null ? 'null' : typeof thrown);
  const message = typeof thrown === 'string' ? thrown : shown(thrown);
  return { kind, message, trace: [], display: `Uncaught ${shown(thrown)}`.slice(0, LONGEST_DISPLAY) };
}

/** What a script's own object says of itself; whatever its getters do, it is a text. */
function text(read) {
  try {
    return String(read() ?? '');
  } catch {
    return '';
  }
}

function shown(value) {
  try {
    return typeof value === 'object' || typeof value === 'string' ? (JSON.stringify(value) ?? String(value)) : String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

/** As in Node: the error, where it happened, and what caused it. */
function displayOf(error, frames, seen) {
  seen.add(error);
  const lines = [excerpts.get(error), text(() => String(error)) || 'Error', ...frames.map((frame) => `    at ${frame}`)];
  for (const cause of causes(error)) {
    if (!seen.has(cause)) lines.push(`Caused by: ${displayOf(cause, framesOf(cause), seen)}`);
  }
  return lines.filter((line) => line !== undefined).join('\n');
}

function causes(error) {
  try {
    const several = Array.isArray(error.errors) ? error.errors : [];
    return [error.cause, ...several].filter((cause) => cause instanceof Error);
  } catch {
    return [];
  }
}

/** The engine writes `name@file:line:column`, innermost first. Frames of our own and of the bindings say nothing about a script. */
function framesOf(error) {
  const frames = text(() => error.stack).split('\n');
  return frames.filter((frame) => frame && !OWN.some((file) => frame.includes(file))).map(readable);
}

function readable(frame) {
  const at = frame.lastIndexOf('@');
  const name = frame.slice(0, Math.max(at, 0));
  const place = unescaped(frame.slice(at + 1));
  return name ? `${name} (${place})` : place;
}

function unescaped(place) {
  try {
    return decodeURIComponent(place);
  } catch {
    return place;
  }
}

/** An error that comes with its place in the text, where the engine knows it only as a place in what was evaluated. */
export function located(error, name, source) {
  const ours = error instanceof SyntaxError && text(() => error.fileName).includes(OWN[0]) && framesOf(error).length === 0;
  if (!ours) return error;
  const { lineNumber, columnNumber } = error;
  const line = source.split('\n')[lineNumber - 1] ?? '';
  if (line.length <= 200) excerpts.set(error, `${name}:${lineNumber}\n${line}\n${line.slice(0, columnNumber - 1).replace(/[^\t]/g, ' ')}^\n`);
  error.stack = `@${name}:${lineNumber}:${columnNumber}\n`;
  return error;
}
