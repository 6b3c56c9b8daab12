"""The one place where an interpreter waits for more than one thing.

There are no threads in an interpreter, but things run beside it: calls in other interpreters, workers of executors, timers. A
*source* is such a thing: it has a pollable, and `ready()` is called when that is ready, from inside of whatever wait is going on.
So a future is done, and its callbacks are called, while the program waits for anything at all: a queue, a lock, a sleep.

A wait that nothing can end is an error, not a hang.
"""

import threading
import time

from wit_world.imports import monotonic_clock, poll

_sleep = time.sleep
_sources = {}
#: Called at the end of a program: join what it left running.
_at_end = []


def add(source):
    """`source.ready()` is called whenever `source.pollable` is ready."""
    _sources[id(source)] = source


def remove(source):
    _sources.pop(id(source), None)


def is_alone():
    """Whether nothing runs beside the program."""
    return not _sources


def nanoseconds(seconds):
    return min(int(seconds * 1e9), (1 << 63) - 1)


def left(end):
    """Seconds until `end` on the monotonic clock; 0 when it is past, None for never."""
    return end and max(end - time.monotonic(), 0)


def once(timeout, *pollables):
    """Waits until a source or one of these is ready, or `timeout` seconds are over (None: never)."""
    sources = list(_sources.values())
    watched = [source.pollable for source in sources]
    watched += pollables
    if timeout is not None:
        watched.append(monotonic_clock.subscribe_duration(nanoseconds(max(timeout, 0))))
    if not watched:
        raise RuntimeError(
            "this would wait for ever: nothing runs beside this interpreter "
            "(not available in a wasm-pool interpreter: threads)"
        )
    for at in poll.poll(watched):
        if at < len(sources) and id(sources[at]) in _sources:
            sources[at].ready()


def until(done, timeout=None, pollable=None):
    """Waits until `done()`, for at most `timeout` seconds (None: for ever). Whether it is. A pollable, too, may bring it about."""
    end = None if timeout is None else time.monotonic() + timeout
    pollables = () if pollable is None else (pollable,)
    while not done():
        left = None if end is None else end - time.monotonic()
        if left is not None and left <= 0:
            # What is ready counts, even when there is no time.
            once(0, *pollables)
            return done()
        once(left, *pollables)
    return True


def sleep(seconds):
    """`time.sleep`: what runs beside goes on meanwhile."""
    if is_alone():
        return _sleep(seconds)
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    until(lambda: False, seconds)


class Gate:
    """The lock on which `threading.Condition` waits: whoever waits for it lets everything else go on."""

    __slots__ = ("_closed", "__weakref__")

    def __init__(self):
        self._closed = False

    def acquire(self, blocking=True, timeout=-1):
        if self._closed:
            if not blocking:
                return False
            if not until(lambda: not self._closed, None if timeout < 0 else timeout):
                return False
        self._closed = True
        return True

    __enter__ = acquire

    def __exit__(self, *exc):
        self.release()

    def release(self):
        if not self._closed:
            raise RuntimeError("release unlocked lock")
        self._closed = False

    def locked(self):
        return self._closed


def at_end(wait):
    """`wait()` is called at the end of the program."""
    _at_end.append(wait)


def settle():
    """Waits for what the program left running."""
    while _at_end:
        _at_end.pop()()


def install():
    """At build time."""
    time.sleep = sleep
    threading._allocate_lock = Gate
