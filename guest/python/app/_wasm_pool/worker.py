"""A worker of an `InterpreterPoolExecutor`: the loop that runs in an interpreter of its own. See `crew` for the other side."""

import struct
import sys
import time
import traceback

from componentize_py_types import Err
from wit_world.imports import queues as wit

from . import failure, items, pickles, startup
from .protocol import ARGUMENTS, RESULT

#: How a task ended, beside the failures of `protocol`.
DONE, RAISED = "done", "raised"

#: Before each result: whose it is, of which task, and how many seconds that took.
HEAD = struct.Struct("<QQd")
#: The number of no task: the worker is ready.
BEGAN = 0


def work(number, tasks, results, initializer, initargs):
    """Works off batches of tasks until their queue is closed."""
    if initializer is not None:
        initializer(*initargs)
        startup.flush()
    worker = _Worker(number, results)
    worker.send(BEGAN, DONE, None, 0)
    source = handle(tasks)
    handles = []
    while True:
        try:
            received = source.get(None)
        except Err as error:
            if isinstance(error.value, wit.QueueError_Closed):
                return
            raise
        item = received.value
        if isinstance(item, wit.Item_Bytes):
            worker.run(item.value)
            handles.clear()
        else:
            # What the next batch needs; to have it is enough.
            handles.append(item)


def handle(queue):
    """The host's handle of a queue."""
    import _interpqueues
    return _interpqueues._find(queue._id).handle


class _Worker:
    def __init__(self, number, results):
        self.number = number
        self.results = handle(results)
        self.payload = self.function = None

    def run(self, data):
        """Runs a batch: a function, and the arguments of each task."""
        payload, tasks = pickles.loads(data)
        try:
            if payload != self.payload:
                self.function = pickles.loads(payload)
                self.payload = payload
        except Exception as error:
            for task, _ in tasks:
                self.send(task, ARGUMENTS, _why(error), 0)
            return
        for task, arguments in tasks:
            self.task(task, arguments)
        startup.flush()

    def task(self, task, arguments):
        try:
            args, kwargs = pickles.loads(arguments)
        except Exception as error:
            return self.send(task, ARGUMENTS, _why(error), 0)
        begun = time.perf_counter()
        try:
            status, value = DONE, self.function(*args, **kwargs)
        except BaseException as error:
            status, value = RAISED, (error, failure.parts(error))
        took = time.perf_counter() - begun
        try:
            self.send(task, status, value, took)
        except (pickles.pickle.PicklingError, AttributeError, TypeError, items.NotShareableError, RecursionError) as error:
            self.send_instead(task, status, value, error, took)

    def send_instead(self, task, status, value, error, took):
        """What can be said of a result, or of an exception, that does not travel."""
        if status == DONE:
            return self.send(task, RESULT, f"object could not be pickled: {error}", took)
        print("exception is not shareable:", file=sys.stderr)
        traceback.print_exception(value[0])
        self.send(task, RAISED, (None, value[1]), took)

    def send(self, task, status, value, took):
        data, met = pickles.dumps((status, value))
        for handle_on in items.handles_on(met):
            self.results.put(handle_on, None, None)
        self.results.put(wit.Item_Bytes(HEAD.pack(self.number, task, took) + data), None, None)


def _why(error):
    return f"object could not be unpickled: {failure.kind(type(error))}: {error}"
