"""`concurrent.futures.InterpreterPoolExecutor`, whose workers run in parallel; see `crew`.

As CPython's in all but this: `chunksize` of `map` is real, tasks are pickled when they are submitted, and a worker that ends in the
middle of a task (a trap, a limit, `os._exit`) fails that task's future and no other.
"""

import functools
import itertools
import os
import weakref
from concurrent.futures import _base
from concurrent.futures import thread as _thread

from . import items, pickles, waiting
from .crew import Crew, Task


class BrokenInterpreterPool(_thread.BrokenThreadPool):
    """Raised when a worker thread in an InterpreterPoolExecutor failed initializing."""


class InterpreterPoolExecutor(_thread.ThreadPoolExecutor):
    BROKEN = BrokenInterpreterPool

    def __init__(self, max_workers=None, thread_name_prefix="", initializer=None, initargs=()):
        """Initializes a new InterpreterPoolExecutor instance.

        Args:
            max_workers: The maximum number of interpreters that can be used to execute the given calls.
            thread_name_prefix: An optional name prefix to give our threads.
            initializer: A callable used to initialize each worker interpreter.
            initargs: A tuple of arguments to pass to the initializer.
        """
        if max_workers is None:
            max_workers = min(32, (os.process_cpu_count() or 1) + 4)
        if max_workers <= 0:
            raise ValueError("max_workers must be greater than 0")
        if isinstance(initializer, str):
            raise TypeError("scripts not supported")
        self._max_workers = max_workers
        self._thread_name_prefix = thread_name_prefix or f"InterpreterPoolExecutor-{self._counter()}"
        self._crew = Crew(max_workers, initializer, initargs, BrokenInterpreterPool)
        self._function = self._payload = None
        self._finalizer = weakref.finalize(self, self._crew.close)
        self._finalizer.atexit = False
        waiting.at_end(_ender(self._crew))

    @property
    def _threads(self):
        return set(self._crew.workers.values())

    @property
    def _shutdown(self):
        return self._crew.closing

    def submit(self, fn, /, *args, **kwargs):
        if self._crew.broken is not None:
            raise BrokenInterpreterPool(self._crew.broken)
        if self._crew.closing:
            raise RuntimeError("cannot schedule new futures after shutdown")
        if isinstance(fn, str):
            raise TypeError("scripts not supported")
        future = _base.Future()
        try:
            arguments, met = pickles.dumps((args, kwargs))
            task = Task(future, self._pickled(fn), arguments, met + self._met)
        except Exception as error:
            future.set_running_or_notify_cancel()
            future.set_exception(_not_shareable(error))
            return future
        self._crew.submit(task)
        return future

    submit.__doc__ = _base.Executor.submit.__doc__

    def _pickled(self, fn):
        """A function's pickle; the last one is kept."""
        if fn is not self._function or self._met:
            self._payload, self._met = pickles.dumps(fn)
            self._function = fn
        return self._payload

    _met = ()

    def map(self, fn, *iterables, timeout=None, chunksize=1, buffersize=None):
        if chunksize < 1:
            raise ValueError("chunksize must be >= 1.")
        each = super().map
        if chunksize == 1:
            return each(fn, *iterables, timeout=timeout, buffersize=buffersize)
        if buffersize is not None:
            _check_buffersize(buffersize)
            buffersize = max(1, buffersize // chunksize)
        chunks = itertools.batched(zip(*iterables), chunksize)
        results = each(functools.partial(_chunk, fn), chunks, timeout=timeout, buffersize=buffersize)
        return itertools.chain.from_iterable(results)

    map.__doc__ = _base.Executor.map.__doc__

    def shutdown(self, wait=True, *, cancel_futures=False):
        crew = self._crew
        if cancel_futures:
            crew.cancel_pending()
        crew.close()
        if wait:
            waiting.until(crew.is_done)

    shutdown.__doc__ = _base.Executor.shutdown.__doc__


def _ender(crew):
    """Waits for a crew's work at the end of the program, as CPython does; keeps none that is gone."""
    crew = weakref.ref(crew)

    def end():
        if (left := crew()) is not None:
            waiting.until(left.is_done)

    return end


def _chunk(fn, chunk):
    return [fn(*args) for args in chunk]


def _check_buffersize(buffersize):
    if not isinstance(buffersize, int):
        raise TypeError("buffersize must be an integer or None")
    if buffersize < 1:
        raise ValueError("buffersize must be None or > 0")


def _not_shareable(error):
    unfit = items.NotShareableError("args not shareable")
    unfit.__cause__ = items.NotShareableError(f"object could not be pickled: {error}")
    return unfit


_chunk.__module__ = InterpreterPoolExecutor.__module__ = BrokenInterpreterPool.__module__ = "concurrent.futures.interpreter"
