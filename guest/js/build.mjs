// Builds the interpreter: node build.mjs [OUT] [WIT], js.wasm and ../../wit unless told otherwise.
//
// esbuild makes one module of src/; componentize-js runs it once inside the engine and keeps the memory that it leaves.

import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';
import { componentize } from '@bytecodealliance/componentize-js';
import { splicer } from './node_modules/@bytecodealliance/componentize-js/lib/spidermonkey-embedding-splicer.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const out = process.argv[2] ?? join(here, 'js.wasm');
const contract = process.argv[3] ?? join(here, '../../wit');

/** What is wrong with the bindings of componentize-js 0.23, and what stands there instead. */
const mends = [
  // What does not look positive as 64 bits ends the engine.
  [/= BigInt\(toInt64\(e\)\);/g, '= BigInt.asUintN(64, BigInt(e));'],
  [/= BigInt\(f64ToI64\(\+e\)\);/g, '= BigInt.asUintN(64, f64ToI64(+e));'],
  // The bindings have a realm of their own: to scripts, bytes of it would be no `Uint8Array`.
  [/^let \{ TextEncoder, TextDecoder \} = contentGlobal;$/gm, 'let { TextEncoder, TextDecoder, Uint8Array: Bytes } = contentGlobal;'],
  [/new Uint8Array\(\$memory\.buffer\.slice\((\w+), \w+ \+ (\w+) \* 1\)\)/g, 'new Bytes(new Uint8Array($memory.buffer, $1, $2))'],
  // A text that begins with a byte order mark would lose it.
  [/new TextDecoder\(\)/g, "new TextDecoder('utf-8', { ignoreBOM: true })"],
  // They count the bytes of a text character by character: 15 ms for 64 KiB.
  [
    /  \/\/ Compute the exact allocation size up front\.[^]*?\n  return res;\n/,
    `  const bytes = TEXT_ENCODER_UTF8.encode(s);
  const len = bytes.length;
  const ptr = realloc(0, 0, 1, len);
  new Uint8Array(memory.buffer, ptr, len).set(bytes);
  return { ptr, len };
`,
  ],
  // Five looks at `process.env` for every call.
  [/^ *_debugLog\((?:'[^']*'|"[^"]*")(?:, \{[^}]*\})?\);?$/gm, ''],
];

const { spliceBindings } = splicer;
splicer.spliceBindings = (...given) => {
  const spliced = spliceBindings(...given);
  for (const [what, instead] of mends) {
    const mended = spliced.jsBindings.replace(what, instead);
    if (mended === spliced.jsBindings) throw new Error(`the bindings of componentize-js have no ${what}: is it another version?`);
    spliced.jsBindings = mended;
  }
  return spliced;
};

const work = await mkdtemp(join(tmpdir(), 'wasm-pool-js-'));
try {
  const script = join(work, 'interpreter.js');
  await build({ entryPoints: [join(here, 'src/main.js')], outfile: script, bundle: true, format: 'esm', minifyWhitespace: true, keepNames: true, external: ['wasm-pool:*', 'wasi:*'] });

  const wit = join(work, 'wit');
  await cp(join(here, 'wit'), wit, { recursive: true });
  await cp(join(contract, 'deps'), join(wit, 'deps'), { recursive: true });
  await cp(contract, join(wit, 'deps/interpreters'), { recursive: true, filter: (path) => !path.endsWith('deps') });

  const { component } = await componentize({ sourcePath: script, witPath: wit, worldName: 'js', disableFeatures: ['http', 'fetch-event'] });
  await writeFile(out, component);
  console.log(`${out}: ${component.length} bytes`);
} finally {
  await rm(work, { recursive: true });
}
