"""The workers of an `InterpreterPoolExecutor`, seen from the program that has it.

Each worker is an interpreter in which a loop runs (`worker`), with a queue of its own for tasks; all results come through one queue.
A worker is started when there is work and none is idle. Tasks go out one by one, and in batches when they turn out to be tiny; each
result comes alone, so that of a worker that ends in the middle one knows which task it was: that one fails with what ended it,
the others go to other workers.

There is no thread here: tasks are handed out and results taken in while the program submits and while it waits for anything.
"""

import collections
import logging
from concurrent.futures._base import PENDING

from componentize_py_types import Err
from wit_world.imports import interpreters as wit_interpreters
from wit_world.imports import queues as wit

from . import items, pickles, waiting
from .protocol import NOT_SHAREABLE_TEXT, RESULT, WORK
from .worker import BEGAN, DONE, HEAD, RAISED, handle

#: How long a batch shall take, in seconds, and how many tasks it has at most.
_BATCH_TIME, _BATCH_MOST = 0.002, 64


class Task:
    """Something to do, and whose future it is."""

    __slots__ = ("future", "function", "arguments", "met")

    def __init__(self, future, function, arguments, met):
        self.future = future
        self.function = function
        self.arguments = arguments
        self.met = met


class _Worker:
    """One of the crew; a source while it has something to do."""

    def __init__(self, crew, interpreter, tasks, thread):
        self.crew = crew
        self.interpreter = interpreter
        self.tasks = tasks
        self.thread = thread
        self.pollable = thread.subscribe()
        #: Whether its initializer has come to its end.
        self.began = crew.initializer is None
        #: What it was given and has not answered, in order.
        self.sent = collections.OrderedDict()

    def ready(self):
        self.crew.lost(self)


