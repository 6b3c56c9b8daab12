// What is measured of JavaScript beside Python: `measure.js WHAT COUNT`, for `guest/python/measure/run`.

const [, what, count] = scriptArgs;

const echo = `function echo(source, target) { for (;;) { const item = source.get(); if (item === null) return; target.put(item); } }`;

const parts = {
  create(count) {
    for (let i = 0; i < count; i++) {
      const child = Interpreter.create();
      child.exec('0');
      child.close();
    }
  },
  exec(count) {
    const child = Interpreter.create();
    for (let i = 0; i < count; i++) child.exec('0');
  },
  call(count) {
    const child = Interpreter.create();
    child.exec('function abs(x) { return Math.abs(x) }');
    for (let i = 0; i < count; i++) child.call('abs', i);
  },
  ping_pong(count) {
    const [ping, pong] = [Queue.create(), Queue.create()];
    const child = Interpreter.create();
    child.exec(echo);
    const thread = child.callInThread('echo', ping, pong);
    for (let i = 0; i < count; i++) {
      ping.put(i);
      if (pong.get() !== i) throw new Error('another item');
    }
    ping.put(null);
    thread.join();
  },
};

parts[what](Number(count));
