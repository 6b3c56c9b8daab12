// Makes what a text declares last longer than the text.
//
// An indirect `eval` is all that this engine has to run a text, and it keeps every `let`, `const` and `class` to itself. So the names
// that a text declares at its top level become properties of the global object, which is what `var` means there, and the
// declarations become assignments: the next texts and `call` find them. What is lost: a `const` of the top level can be assigned
// to, and before its declaration has run a name is `undefined` and no error. Lines stay where they are.
//
// `import(…)` becomes a call of `__load`: the engine would look for a file, and end.
//
// A text that awaits at its top level becomes the body of an async function; columns of its first line are 10 too high.

import { Parser } from 'acorn';

const NEEDS_IT = /\b(?:let|const|class|await|import)\b|["']use strict["']/;

/** The text to run, and whether its value is an async function that runs it. */
export function rewritten(source) {
  if (source.startsWith('#!')) source = `//${source.slice(2)}`;
  const program = NEEDS_IT.test(source) ? parsed(source) : undefined;
  // What the parser does not understand the engine may; else it says what is wrong with it.
  if (!program) return { text: source, waits: false };

  const { body, awaits: waits, imports } = program;
  const directives = body.filter((node) => node.directive);
  // Such a text has a scope of its own, also for `var` and functions.
  const closed = waits || directives.some((node) => node.directive === 'use strict');
  const edits = imports.map((start) => [start, 'import'.length, '__load']);
  for (const node of body) {
    if (node.type === 'VariableDeclaration' && (closed ? /^(?:let|const|var)$/ : /^(?:let|const)$/).test(node.kind)) variables(node, edits);
    if (node.type === 'ClassDeclaration') assign(node, edits);
    if (node.type === 'FunctionDeclaration' && closed) {
      edits.push([directives.at(-1)?.end ?? 0, 0, `;globalThis.${node.id.name} = ${node.id.name};`]);
    }
  }
  const text = edited(source, edits);
  return { text: waits ? `async()=>{${text}\n}` : text, waits };
}

/** `const a = 1, {b} = c` becomes `;    a = 1, ({b} = c)`. */
function variables({ start, kind, declarations }, edits) {
  edits.push([start, kind.length, ';'.padEnd(kind.length)]);
  for (const { id, init, start: from, end } of declarations) {
    names(id).forEach(declare);
    if (!init && kind === 'let') edits.push([end, 0, ' = undefined']);
    if (id.type === 'ObjectPattern') edits.push([from, 0, '('], [end, 0, ')']);
  }
}

/** `class A {}` becomes `;A = class A {};`. */
function assign({ id, start, end }, edits) {
  declare(id.name);
  edits.push([start, 0, `;${id.name} = `], [end, 0, ';']);
}

/** All names of a pattern. */
function names(pattern) {
  switch (pattern?.type) {
    case 'Identifier':
      return [pattern.name];
    case 'ObjectPattern':
      return pattern.properties.flatMap((property) => names(property.value ?? property.argument));
    case 'ArrayPattern':
      return pattern.elements.flatMap(names);
    case 'AssignmentPattern':
      return names(pattern.left);
    case 'RestElement':
      return names(pattern.argument);
    default:
      return [];
  }
}

/** A global variable that can be assigned to, also where the engine has a getter of this name. */
function declare(name) {
  const found = Object.getOwnPropertyDescriptor(globalThis, name);
  if (found?.writable || found?.configurable === false) return;
  Object.defineProperty(globalThis, name, { value: undefined, writable: true, enumerable: true, configurable: true });
}

function edited(source, edits) {
  let text = '';
  let at = 0;
  for (const [start, removed, inserted] of edits.sort((a, b) => a[0] - b[0])) {
    text += source.slice(at, start) + inserted;
    at = start + removed;
  }
  return text + source.slice(at);
}

/** Notes whether something awaits outside every function, and where modules are imported. */
class Noting extends Parser {
  imports = [];

  parseDynamicImport(node) {
    this.imports.push(node.start);
    return super.parseDynamicImport(node);
  }

  parseAwait(...rest) {
    this.awaits ||= !this.inAsync;
    return super.parseAwait(...rest);
  }

  parseForIn(node, init) {
    this.awaits ||= Boolean(node.await) && !this.inAsync;
    return super.parseForIn(node, init);
  }
}

/** The program, or nothing for what is none. Where `await` is a name, as it may be in a script, nothing awaits. */
function parsed(source) {
  for (const allowAwaitOutsideFunction of [true, false]) {
    try {
      const parser = new Noting({ ecmaVersion: 'latest', allowAwaitOutsideFunction }, source);
      return Object.assign(parser.parse(), { awaits: Boolean(parser.awaits), imports: parser.imports });
    } catch {
      // The second way, or the engine's own words.
    }
  }
  return undefined;
}
