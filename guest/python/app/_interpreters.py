"""The low-level module under `concurrent.interpreters`, on wasm-pool's interpreters.

CPython has a C module of this name; the functions that its Python part calls are here. A new interpreter is a new instance of this
component: with its own memory and limits, and of its creator's grants the folders, the environment, the output and the right to
create interpreters, one level less deep.
"""

import sys as _sys
import types as _types
import weakref

from componentize_py_types import Err
from wit_world.imports import interpreters as _wit
from wit_world.imports import queues as _items_wit

from _wasm_pool import config as _config
from _wasm_pool import failure as _failure
from _wasm_pool import functions as _functions
from _wasm_pool import items as _items
from _wasm_pool import published as _published
from _wasm_pool import scripts as _scripts
from _wasm_pool.items import NotShareableError, is_shareable
from _wasm_pool.protocol import CALL, END, EXEC, SCRIPT, NOT_SHAREABLE, NOT_SHAREABLE_TEXT

WHENCE_UNKNOWN, WHENCE_RUNTIME, WHENCE_LEGACY_CAPI, WHENCE_CAPI, WHENCE_XI, WHENCE_STDLIB = range(6)


class InterpreterError(Exception):
    """A cross-interpreter operation failed."""


class InterpreterNotFoundError(InterpreterError):
    """An interpreter was not found."""


for _error in (InterpreterError, InterpreterNotFoundError):
    _error.__module__ = "concurrent.interpreters"


_INHERITED = (
    _wit.Inherited.FILES | _wit.Inherited.ENVIRONMENT | _wit.Inherited.QUEUES
    | _wit.Inherited.OUTPUT | _wit.Inherited.INTERPRETERS
)


class _Known:
    """An interpreter that this one can use."""

    __slots__ = ("handle", "own", "references", "told", "config")

    def __init__(self, handle, own=False):
        self.handle = handle
        #: Whether this interpreter created it.
        self.own = own
        self.references = 0
        #: How many of the published ids it has been told; None before its first call.
        self.told = None
        self.config = None


_known = {}


def _swap(number):
    """The host's number of an interpreter <-> its id here, where the main one is 0."""
    main = _wit.get_main()
    return {0: main, main: 0}.get(number, number)


def _check(id):
    if isinstance(id, bool) or not isinstance(id, int):
        if not hasattr(id, "__index__"):
            raise TypeError(f"interpreter ID must be an int, got {type(id).__name__}")
        id = id.__index__()
    if id < 0:
        raise ValueError(f"interpreter ID must be a non-negative int, got {id}")
    return id


def _find(id):
    id = _check(id)
    known = _known.get(id)
    if known is None:
        try:
            known = _known[id] = _Known(_wit.from_id(_swap(id)))
        except (Err, OverflowError):
            raise InterpreterNotFoundError(f"unrecognized interpreter ID {id}") from None
    return known


def _fail(error, id):
    """Raises what the host says; returns the failure of what was run."""
    match error:
        case _wit.InterpreterError_ExecutionFailed(failed):
            return failed
        case _wit.InterpreterError_NotFound():
            _known.pop(id, None)
            raise InterpreterNotFoundError(f"unrecognized interpreter ID {id}") from None
        case _wit.InterpreterError_AlreadyRunning():
            raise InterpreterError("interpreter already running") from None
        case _:
            raise InterpreterError(getattr(error, "value", None) or "the call did not end in time") from None


new_config = _config.new


def create(config="isolated", *, reqrefs=False):
    """The id of a new interpreter."""
    config = _config.of(config)
    id = adopt(_create(None, None, None, None))
    _known[id].config = config
    return id


def get_config(id, *, restrict=False):
    id = _check(id)
    return _config.of_main() if id == 0 else _find(id).config or _config.new()


