"""What is called a thread where there is none: a call that runs in another interpreter.

`Interpreter.call_in_thread` gives one, and so does `threading.Thread` over a method of an interpreter. Any other target would need
a second thread in this interpreter.
"""

import threading

from componentize_py_types import Err

from . import items, waiting
from .protocol import CALL, EXEC, NOT_SHAREABLE


class Call(threading.Thread):
    """A call that runs in another interpreter, and looks like the thread that waits for it."""

    def __init__(self, interpreter, function, first, **kwargs):
        import _interpreters
        super().__init__(**kwargs)
        run = Run(self, _interpreters, interpreter, function, first)
        self._run = run
        self._started.set()
        waiting.at_end(self.join)

    def start(self):
        raise RuntimeError("threads can only be started once")

    def join(self, timeout=None):
        self._run.join(timeout)

    def is_alive(self):
        return not self._run.is_done()


class Run:
    """The call; a source until it is done."""

    def __init__(self, thread, low, interpreter, function, first):
        self.low, self.thread, self.id = low, thread, interpreter._id
        # It goes on as long as it is looked after.
        self.interpreter = interpreter
        try:
            low._other(self.id)
            handle, arguments = low.message(self.id, first)
            self.call = handle.call_in_thread(function, arguments)
        except Err as error:
            low._fail(error.value, self.id)
        self.pollable = self.call.subscribe()
        self.done = False
        waiting.add(self)

    def is_done(self):
        if not self.done and self.call.is_done():
            self.ready()
        return self.done

    def join(self, timeout=None):
        waiting.until(self.is_done, None if timeout is None else max(timeout, 0))

    def ready(self):
        """It has come to its end. Its result is dropped, its failure reported."""
        if self.done:
            return
        self.done = True
        waiting.remove(self)
        failed = None
        try:
            self.call.join(None)
        except Err as error:
            failed = error.value
        if failed is not None:
            self.report(failed)
        self.interpreter = None

    def report(self, error):
        from concurrent.interpreters import ExecutionFailed
        low = self.low
        try:
            failed = low._fail(error, self.id)
            raise low.not_shareable(failed) if failed.kind in NOT_SHAREABLE else ExecutionFailed(low.excinfo(failed))
        except Exception as raised:
            arguments = threading.ExceptHookArgs((type(raised), raised, raised.__traceback__, self.thread))
            threading.excepthook(arguments)


class Unsent(threading.Thread):
    """A call whose function or arguments do not travel: a thread that failed at once."""

    def __init__(self, error):
        super().__init__()
        self._started.set()
        threading.excepthook(threading.ExceptHookArgs((type(error), error, error.__traceback__, self)))

    def join(self, timeout=None):
        pass

    def is_alive(self):
        return False


def call(interpreter, callable, args, kwargs):
    import _interpreters
    try:
        first = _interpreters.call_item(callable, args, kwargs)
    except items.NotShareableError as error:
        return Unsent(error)
    return Call(interpreter, CALL, first)


def start(thread):
    """`threading.Thread.start`."""
    from concurrent.interpreters import Interpreter
    target, args = getattr(thread, "_target", None), getattr(thread, "_args", ())
    owner, name = getattr(target, "__self__", None), getattr(target, "__name__", None)
    if type(thread).run is not threading.Thread.run or type(owner) is not Interpreter or name not in ("exec", "call", "_call"):
        raise RuntimeError("can't start new thread: not available in a wasm-pool interpreter: threads "
                           "(Interpreter.call_in_thread and InterpreterPoolExecutor run in parallel)")
    if thread._started.is_set():
        raise RuntimeError("threads can only be started once")
    import _interpreters
    if name == "exec":
        function, first = EXEC, items.to_item(_interpreters.script(*args))
    else:
        function, first = CALL, _interpreters.call_item(args[0], args[1:], thread._kwargs)
    run = Run(thread, _interpreters, owner, function, first)
    thread._started.set()
    thread.join, thread.is_alive = run.join, lambda: not run.is_done()
    if not thread.daemon:
        waiting.at_end(run.join)


def install():
    """At build time."""
    threading.Thread.start = start
