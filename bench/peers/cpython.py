"""The peers of CPython: `python3.14 cpython.py interpreters|processes|threads WORK COUNT`, by `compare` beside this file."""

import contextlib
import json
import multiprocessing
import os
import queue
import sys
import threading
import time
from concurrent import futures

try:
    from concurrent import interpreters
except ImportError:  # before 3.14
    interpreters = None

WORKERS = 2
# Numbers below this are looked at for primes, of which there are so many.
LIMIT, PRIMES = 5_000, 669
DATA = bytes(at % 256 for at in range(64 << 10))
QUEUE = 1_024


class Unable(Exception):
    """Why this kind has no such thing."""


# What is called.


def next_number(number):
    return number + 1


def primes(limit):
    count = 0
    for number in range(2, limit):
        by = 2
        while by * by <= number and number % by != 0:
            by += 1
        count += by * by > number
    return count


def echo(data):
    return data


def spin():
    while True:
        pass


def produce(channel, count):
    for number in range(count):
        channel.put(number)


def consume(channel):
    return sum(iter(channel.get, None))


def pong(there, back):
    for number in iter(there.get, None):
        back.put(number)


# What is measured.


class Kind:
    """A pool, a life and a queue of interpreters, processes or threads."""

    def __init__(self, name):
        self.name = name

    def pool(self, workers=WORKERS):
        executors = {"interpreters": "InterpreterPoolExecutor", "processes": "ProcessPoolExecutor", "threads": "ThreadPoolExecutor"}
        return getattr(futures, executors[self.name])(workers)

    @contextlib.contextmanager
    def queue(self):
        if self.name == "interpreters":
            yield interpreters.create_queue(QUEUE)
        elif self.name == "processes":
            with multiprocessing.Manager() as manager:
                yield manager.Queue(QUEUE)
        else:
            yield queue.Queue(QUEUE)

    def live(self):
        """Something that is there and has been called, with a function that ends it."""
        if self.name == "interpreters":
            one = interpreters.create()
            assert one.call(next_number, 1) == 2
            return one.close
        if self.name == "processes":
            ours, theirs = multiprocessing.Pipe()
            one = multiprocessing.Process(target=answer, args=(theirs,))
            one.start()
            ours.send(1)
            assert ours.recv() == 2
            return lambda: (ours.send(None), one.join())
        asked, answered = queue.SimpleQueue(), queue.SimpleQueue()
        one = threading.Thread(target=lambda: [answered.put(next_number(number)) for number in iter(asked.get, None)])
        one.start()
        asked.put(1)
        assert answered.get() == 2
        return lambda: (asked.put(None), one.join())


def answer(pipe):
    for number in iter(pipe.recv, None):
        pipe.send(next_number(number))


def call(kind, count):
    if kind.name == "interpreters":
        one = interpreters.create()
        return sum(one.call(next_number, number) for number in range(count))
    if kind.name == "processes":
        raise Unable("a process is called by another thread only: see the next table")
    return sum(next_number(number) for number in range(count))


def submit(kind, count):
    with kind.pool() as pool:
        return sum(pool.submit(next_number, number).result() for number in range(count))


def copy_bytes(kind, count):
    if kind.name == "interpreters":
        one = interpreters.create()
        assert all(one.call(echo, DATA) == DATA for _ in range(count))
    elif kind.name == "processes":
        with kind.pool() as pool:
            assert all(pool.submit(echo, DATA).result() == DATA for _ in range(count))
    else:
        raise Unable("threads share their memory: nothing is copied, and nothing is isolated")
    return count


def map_primes(kind, count):
    with kind.pool() as pool:
        return sum(pool.map(primes, [LIMIT] * count))


def life(kind, count):
    for _ in range(count):
        kind.live()()
    return count * (count + 1) // 2


def ping_pong(kind, count):
    with kind.pool() as pool, kind.queue() as there, kind.queue() as back:
        other = pool.submit(pong, there, back)
        for number in range(count):
            there.put(number)
            assert back.get() == number
        there.put(None)
        other.result()
    return count


def one_to_one(kind, count):
    return passed(kind, 1, count)


def eight_to_eight(kind, count):
    return passed(kind, 8, count)


def passed(kind, pairs, count):
    with kind.pool(2 * pairs) as pool, kind.queue() as channel:
        takers = [pool.submit(consume, channel) for _ in range(pairs)]
        givers = [pool.submit(produce, channel, count // pairs) for _ in range(pairs)]
        for giver in givers:
            giver.result()
        for _ in range(pairs):
            channel.put(None)
        return sum(taker.result() for taker in takers)


def idle(kind, count):
    ends = [kind.live() for _ in range(count)]
    print("ready", flush=True)
    sys.stdin.read(1)
    # Closing them all is not what is measured.
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(0 if len(ends) == count else 1)


def hostile(kind, count):
    pool = kind.pool()
    # Workers that are there already.
    list(pool.map(next_number, range(100)))
    alone = honest(pool, count)
    pool.submit(spin)
    beside, ended, how = honest(pool, count), None, HOPELESS.get(kind.name)
    if not how:
        began = time.perf_counter()
        pool.terminate_workers()
        how, ended = "`terminate_workers()`, which ends all other workers and the pool", time.perf_counter() - began
    print(json.dumps({"alone": alone, "beside": beside, "ended": ended, "how": how}), flush=True)
    # What cannot be ended would be waited for.
    os._exit(0)


def honest(pool, count):
    began = time.perf_counter()
    assert sum(pool.map(primes, [LIMIT] * count)) == PRIMES * count
    return time.perf_counter() - began


HOPELESS = {
    "interpreters": "nothing ends an interpreter that runs, but the end of the process",
    "threads": "nothing ends a thread that runs, but the end of the process",
}

WORKS = {
    "call": call,
    "submit": submit,
    "bytes": copy_bytes,
    "map": map_primes,
    "life": life,
    "ping-pong": ping_pong,
    "one-to-one": one_to_one,
    "eight-to-eight": eight_to_eight,
    "idle": idle,
    "hostile": hostile,
}


def main(kind, work, count):
    try:
        result = WORKS[work](Kind(kind), int(count))
    except Unable as why:
        print(why)
        sys.exit(77)
    if result is not None:
        print(result)


if __name__ == "__main__":
    main(*sys.argv[1:])
