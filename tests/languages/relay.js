const [, from, to] = scriptArgs;
const out = Queue.open(to);
for (const value of Queue.open(from)) out.put(value);
