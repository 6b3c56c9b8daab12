"""The low-level module under `concurrent.interpreters._queues`, on wasm-pool's queues.

CPython has a C module of this name; the functions that its Python part calls are here, and `wait_put` and `wait_get`, which wait
without polling. An id is good for a queue that this interpreter created, was granted, or was sent.
"""

import queue as _queue
import weakref

from componentize_py_types import Err
from wit_world.imports import queues as _wit

from _wasm_pool import items as _items
from _wasm_pool import published as _published
from _wasm_pool import waiting as _waiting

#: What becomes of items whose interpreter has ended, as CPython numbers it.
_UNBOUND = {1: _wit.Unbound.REMOVE, 2: _wit.Unbound.ERROR, 3: _wit.Unbound.REPLACE}
_REPLACE, _ERROR = 3, 2


class QueueError(RuntimeError):
    """Indicates that a queue-related error happened."""


class QueueNotFoundError(QueueError):
    """An unrecognized queue was used."""


class QueueClosed(QueueError, _queue.ShutDown):
    """The queue is closed: nothing can be put, and what was in it has been got."""


for _error in (QueueError, QueueNotFoundError, QueueClosed):
    _error.__module__ = "concurrent.interpreters"

# CPython's Python part hands these over.
_Queue = None
_Empty = _Full = QueueError


class _Known:
    """A queue that this interpreter has a handle on."""

    __slots__ = ("handle", "bound", "maxsize", "unbound", "__weakref__")

    def __init__(self, handle, maxsize=None, unbound=_REPLACE):
        self.handle = handle
        self.bound = 0
        self.maxsize = handle.max_size() if maxsize is None else maxsize
        self.unbound = unbound


_known = {}


def _register_heap_types(queue, empty, full):
    global _Queue, _Empty, _Full
    if _Queue is not None:
        _items.HANDLES.pop(_Queue, None)
    _Queue, _Empty, _Full = queue, empty, full
    _items.HANDLES[queue] = lambda queue: _share(queue._id)
    _items.QUEUE = _adopt


def _share(qid):
    return _wit.Item_Queue(_find(qid).handle.share())


def _adopt(handle):
    """The object for a queue that was sent."""
    qid = handle.id()
    if qid not in _known:
        _known[qid] = _Known(handle)
    return _Queue(qid)


def open(name):
    """The object for the queue that was granted under this name."""
    try:
        return _adopt(_wit.open(name))
    except Err:
        raise QueueNotFoundError(f"no queue {name!r} is granted") from None


def _find(qid):
    try:
        return _known[qid]
    except KeyError:
        raise QueueNotFoundError(f"queue {qid} not found") from None


def _check(qid):
    if not isinstance(qid, int):
        raise TypeError(f"queue ID must be an int, got {type(qid).__name__}")
    if qid < 0:
        raise ValueError(f"queue ID must be a non-negative int, got {qid}")


def create(maxsize, unboundop=-1, fallback=-1):
    """The id of a new queue; at most `maxsize` items, or as many as its 16 MiB hold."""
    if not isinstance(maxsize, int):
        raise TypeError(f"an integer is required (got type {type(maxsize).__name__})")
    unboundop = _REPLACE if unboundop < 0 else unboundop
    if unboundop not in _UNBOUND:
        raise ValueError(f"unsupported unboundop {unboundop}")
    try:
        options = _wit.QueueOptions(min(max(maxsize, 0), (1 << 32) - 1), None, _UNBOUND[unboundop])
        handle = _wit.create(options)
    except Err as error:
        raise _translated(error.value) from None
    qid = handle.id()
    _known[qid] = _Known(handle, maxsize, unboundop)
    return qid


def destroy(qid):
    """Forgets a queue; it is gone when nobody else has a handle on it."""
    _find(qid).handle.close()
    del _known[qid]


def list_all():
    """Of each queue that this interpreter has: id, what becomes of its items, and nothing."""
    return [(qid, known.unbound, -1) for qid, known in sorted(_known.items())]


def bind(qid):
    """One more object stands for the queue."""
    _check(qid)
    known = _known.get(qid)
    if known is None:
        try:
            known = _known[qid] = _Known(_wit.from_id(qid))
        except (Err, OverflowError):
            raise QueueNotFoundError(f"queue {qid} not found") from None
    known.bound += 1


