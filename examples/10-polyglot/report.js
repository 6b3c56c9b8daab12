// Adds up the records of two queues, and puts a line for each path and one for all into a third.

const queues = [Queue.open('records'), Queue.open('rejected')];
const report = Queue.open('report');

const paths = new Map();
let rejected = 0;

function add({ path, hour, status, bytes }) {
  const sums = paths.get(path) ?? { path, requests: 0, errors: 0, bytes: 0, hours: new Array(24).fill(0) };
  sums.requests += 1;
  sums.errors += status >= 400 ? 1 : 0;
  sums.bytes += bytes ?? 0;
  sums.hours[hour] += 1;
  paths.set(path, sums);
}

const takes = new Map([
  [queues[0], add],
  [queues[1], () => (rejected += 1)],
]);

// A queue that is closed and empty is one less to wait for.
while (queues.length > 0) {
  try {
    const { index, value } = Queue.select(queues);
    takes.get(queues[index])(value);
  } catch (error) {
    if (!(error instanceof QueueClosed)) throw error;
    queues.splice(error.index, 1);
  }
}

const sorted = [...paths.values()].sort((a, b) => b.requests - a.requests || (a.path < b.path ? -1 : 1));
for (const { hours, ...sums } of sorted) report.put({ ...sums, busiest: hours.indexOf(Math.max(...hours)) });
const total = (name) => sorted.reduce((sum, path) => sum + path[name], 0);
report.put({ paths: sorted.length, requests: total('requests'), errors: total('errors'), bytes: total('bytes'), rejected });
