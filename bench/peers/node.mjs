// The peer `Node, worker_threads`: `node node.mjs WORK COUNT`, by `compare` beside this file. Each worker has an instance of work.wasm.

import { readFileSync, readSync, writeSync } from "node:fs";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { MessageChannel, Worker, isMainThread, workerData } from "node:worker_threads";

const WORKERS = 2;
// Numbers below this are looked at for primes, of which there are so many.
const [LIMIT, PRIMES] = [5000, 669];
const DATA = Uint8Array.from({ length: 64 << 10 }, (_, at) => at % 256);
// How long an endless call is left alone, in milliseconds.
const PATIENCE = 250;
const FILE = fileURLToPath(import.meta.url);

// In a worker: what a message asks for.

function serve({ module, port, role }) {
  const { next, primes, spin, echo, memory } = new WebAssembly.Instance(module).exports;
  let sum = 0;
  const answer = {
    next: (value) => next(value),
    primes: (value) => primes(value),
    spin: () => spin(),
    echo: (data) => {
      new Uint8Array(memory.buffer, 0, data.length).set(data);
      return new Uint8Array(memory.buffer, echo(data.length), data.length).slice();
    },
    pong: (value) => value,
    consume: (value) => {
      if (value === null) return sum;
      sum += value;
    },
    produce: ({ to, count }) => {
      for (let value = 0; value < count; value++) to[value % to.length].postMessage(["consume", value]);
      for (const one of to) one.postMessage(["done"]);
      return count;
    },
    // From another worker, which has ended.
    done: () => {
      role.left -= 1;
      if (role.left === 0) role.report.postMessage(sum);
    },
    hello: ({ from, left, report }) => {
      role = { left, report };
      for (const one of from) one.on("message", ([what, value]) => answer[what](value));
    },
  };
  port.on("message", ([what, value]) => {
    const result = answer[what](value);
    if (result !== undefined) port.postMessage(result);
  });
}

// In the main thread.

class Peer {
  constructor(module) {
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    this.worker = new Worker(FILE, { workerData: { module, port: port2 }, transferList: [port2] });
  }

  async ask(what, value, transfer) {
    this.port.postMessage([what, value], transfer);
    return (await once(this.port, "message"))[0];
  }

  end() {
    this.port.close();
    return this.worker.terminate();
  }
}

const module = () => new WebAssembly.Module(readFileSync(new URL("../../target/peers/work.wasm", import.meta.url)));

const WORKS = {
  call: (count) => {
    const { next } = new WebAssembly.Instance(module()).exports;
    let sum = 0;
    for (let value = 0; value < count; value++) sum += next(value);
    return sum;
  },
  submit: async (count) => {
    const peer = new Peer(module());
    let sum = 0;
    for (let value = 0; value < count; value++) sum += await peer.ask("next", value);
    await peer.end();
    return sum;
  },
  bytes: async (count) => {
    const peer = new Peer(module());
    for (let left = count; left > 0; left--) {
      if (Buffer.compare(await peer.ask("echo", DATA), DATA) !== 0) throw new Error("other bytes");
    }
    await peer.end();
    return count;
  },
  map: async (count) => {
    const peers = await started(WORKERS);
    const sum = await primes(peers, count);
    await Promise.all(peers.map((peer) => peer.end()));
    return sum;
  },
  life: async (count) => {
    const compiled = module();
    let sum = 0;
    // Two at a time.
    const some = async (from) => {
      for (let value = from; value < count; value += WORKERS) {
        const peer = new Peer(compiled);
        const result = await peer.ask("next", value);
        sum += result;
        await peer.end();
      }
    };
    await Promise.all(Array.from({ length: WORKERS }, (_, from) => some(from)));
    return sum;
  },
  "ping-pong": async (count) => {
    const peer = new Peer(module());
    for (let value = 0; value < count; value++) if ((await peer.ask("pong", value)) !== value) throw new Error("another answer");
    await peer.end();
    return count;
  },
  "one-to-one": (count) => passed(1, count),
  "eight-to-eight": (count) => passed(8, count),
  idle: async (count) => {
    const peers = await started(count);
    writeSync(1, "ready\n");
    readSync(0, Buffer.alloc(1));
    process.exit(peers.length === count ? 0 : 1);
  },
  hostile: async (count) => {
    const peers = await started(WORKERS);
    const timed = async (able, beside) => {
      const began = performance.now();
      const sums = await Promise.all([primes(able, count), beside?.()]);
      if (sums[0] !== PRIMES * count) throw new Error("other results");
      return (performance.now() - began) / 1e3;
    };
    const alone = await timed(peers);
    let ended;
    // The other one is stopped after a while; nobody gives its items to another by itself, so it got none.
    const endless = async () => {
      const began = performance.now();
      peers[0].port.postMessage(["spin"]);
      await new Promise((done) => setTimeout(done, PATIENCE));
      await peers[0].worker.terminate();
      ended = (performance.now() - began) / 1e3;
    };
    const beside = await timed(peers.slice(1), endless);
    await peers[1].end();
    return JSON.stringify({ alone, beside, ended, how: "`worker.terminate()`, by a timer of the program's own" });
  },
};

async function started(count) {
  const compiled = module();
  const peers = Array.from({ length: count }, () => new Peer(compiled));
  await Promise.all(peers.map((peer) => peer.ask("next", 1)));
  return peers;
}

/** Items for these peers, each of which gets the next one when it is done. */
async function primes(peers, count) {
  let [next, sum] = [0, 0];
  const some = async (peer) => {
    while (next++ < count) {
      // Not `sum += await`: it would add to what the sum was before.
      const found = await peer.ask("primes", LIMIT);
      sum += found;
    }
  };
  await Promise.all(peers.map(some));
  return sum;
}

/** Numbers from so many workers to as many others, over a port for each two of them: there is no queue that many take from. */
async function passed(pairs, count) {
  const [givers, takers] = [await started(pairs), await started(pairs)];
  const channels = givers.map(() => takers.map(() => new MessageChannel()));
  const sums = takers.map(async (taker, at) => {
    const { port1, port2 } = new MessageChannel();
    const from = channels.map((row) => row[at].port2);
    taker.port.postMessage(["hello", { from, left: pairs, report: port1 }], [...from, port1]);
    const [sum] = await once(port2, "message");
    port2.close();
    return sum;
  });
  const each = Math.floor(count / pairs);
  givers.forEach((giver, at) => {
    const to = channels[at].map((channel) => channel.port1);
    giver.port.postMessage(["produce", { to, count: each }], to);
  });
  const sum = (await Promise.all(sums)).reduce((sum, one) => sum + one, 0);
  await Promise.all([...givers, ...takers].map((peer) => peer.end()));
  return sum;
}

if (isMainThread) {
  const [work, count] = process.argv.slice(2);
  console.log(await WORKS[work](Number(count)));
} else {
  serve(workerData);
}