def release(qid):
    """One object less stands for the queue."""
    known = _find(qid)
    if known.bound == 0:
        raise QueueError(f"queue {qid} not bound")
    known.bound -= 1
    if known.bound == 0:
        del _known[qid]


def put(qid, value, unboundop=-1):
    """Puts a value if there is room now."""
    wait_put(qid, value, unboundop, 0)


def wait_put(qid, value, unboundop, end):
    """Puts a value, waiting for room until `end` on the monotonic clock (None: for ever)."""
    handle = _find(qid).handle
    item = _items.to_item(value)
    unbound = None if unboundop < 0 else _UNBOUND[unboundop]
    timeout = _waiting.left(end)
    try:
        if timeout == 0:
            handle.put_nowait(item, unbound)
        elif _waiting.is_alone():
            handle.put(item, None if timeout is None else _waiting.nanoseconds(timeout), unbound)
        else:
            _put_beside(handle, value, item, unbound, timeout)
    except Err as error:
        raise _translated(error.value, qid) from None


def _put_beside(handle, value, item, unbound, timeout):
    """Puts, and lets go on what runs beside."""
    pollable = None

    def attempt():
        nonlocal item
        try:
            handle.put_nowait(item or _items.to_item(value), unbound)
            return True
        except Err as error:
            if not isinstance(error.value, _wit.QueueError_Full):
                raise
            # A handle that was in it went with it.
            item = None
            return False

    if attempt():
        return
    pollable = handle.subscribe_put()
    if not _waiting.until(attempt, timeout, pollable):
        raise Err(_wit.QueueError_Full())


def get(qid):
    """The next value and None, or None and what became of it; if there is one now."""
    return wait_get(qid, 0)


def wait_get(qid, end):
    """`get`, waiting for a value until `end` on the monotonic clock (None: for ever)."""
    handle = _find(qid).handle
    timeout = _waiting.left(end)
    try:
        if timeout == 0:
            received = handle.get_nowait()
        elif _waiting.is_alone():
            received = handle.get(None if timeout is None else _waiting.nanoseconds(timeout))
        else:
            received = _get_beside(handle, timeout)
    except Err as error:
        if isinstance(error.value, _wit.QueueError_InterpreterDestroyed):
            return None, _ERROR
        raise _translated(error.value, qid) from None
    if type(received) is _wit.Received_Unbound:
        return None, _REPLACE
    return _items.from_item(received.value), None


def _get_beside(handle, timeout):
    """Gets, and lets go on what runs beside."""
    received = None

    def attempt():
        nonlocal received
        try:
            received = handle.get_nowait()
            return True
        except Err as error:
            if not isinstance(error.value, _wit.QueueError_Empty):
                raise
            return False

    if not attempt() and not _waiting.until(attempt, timeout, handle.subscribe_get()):
        raise Err(_wit.QueueError_Empty())
    return received


def _translated(error, qid=None):
    """The exception for what the host says."""
    match error:
        case _wit.QueueError_Empty():
            return _Empty(f"queue {qid} is empty")
        case _wit.QueueError_Full():
            return _Full(f"queue {qid} is full")
        case _wit.QueueError_NotFound():
            return QueueNotFoundError(f"queue {qid} not found")
        case _wit.QueueError_Closed():
            return QueueClosed(f"queue {qid} is closed")
        case _wit.QueueError_TooLarge(most):
            return QueueError(f"the item is larger than queue {qid} can hold, which is {most} bytes")
        case _:
            return QueueError(getattr(error, "value", None) or str(error))


def get_maxsize(qid):
    return _find(qid).maxsize


def get_queue_defaults(qid):
    return _find(qid).unbound, -1


def is_full(qid):
    known = _find(qid)
    return known.maxsize > 0 and known.handle.is_full()


def get_count(qid):
    return _find(qid).handle.qsize()


def close(qid):
    """Nothing more can be put into it."""
    _find(qid).handle.close()


def publish(queue):
    """The queue's id was read; see `published`."""
    _published.publish(weakref.ref(queue), ("queue", queue._id))
