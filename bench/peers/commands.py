"""The peers that start whole commands: `commands.py wasm-pool|xargs|parallel WORK COUNT`, by `compare` beside this file.

An item is a process, or an instance of `wasm-pool run`; it runs a command of WASI. Paths come by the environment.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
WORKERS = "2"
# Below 5,000 are 669 primes: a command that counts otherwise traps.
PRIMES = 669
TIMEOUT = "250ms"
SLEEP = """(module
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start")
      (i32.store (i32.const 16) (i32.const 1))
      (i64.store (i32.const 24) (i64.const 3600000000000))
      (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))"""
NO_CALLS = "a command has no functions that are called: see `life`"
NO_QUEUE = "it has no queues: processes have pipes"


def main(kind, work, count):
    count = int(count)
    if work in ("call", "submit", "bytes"):
        unable(NO_CALLS)
    elif work in ("ping-pong", "one-to-one", "eight-to-eight"):
        unable("see its library" if kind == "wasm-pool" else NO_QUEUE)
    elif work == "idle":
        idle(kind, count)
    elif work == "hostile":
        hostile(kind, count)
    elif work == "life":
        run(kind, guest("empty"), count)
        print(count * (count + 1) // 2)
    else:
        run(kind, guest("primes"), count)
        print(count * PRIMES)


def guest(name):
    """A file with a command that does this."""
    work = (HERE / "work.wat").read_text().rstrip().removesuffix(")")
    commands = {
        "empty": '(module (memory (export "memory") 1) (func (export "_start")))',
        "primes": work + f'(func (export "_start") (if (i32.ne (call $primes (i32.const 5000)) (i32.const {PRIMES})) (then unreachable))))',
        "sleep": SLEEP,
        "spin": '(module (memory (export "memory") 1) (func (export "_start") (loop $for_ever (br $for_ever))))',
    }
    path = Path(os.environ["PEERS"]) / f"{name}.wat"
    if not path.exists() or path.read_text() != commands[name]:
        path.write_text(commands[name])
    return path


def unable(why):
    print(why)
    sys.exit(77)


def command(kind, guest, limit=None):
    """Of one copy."""
    if kind == "wasm-pool":
        return [os.environ["WASM_POOL"], "run", "-q", *(["--deadline", limit] if limit else []), guest]
    return [os.environ["WASMTIME"], "run", "-C", "cache=y", *(["-W", f"timeout={limit}"] if limit else []), guest]


def run(kind, guest, count):
    """So many copies, two at once."""
    if kind == "wasm-pool":
        many = [os.environ["WASM_POOL"], "run", "-q", "-w", WORKERS, "-n", str(count), guest]
        subprocess.run(many, check=True)
        return
    # An item a line, which nobody hands on to the command.
    many = {"xargs": ["xargs", "-P", WORKERS, "-I{}"], "parallel": [os.environ["PARALLEL"], "-j", WORKERS, "-N0"]}[kind]
    subprocess.run([*many, *command(kind, guest)], check=True, text=True, input="item\n" * count)


def idle(kind, count):
    if kind == "wasm-pool":
        all_of_them = [[os.environ["WASM_POOL"], "run", "-q", "-n", str(max(count, 1)), "--deadline", "none", guest("sleep")]]
    else:
        all_of_them = [command(kind, guest("sleep"))] * count
    lives = [subprocess.Popen(one, stdout=subprocess.DEVNULL) for one in all_of_them]
    time.sleep(1 + count / 2_000)
    print("ready", flush=True)
    sys.stdin.read(1)
    for life in lives:
        life.kill()


def hostile(kind, count):
    alone = timed(lambda: run(kind, guest("primes"), count))
    began = time.perf_counter()
    spins = subprocess.Popen(command(kind, guest("spin"), TIMEOUT), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    beside = timed(lambda: run(kind, guest("primes"), count))
    spins.wait()
    how = f"`--deadline {TIMEOUT}`" if kind == "wasm-pool" else f"`-W timeout={TIMEOUT}`"
    print(json.dumps({"alone": alone, "beside": beside, "ended": time.perf_counter() - began, "how": how + ", in a process of its own"}))


def timed(work):
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main(*sys.argv[1:])
