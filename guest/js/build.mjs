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

/** What is wrong with the bindings of componentize-js 0.23, each with the number of its places. */
const mends = [
  // A handle that was used once is never given back by the garbage collector: each use takes it from the registry that would do it.
  [/^ *finalizationRegistry_\S+\.unregister\(arg0\);$/gm, '', 30],
  [/^ *finalizationRegistry_\S+\.unregister\(e\);\n(?= *dataView\(\$memory\)\.setInt32\(base \+ 0, handle0, true\);$)/gm, '', 2],
  // A text that begins with a byte order mark would lose it.
  [/new TextDecoder\(\)/g, "new TextDecoder('utf-8', { ignoreBOM: true })", 1],
  // Five looks at `process.env` for every call.
  [/^ *_debugLog\((?:'[^']*'|"[^"]*")(?:, \{[^}]*\})?\);?$/gm, '', 93],
];

const { spliceBindings } = splicer;
splicer.spliceBindings = (...given) => {
  const spliced = spliceBindings(...given);
  for (const [what, instead, places] of mends) {
    const found = spliced.jsBindings.match(what)?.length ?? 0;
    if (found !== places) throw new Error(`${what} is in ${found} places of the bindings, not in ${places}`);
    spliced.jsBindings = spliced.jsBindings.replace(what, instead);
  }
  return spliced;
};

const work = await mkdtemp(join(tmpdir(), 'wasm-pool-js-'));
try {
  const script = join(work, 'interpreter.js');
  await build({ entryPoints: [join(here, 'src/main.js')], outfile: script, bundle: true, format: 'esm', minifyWhitespace: true, external: ['wasm-pool:*', 'wasi:*'] });

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