def _create(program, memory, deadline, cpu_time):
    def time(seconds):
        return None if seconds is None else int(seconds * 1e9)

    options = _wit.CreateOptions(program, _INHERITED, list(_sys.argv), memory, time(deadline), time(cpu_time))
    try:
        return _wit.create(options)
    except Err as error:
        _fail(error.value, None)


def adopt(handle):
    """The id of an interpreter by its handle."""
    id = _swap(handle.id())
    _known[id] = _Known(handle, own=True)
    return id


def _other(id):
    """An interpreter that is neither this one nor the main one. Errors: `InterpreterError`."""
    if id == 0:
        raise InterpreterError(f"unrecognized interpreter {id}: nobody can run anything in the main one")
    if id == get_current()[0]:
        raise InterpreterError("interpreter already running: it is the current one")
    return _find(id)


def destroy(id, *, restrict=False):
    id = _check(id)
    if id == get_current()[0] or id == 0:
        raise InterpreterError("cannot destroy the current interpreter" if id else "cannot destroy the main interpreter")
    try:
        _end(_find(id))
    except Err as error:
        if isinstance(error.value, _wit.InterpreterError_AlreadyRunning):
            raise InterpreterError("interpreter running") from None
        _fail(error.value, id)
    _known.pop(id, None)


def _end(known):
    """Ends an interpreter in which nothing runs. It ends itself and this waits for it, as CPython does; the host's `close` would not
    wait."""
    if known.told is None:
        known.handle.close()
    else:
        known.handle.call(END, [_items.to_item(None)])


def kill(id):
    """Ends an interpreter whatever it does; CPython has nothing like it."""
    try:
        _other(id).handle.kill()
    except Err as error:
        _fail(error.value, id)


def list_all(*, require_ready=False):
    """Those that this interpreter can use, and itself: ids and whence they are."""
    ids = sorted(_swap(number) for number in _wit.list_all())
    return [(id, whence(id)) for id in ids]


def get_current():
    id = _swap(_wit.get_current())
    return id, WHENCE_STDLIB if id else WHENCE_RUNTIME


def get_main():
    return 0, WHENCE_RUNTIME


def whence(id):
    id = _check(id)
    if id == 0:
        return WHENCE_RUNTIME
    if id != get_current()[0]:
        is_running(id)
    return WHENCE_STDLIB


def is_running(id, *, restrict=False):
    id = _check(id)
    if restrict and whence(id) != WHENCE_STDLIB:
        raise InterpreterError(f"unrecognized interpreter {id}")
    if id == get_current()[0] or id == 0:
        return True
    try:
        return _find(id).handle.is_running()
    except Err as error:
        _fail(error.value, id)


def incref(id, *, implieslink=False, restrict=False):
    if id and id != get_current()[0]:
        _find(id).references += 1


def decref(id, *, restrict=False):
    """When nothing refers to it any more it ends, unless somebody else keeps it."""
    known = _known.get(id)
    if known is None:
        raise InterpreterNotFoundError(f"unrecognized interpreter ID {id}")
    known.references -= 1
    if known.references <= 0:
        del _known[id]
        if known.own:
            try:
                _end(known)
            except Err:
                # Something runs in it, and the host ends it with its last handle, which this is; or it is over.
                pass


def message(id, first):
    """The arguments of a call of a Python interpreter: what is called, and behind it what the interpreter must know for it: handles
    on what this one has read the id of since the last call, and the script before the first."""
    known = _find(id)
    mark = _published.mark()
    things = _published.since(known.told or 0)
    arguments = [first, *_items.handles_on(things)]
    if known.told is None and _scripts.script is not None:
        text = "\0".join(_scripts.script).encode("utf-8", "surrogatepass")
        arguments.append(_items_wit.Item_Encoded(_items_wit.Encoded(SCRIPT, text)))
    known.told = mark
    return known.handle, arguments


def _ask(id, function, first):
    """Calls a function of `protocol`; the answer and the failure."""
    known = _other(id)
    if known.handle.is_running():
        raise InterpreterError("interpreter already running")
    handle, arguments = message(id, first)
    return handle.call(function, arguments), None


