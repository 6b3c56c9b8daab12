"""`concurrent.interpreters`: CPython's own Python part, with what differs here put in its place.

Waits do not poll and keep their timeouts; reading an id makes what it names known to others (see `published`); and there is more:
`Queue.from_id`, `Queue.open`, `Queue.close` and iteration, limits for `create`, `Interpreter.kill`. The module is also importable as `interpreters`.
"""

import inspect
import sys

import _interpqueues
import _interpreters

from . import pickles, threads


def install():
    """At build time."""
    from concurrent import interpreters
    from concurrent.interpreters import _queues
    _install_queues(_queues)
    _install_interpreters(interpreters)
    interpreters.QueueClosed = _interpqueues.QueueClosed
    for name in ("UNBOUND", "UNBOUND_ERROR", "UNBOUND_REMOVE", "QueueError", "QueueNotFoundError", "ItemInterpreterDestroyed"):
        setattr(interpreters, name, getattr(_queues, name))
    sys.modules["interpreters"] = interpreters


def _install_queues(module):
    class Queue(module.Queue):
        __doc__ = module.Queue.__doc__

        @classmethod
        def from_id(cls, id, /):
            """The queue with this id."""
            return cls(id)

        @classmethod
        def open(cls, name, /):
            """The queue that was granted under this name."""
            return _interpqueues.open(name)

        @property
        def id(self):
            _interpqueues.publish(self)
            return self._id

        def __reduce__(self):
            pickles.meet(self)
            _interpqueues.publish(self)
            return type(self), (self._id,)

        def put(self, obj, block=True, timeout=None, *, unbounditems=None, _delay=None):
            if not block:
                return self.put_nowait(obj, unbounditems=unbounditems)
            unboundop = -1 if unbounditems is None else module._serialize_unbound(unbounditems)[0]
            _interpqueues.wait_put(self._id, obj, unboundop, _end(module, timeout))

        def get(self, block=True, timeout=None, *, _delay=None):
            if not block:
                return self.get_nowait()
            obj, unboundop = _interpqueues.wait_get(self._id, _end(module, timeout))
            return obj if unboundop is None else module._resolve_unbound(unboundop)

        def close(self):
            """Nothing more can be put; what is in it can still be got, then `get` raises `QueueClosed`."""
            _interpqueues.close(self._id)

        def __iter__(self):
            """What comes out of it, until it is closed and empty."""
            try:
                while True:
                    yield self.get()
            except _interpqueues.QueueClosed:
                return

        put.__doc__, get.__doc__ = module.Queue.put.__doc__, module.Queue.get.__doc__

    _replace(module, Queue)
    _interpqueues._register_heap_types(Queue, module.QueueEmpty, module.QueueFull)


def _end(module, timeout):
    """When a wait is over, on the monotonic clock."""
    if timeout is None:
        return None
    if timeout < 0:
        raise ValueError("timeout value must be non-negative")
    return module.time.monotonic() + timeout


def _install_interpreters(module):
    class Interpreter(module.Interpreter):
        __doc__ = module.Interpreter.__doc__

        @property
        def id(self):
            _interpreters.publish(self)
            return self._id

        def __reduce__(self):
            pickles.meet(self)
            _interpreters.publish(self)
            return type(self), (self._id,)

        def call_in_thread(self, callable, /, *args, **kwargs):
            """Return a thread-like object for the call, which runs in parallel.

            The return value and any raised exception are discarded.
            """
            return threads.call(self, callable, args, kwargs)

        def kill(self):
            """Ends the interpreter now, whatever it does."""
            _interpreters.kill(self._id)

    def create(*, memory=None, deadline=None, cpu_time=None):
        """Return a new (idle) Python interpreter.

        It has at most its creator's limits; of these it can be given less: linear memory in bytes, and seconds
        from its creation to its end, on the clock and on a processor.
        """
        id = _interpreters.adopt(_interpreters._create(None, memory, deadline, cpu_time))
        return Interpreter(id, _ownsref=True)

    create.__module__ = module.__name__
    module.create = create
    _replace(module, Interpreter)
    module.create_queue, module.Queue = module._queues.create, module._queues.Queue
    _interpreters.register(Interpreter)


def _replace(module, cls):
    """A class in the place of the one that it extends."""
    cls.__module__, cls.__qualname__ = module.__name__, cls.__name__
    for value in vars(cls).values():
        if inspect.isfunction(value):
            value.__qualname__ = f"{cls.__name__}.{value.__name__}"
            value.__module__ = module.__name__
    setattr(module, cls.__name__, cls)
