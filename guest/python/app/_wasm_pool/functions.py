"""Functions that need nothing of their interpreter: those travel as their code, lambdas too.

As in CPython, such a *stateless* function has no closure, no defaults and no attributes, and uses no names but its own and builtins.
"""

import builtins
import dis
import marshal
import types
import weakref

from . import startup

_verdicts = weakref.WeakKeyDictionary()
_GLOBAL = {dis.opmap[name] for name in ("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL", "STORE_NAME")}


def is_stateless(function):
    if function.__closure__ or function.__defaults__ or function.__kwdefaults__ or function.__dict__:
        return False
    if function not in _verdicts:
        names = _globals_of(function.__code__)
        shadowed = function.__globals__
        _verdicts[function] = all(hasattr(builtins, name) and name not in shadowed for name in names)
    return _verdicts[function]


def _globals_of(code):
    """The names that code looks up outside of itself, that of functions within it included."""
    names = {part.argval for part in dis.get_instructions(code) if part.opcode in _GLOBAL}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _globals_of(constant)
    return names


def reduce(function):
    """For pickling a stateless function."""
    return rebuild, (marshal.dumps(function.__code__), function.__name__, function.__qualname__)


def rebuild(code, name, qualname):
    function = types.FunctionType(marshal.loads(code), startup.main.__dict__, name)
    function.__qualname__ = qualname
    return function


def as_script(function):
    """The code of a function that `Interpreter.exec` can run. Errors: `ValueError`."""
    code = function.__code__
    if function.__closure__:
        raise ValueError("closures not supported")
    if code.co_argcount or code.co_kwonlyargcount or code.co_flags & 0x0C or function.__defaults__:
        raise ValueError("arguments not supported")
    return marshal.dumps(code)
