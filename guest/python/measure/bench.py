"""What is measured, under CPython and under wasm-pool: `bench.py WHAT COUNT`."""

import sys
from concurrent import interpreters
from concurrent.futures import InterpreterPoolExecutor


def create(count):
    """An interpreter, from its creation until it is closed."""
    for _ in range(count):
        interp = interpreters.create()
        interp.exec("pass")
        interp.close()


def exec(count):
    """`exec` of next to nothing, in an interpreter that is there."""
    interp = interpreters.create()
    interp.exec("pass")
    for _ in range(count):
        interp.exec("pass")


def call(count):
    """A call of a function with an argument and a result."""
    interp = interpreters.create()
    for number in range(count):
        interp.call(abs, number)


def echo(source, target):
    while (item := source.get()) is not None:
        target.put(item)


def ping_pong(count):
    """A message to another interpreter, and one back."""
    ping, pong = interpreters.create_queue(), interpreters.create_queue()
    interp = interpreters.create()
    thread = interp.call_in_thread(echo, ping, pong)
    for number in range(count):
        ping.put(number)
        assert pong.get() == number
    ping.put(None)
    thread.join()


def square(number):
    return number * number


def pool_map(count):
    """An item of `InterpreterPoolExecutor.map` in two workers, one by one."""
    with InterpreterPoolExecutor(2) as pool:
        assert sum(pool.map(square, range(count))) == sum(map(square, range(count)))


def pool_chunks(count):
    """The same in chunks of a hundred."""
    with InterpreterPoolExecutor(2) as pool:
        assert sum(pool.map(square, range(count), chunksize=100)) == sum(map(square, range(count)))


def work(rounds):
    """A mixed load: numbers, strings, dicts, calls."""
    table = {}
    for number in range(rounds * 10_000):
        key = str(number % 1000)
        table[key] = table.get(key, 0) + len(key) * number % 7
    return sum(table.values())


def compute(count):
    """Ten thousand rounds of a mixed load, in the first interpreter."""
    work(count)


def parallel(count):
    """The same load in two interpreters at once."""
    with InterpreterPoolExecutor(2) as pool:
        list(pool.map(work, [count // 2] * 2))


def idle(count):
    """Interpreters that have run something and wait for more: says so, and waits for a line."""
    made = [interpreters.create() for _ in range(count)]
    for interp in made:
        interp.exec("pass")
    print("ready", flush=True)
    sys.stdin.readline()
    for interp in made:
        interp.close()


if __name__ == "__main__":
    globals()[sys.argv[1]](int(sys.argv[2]))
