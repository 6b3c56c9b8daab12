"""A map by CPython's executors, for `map` beside this file.

    python3.14 executors.py KIND WORKERS lines [CHUNK] < items > results
    python3.14 executors.py KIND WORKERS COUNT [CHUNK]

The first reads an item a line as JSON and writes a result a line; the second makes its items and checks its results itself. KIND
is `interpreters`, `processes`, `threads` or `loop`, the last being no executor at all: what reading and writing cost.
"""

import json
import sys
from concurrent import futures

EXECUTORS = {
    "interpreters": "InterpreterPoolExecutor",
    "processes": "ProcessPoolExecutor",
    "threads": "ThreadPoolExecutor",
}


def square(x):
    return x * x


def map_squares(kind, workers, items, chunk):
    if kind == "loop":
        yield from map(square, items)
        return
    with getattr(futures, EXECUTORS[kind])(workers) as pool:
        yield from pool.map(square, items, chunksize=chunk)


def main(kind, workers, source, chunk="1"):
    workers, chunk = int(workers), int(chunk)
    if source == "lines":
        for result in map_squares(kind, workers, map(json.loads, sys.stdin), chunk):
            sys.stdout.write(json.dumps(result) + "\n")
        return
    items = [item % 65536 for item in range(int(source))]
    if list(map_squares(kind, workers, items, chunk)) != [item * item for item in items]:
        sys.exit("executors.py: the results are wrong")


if __name__ == "__main__":
    main(*sys.argv[1:])
