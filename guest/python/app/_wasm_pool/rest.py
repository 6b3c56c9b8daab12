"""What all interpreters have in common stays as it is: each page of memory that one writes to costs it a copy of that page.

At the end of the build, in this order: what every interpreter does is done as often as CPython wants it before it has code as
quick as it gets (`_rehearse`); what is there is made to stay for ever, so that nobody counts the references to it (`_note`, and `settle.py`
behind the build); and what is free between it is taken away, so that new objects lie beside each other and not here and there
(`_fill`).
"""

import array
import functools
import gc
import linecache
import os
import sys
import types

from wit_world.imports import queues as wit

from . import scripts, startup
from .protocol import END, EXEC, SCRIPT

#: Before the addresses that are noted, and behind them; `settle.py` looks for it.
_MARK = b"<wasm-pool: what stays"
#: Free memory in one piece, for what interpreters allocate first.
_ROOM = 1 << 20
_ROUNDS = 20

#: More than CPython ever keeps of a kind.
_SPARE = 200

_kept = []


def prepare(task):
    """`task` is what the host will call."""
    _rehearse(task)
    startup.open_streams()
    gc.collect()
    # Looking for garbage among it would write to all of it.
    gc.freeze()
    _note()
    _fill()


def _rehearse(task):
    """Does what an interpreter does that another one creates, uses once and ends."""
    names, arguments, path = dict(startup.main.__dict__), list(sys.argv), list(sys.path)
    lines = dict(linecache.cache)
    leave, os._exit = os._exit, lambda code: None
    startup.open_streams()
    script = wit.Item_Encoded(wit.Encoded(SCRIPT, b"-c\0pass"))
    for _ in range(_ROUNDS):
        os.environ["WASM_POOL_INSTANCE"] = "0"
        startup.forget()
        sys.argv[:] = ["python", "-c"]
        task.call(EXEC, [wit.Item_String("pass"), script])
        task.call(END, [wit.Item_None_()])
        scripts.script = None
    del os.environ["WASM_POOL_INSTANCE"]
    startup.forget()
    os._exit, sys.argv[:], sys.path[:] = leave, arguments, path
    startup.main.__dict__.clear()
    startup.main.__dict__.update(names)
    for name in linecache.cache.keys() - lines.keys():
        del linecache.cache[name]
    sys.path_importer_cache.clear()


def _note():
    """Keeps the addresses of all objects that modules hold."""
    seen = {}
    pending = list(sys.modules.values())
    while pending:
        thing = pending.pop()
        if id(thing) in seen or isinstance(thing, (types.FrameType, types.TracebackType, types.GeneratorType, types.CoroutineType)):
            continue
        seen[id(thing)] = thing
        pending += gc.get_referents(thing)
        if isinstance(thing, types.CodeType):
            pending += (thing.co_consts, thing.co_names, thing.co_filename, thing.co_name, thing.co_qualname,
                        thing.co_linetable, thing.co_exceptiontable)
    passing = {id(seen), id(pending)}
    kinds = [key for key, thing in seen.items() if isinstance(thing, type)]
    others = [key for key, thing in seen.items() if key not in passing and not isinstance(thing, type)]
    words = array.array("I", [len(kinds), len(others), *kinds, *others])
    _kept.append(b"".join((_MARK, b">", words.tobytes())))


def _fill():
    """Takes what is free between objects, and leaves one large piece."""
    room = bytes(_ROOM)
    beyond = id(room)
    held = [None] * 300_000
    at = 0
    # Each is as large as what is free can be that it is taken from: 21 bytes more, and a multiple of eight.
    sizes = (1 << 16, 1 << 14, 1 << 12, 1 << 11, *range(1027, 2, -8))
    for make in (*(functools.partial(bytes, size) for size in sizes), object):
        while True:
            thing = make()
            if id(thing) > beyond:
                break
            held[at] = thing
            at += 1
    # What CPython keeps of objects that are gone, for the next ones of their kind.
    for number in range(_SPARE):
        held[at:at + 4] = number + 10_000, number + 0.5, [number], {number: number}
        at += 4
        for length in range(1, 20):
            held[at] = (number,) * length
            at += 1
    _kept.append(held)
