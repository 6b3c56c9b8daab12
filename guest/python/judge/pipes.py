"""Pipes between interpreters, for tests that use them to see what another interpreter prints: WASI has none.

A pipe is a queue, and its ends are numbers above those of files. As with CPython's interpreters, which are of one process, an end that
is closed in one interpreter is closed in all.
"""

import builtins
import errno
import io
import os
import select

import _interpqueues

from concurrent import interpreters
from concurrent.interpreters import _queues

#: Above all numbers of files.
BASE = 1 << 20

_real = {name: getattr(os, name) for name in ("read", "write", "close")}
_real_open = builtins.open
_rest = {}
_closed = set()


def _queue(fd):
    if fd in _closed:
        raise OSError(errno.EBADF, "Bad file descriptor")
    try:
        queue = _queues.Queue((fd - BASE) // 2)
        _kept[queue._id] = queue
        return queue
    except interpreters.QueueNotFoundError:
        raise OSError(errno.EBADF, "Bad file descriptor") from None


#: Keeps pipes, and out of the list of queues.
_kept = {}


def pipe():
    queue = _queues.create()
    _kept[queue._id] = queue
    return BASE + 2 * queue.id, BASE + 2 * queue.id + 1


def _is_ours(fd):
    return isinstance(fd, int) and fd >= BASE


def write(fd, data):
    if not _is_ours(fd):
        return _real["write"](fd, data)
    try:
        _queue(fd).put(bytes(data))
    except interpreters.QueueClosed:
        raise OSError(errno.EBADF, "Bad file descriptor") from None
    return len(data)


def read(fd, count):
    if not _is_ours(fd):
        return _real["read"](fd, count)
    data = _rest.pop(fd, b"")
    if not data:
        try:
            data = _queue(fd).get()
        except interpreters.QueueClosed:
            return b""
    _rest[fd] = data[count:]
    return data[:count]


def close(fd):
    if not _is_ours(fd):
        return _real["close"](fd)
    queue = _queue(fd)
    _closed.add(fd)
    if fd % 2:
        queue.close()


class _File(io.RawIOBase):
    def __init__(self, fd):
        self.fd = fd

    def fileno(self):
        return self.fd

    def readable(self):
        return self.fd % 2 == 0

    def writable(self):
        return self.fd % 2 == 1

    def readinto(self, buffer):
        data = read(self.fd, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def write(self, data):
        return write(self.fd, data)

    def close(self):
        if not self.closed:
            super().close()
            try:
                close(self.fd)
            except OSError:
                pass


def open(file, mode="r", buffering=-1, *args, **kwargs):
    if not _is_ours(file):
        return _real_open(file, mode, buffering, *args, **kwargs)
    raw = _File(file)
    if buffering == 0:
        return raw
    buffered = io.BufferedReader(raw) if raw.readable() else io.BufferedWriter(raw)
    return buffered if "b" in mode else io.TextIOWrapper(buffered, *args, **kwargs)


def _select(readers, writers, others, timeout=None):
    """Of one reader."""
    fd, = readers
    if not _rest.get(fd):
        try:
            _rest[fd] = _queue(fd).get(timeout=timeout)
        except (interpreters.QueueEmpty, interpreters.QueueClosed):
            return [], [], []
    return readers, [], []


def install():
    for name, function in (("pipe", pipe), ("read", read), ("write", write), ("close", close)):
        setattr(os, name, function)
    list_all = _interpqueues.list_all
    _interpqueues.list_all = lambda: [entry for entry in list_all() if entry[0] not in _kept]
    builtins.open = open
    select.select = _select

