"""The event loop of asyncio: CPython's own, on a selector that waits for what this interpreter can wait for.

There are no sockets, so nothing is registered but what runs beside the program; a loop waits for its next timer, and meanwhile
futures of executors are done. Nobody wakes it from another thread, since there is none.
"""

import asyncio
import asyncio.events
import selectors
import time

from . import unavailable, waiting


class Selector(selectors.BaseSelector):
    """Waits for sources and timers."""

    def __init__(self):
        self._files = {}

    def register(self, fileobj, events, data=None):
        raise unavailable.NotAvailable("waiting for files and sockets")

    def unregister(self, fileobj):
        raise KeyError(fileobj)

    def get_map(self):
        return self._files

    def close(self):
        pass

    def select(self, timeout=None):
        if waiting.is_alone():
            if timeout is None:
                waiting.once(None)
            elif timeout > 0:
                time.sleep(timeout)
        else:
            waiting.once(timeout)
        return []


class EventLoop(asyncio.SelectorEventLoop):
    """The loop of `asyncio.run`."""

    def __init__(self, selector=None):
        super().__init__(selector or Selector())

    def _make_self_pipe(self):
        pass

    def _close_self_pipe(self):
        pass

    def _write_to_self(self):
        pass

    def _add_reader(self, fd, callback, *args):
        raise unavailable.NotAvailable("waiting for files and sockets")

    _add_writer = _add_reader

    def run_in_executor(self, executor, func, *args):
        if executor is None and self._default_executor is None:
            raise unavailable.NotAvailable(
                "threads (loop.run_in_executor and asyncio.to_thread run in an InterpreterPoolExecutor: set_default_executor)"
            )
        return super().run_in_executor(executor, func, *args)


    async def shutdown_default_executor(self, timeout=None):
        self._executor_shutdown_called = True
        if self._default_executor is not None:
            self._default_executor.shutdown(wait=True)


class Policy(asyncio.events._BaseDefaultEventLoopPolicy):
    """What makes the loops."""

    _loop_factory = EventLoop


def install():
    """At build time."""
    asyncio.SelectorEventLoop = asyncio.unix_events.SelectorEventLoop = EventLoop
    asyncio.EventLoop = asyncio.unix_events.EventLoop = EventLoop
    asyncio.unix_events._DefaultEventLoopPolicy = Policy
    asyncio.events._event_loop_policy = None
    asyncio.DefaultEventLoopPolicy = Policy