class Crew:
    """A source while a task is out."""

    def __init__(self, most, initializer, initargs, broken):
        from concurrent.interpreters import _queues
        self.most = most
        self.initializer, self.initargs = initializer, initargs
        self.broken_type = broken
        #: Why it takes no more tasks.
        self.broken = None
        self.closing = False
        self.pending = collections.deque()
        self.workers = {}
        self.numbers = 0
        self.out = 0
        self.queues = _queues
        self.results_queue = _queues.create()
        self.results = handle(self.results_queue)
        self.pollable = self.results.subscribe_get()
        self.handles = []
        self.submitted = 0
        #: The mean time of a task, in seconds; None before the first is done.
        self.mean = None

    # What the executor does.

    def submit(self, task):
        self.pending.append(task)
        self.submitted += 1
        if len(self.workers) < self.most and all(worker.sent for worker in self.workers.values()):
            self.grow()
        if self.submitted % 32 == 0 and self.out:
            self.take_in()
        self.hand_out()

    def cancel_pending(self):
        while self.pending:
            self.pending.popleft().future.cancel()

    def is_done(self):
        return not self.pending and not self.out

    def close(self):
        """Takes no more; the workers end when they have done what there is."""
        self.closing = True
        if self.is_done():
            self.dismiss()

    def dismiss(self):
        for worker in self.workers.values():
            worker.tasks.close()
        for worker in self.workers.values():
            try:
                worker.thread.join(None)
            except Err:
                # So it ends: with the interpreter.
                pass
        self.workers.clear()

    # The workers.

    def grow(self):
        """One more worker, if it may have one more."""
        import _interpreters
        try:
            interpreter = _interpreters._create(None, None, None, None)
        except _interpreters.InterpreterError:
            if not self.workers:
                self.pending.pop()
                raise
            self.most = len(self.workers)
            return
        id = _interpreters.adopt(interpreter)
        tasks = self.queues.create()
        number = self.numbers = self.numbers + 1
        try:
            first = items.to_pickle((number, tasks, self.results_queue, self.initializer, tuple(self.initargs)))
        except items.NotShareableError as error:
            _interpreters.destroy(id)
            return self.fail(error)
        _, arguments = _interpreters.message(id, first)
        del _interpreters._known[id]
        thread = interpreter.call_in_thread(WORK, arguments)
        self.workers[number] = _Worker(self, interpreter, handle(tasks), thread)

    def hand_out(self):
        """Gives what is pending to whoever has nothing to do."""
        if not self.pending or self.broken is not None:
            return
        size, ahead = 1, 1
        if self.mean is not None and self.mean < _BATCH_TIME / 2:
            size = max(1, min(_BATCH_MOST, int(_BATCH_TIME / (self.mean + 1e-6)), len(self.pending) // len(self.workers)))
            ahead = size
        for worker in self.workers.values():
            while self.pending and len(worker.sent) < ahead:
                self.give(worker, size)

    def give(self, worker, size):
        """A batch: tasks of the same function."""
        batch, met, function = [], [], None
        while self.pending and len(batch) < size:
            task = self.pending[0]
            if batch and task.function != function:
                break
            self.pending.popleft()
            if not task.future.set_running_or_notify_cancel():
                continue
            function = task.function
            number = self.numbers = self.numbers + 1
            batch.append((number, task.arguments))
            met += task.met
            if not worker.sent:
                waiting.add(worker)
            worker.sent[number] = task
        if not batch:
            return
        if not self.out:
            waiting.add(self)
        self.out += len(batch)
        data, _ = pickles.dumps((function, batch))
        try:
            for handle_on in items.handles_on(met):
                worker.tasks.put(handle_on, None, None)
            worker.tasks.put(wit.Item_Bytes(data), None, None)
        except Err as error:
            self.refuse(worker, batch, error.value)

    def refuse(self, worker, batch, error):
        """The batch is too large for a queue."""
        for number, _ in batch:
            task = self.answered(worker, number)
            task.future.set_exception(self.queues.QueueError(f"the task cannot be sent: {error}"))

    def answered(self, worker, number):
        task = worker.sent.pop(number)
        self.out -= 1
        if not worker.sent:
            waiting.remove(worker)
        if not self.out:
            waiting.remove(self)
        return task

    # What comes back.

    def ready(self):
        self.take_in()
        self.hand_out()
        if self.closing and self.is_done():
            self.dismiss()

    def take_in(self):
        """The results that are there."""
        while True:
            try:
                received = self.results.get_many(_BATCH_MOST, 0)
            except Err:
                return
            for entry in received:
                if isinstance(entry, wit.Received_Item):
                    self.result(entry.value)

    def result(self, item):
        if not isinstance(item, wit.Item_Bytes):
            self.handles.append(item)
            return
        number, task, took = HEAD.unpack_from(item.value)
        worker = self.workers.get(number)
        if worker is None or task not in worker.sent:
            if worker is not None and task == BEGAN:
                worker.began = True
            return
        try:
            status, value = pickles.loads(item.value[HEAD.size :])
        except Exception as error:
            status, value = RESULT, f"object could not be unpickled: {error}"
        self.handles.clear()
        self.mean = took if self.mean is None else 0.9 * self.mean + 0.1 * took
        settle(self.answered(worker, task).future, status, value)

    def lost(self, worker):
        """A worker has come to its end: its initializer failed, or something ended it."""
        self.take_in()
        try:
            worker.thread.join(None)
            failed = wit_interpreters.ExecutionFailed("RuntimeError", "the worker has ended", [], None)
        except Err as error:
            failed = getattr(error.value, "value", None)
        waiting.remove(worker)
        self.workers = {number: other for number, other in self.workers.items() if other is not worker}
        self.out -= len(worker.sent)
        if not self.out:
            waiting.remove(self)
        self.replace(worker, failed)

    def replace(self, worker, failed):
        """The task that ran fails with what ended its worker, the others are done by another one."""
        from concurrent.interpreters import ExecutionFailed
        import _interpreters
        error = ExecutionFailed(_interpreters.excinfo(failed)) if failed is not None else None
        tasks = list(worker.sent.values())
        if not worker.began:
            return self.fail(error, tasks)
        tasks[0].future.set_exception(error or self.broken_type("the worker has ended"))
        for task in reversed(tasks[1:]):
            task.future._state = PENDING
            self.pending.appendleft(task)
        if self.pending and not self.workers:
            self.grow()
        self.hand_out()

    def fail(self, error, tasks=()):
        """An initializer failed: nothing more is done."""
        self.broken = "A thread initializer failed, the thread pool is not usable anymore"
        logging.getLogger("concurrent.futures").critical("Exception in initializer:", exc_info=error)
        tasks = [*tasks, *self.pending]
        self.pending.clear()
        for task in tasks:
            task.future.set_exception(self.broken_type(self.broken))


def settle(future, status, value):
    """A future is done."""
    import _interpreters
    from concurrent.interpreters import ExecutionFailed
    if status == DONE:
        future.set_result(value)
    elif status == RAISED:
        error, parts = value
        cause = ExecutionFailed(_interpreters.excinfo(wit_interpreters.ExecutionFailed(*parts)))
        if error is None:
            error = cause
        else:
            error.__cause__ = cause
        future.set_exception(error)
    else:
        error = items.NotShareableError(NOT_SHAREABLE_TEXT[status])
        error.__cause__ = items.NotShareableError(value)
        future.set_exception(error)