def ask(id, function, first):
    id = _check(id)
    try:
        answer, failed = _ask(id, function, first)
    except Err as error:
        return None, _fail(error.value, id)
    return _items.from_item(answer), failed


def script(code):
    """What can be run: text as it is, functions and code as marshalled code."""
    if isinstance(code, _types.FunctionType):
        return _functions.as_script(code)
    if isinstance(code, _types.CodeType):
        return _functions.marshal.dumps(code)
    if isinstance(code, (str, bytes)):
        return code if isinstance(code, str) else code.decode()
    raise TypeError(f"a string, a function, or a code object is required, not {type(code).__name__}")


def exec(id, code, shared=None, *, restrict=False):
    """Runs source text, code or a function without arguments in `__main__`; None, or what it failed with."""
    first = _items.to_item(script(code))
    if shared:
        set___main___attrs(id, shared)
    _, failed = ask(id, EXEC, first)
    return None if failed is None else excinfo(failed)


run_string = run_func = exec


def call(id, callable, args=None, kwargs=None, *, preserve_exc=False, restrict=False):
    """The result, and None or what it failed with."""
    value, failed = ask(id, CALL, call_item(callable, args, kwargs))
    if failed is None:
        return value, None
    if failed.kind in NOT_SHAREABLE:
        raise not_shareable(failed)
    return None, excinfo(failed)


def call_item(callable, args=None, kwargs=None):
    """A function and its arguments."""
    return _items.to_pickle((callable, tuple(args or ()), dict(kwargs or {})))


def not_shareable(failed):
    error = NotShareableError(NOT_SHAREABLE_TEXT[failed.kind])
    error.__cause__ = NotShareableError(failed.message)
    return error


def set___main___attrs(id, updates, *, restrict=False):
    if not updates:
        raise ValueError("arg 2 must be a non-empty mapping")
    _refuse_parts(updates)
    bindings = [(name, _items.to_item(value)) for name, value in updates.items()]
    try:
        _other(id).handle.prepare_main(bindings)
    except Err as error:
        failed = _fail(error.value, id)
        raise InterpreterError(f"{failed.kind}: {failed.message}") from None


def _refuse_parts(updates):
    """As CPython does: there is no pickling here."""
    pending = list(updates.values())
    while pending:
        value = pending.pop()
        if not is_shareable(value):
            raise NotShareableError(f"{value!r} does not support cross-interpreter data")
        if type(value) is tuple:
            pending.extend(value)


def excinfo(failed):
    """CPython's snapshot of an exception that another interpreter did not catch."""
    module, _, name = failed.kind.rpartition(".")
    exctype = _types.SimpleNamespace(__name__=name, __qualname__=name, __module__=module or "builtins")
    formatted = f"{failed.kind}: {failed.message}" if failed.message else failed.kind
    return _types.SimpleNamespace(
        type=exctype, msg=failed.message, formatted=formatted, errdisplay=failed.display or formatted
    )


def capture_exception(exc=None):
    """The snapshot of an exception of this interpreter: of `exc`, or of the one that is being handled."""
    exc = _sys.exception() if exc is None else exc
    if exc is None:
        raise RuntimeError("no exception is being handled")
    kind, message, trace, display = _failure.parts(exc)
    return excinfo(_wit.ExecutionFailed(kind, message, trace, display))


def publish(interpreter):
    """The interpreter's id was read; see `published`."""
    if interpreter._id:
        _published.publish(weakref.ref(interpreter), ("interpreter", interpreter._id))


def register(cls):
    """The class of interpreters, so that they can be sent."""
    def handle(interpreter):
        if interpreter._id == get_current()[0]:
            # Only others can be sent.
            return None
        is_running(interpreter._id)
        return _items_wit.Item_Interpreter(_swap(interpreter._id))

    _items.HANDLES[cls] = handle
    _items.INTERPRETER = lambda number: cls(_swap(number))
