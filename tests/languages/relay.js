const [from, to] = scriptArgs.slice(-2);
const out = Queue.open(to);
for (const value of Queue.open(from)) out.put(value);
