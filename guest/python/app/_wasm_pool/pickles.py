"""Values that only Python can say, as pickles.

Whoever can put an item into a queue of a Python program decides what is unpickled there, and so what runs there: inside its limits
and with its grants. (In CPython, too.)
"""

import io
import pickle
import types

from . import functions, scripts

MEDIA_TYPE = "application/x-python-pickle"

#: The queues and interpreters that are met while pickling: whoever unpickles needs handles on them.
_met = None


def meet(thing):
    """A queue or an interpreter is about to be pickled."""
    if _met is not None:
        _met[id(thing)] = thing


class _Pickler(pickle.Pickler):
    def reducer_override(self, value):
        if type(value) is types.FunctionType and functions.is_stateless(value):
            return functions.reduce(value)
        if type(value) is memoryview:
            return memoryview, (value.tobytes(),)
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if module in scripts.MAINS:
            return scripts.lookup(name)
        return super().find_class(module, name)


def dumps(value):
    """The pickle, and the queues and interpreters in it. Errors: whatever pickling raises."""
    global _met
    outer, _met = _met, {}
    try:
        out = io.BytesIO()
        _Pickler(out, pickle.HIGHEST_PROTOCOL).dump(value)
        return out.getvalue(), list(_met.values())
    finally:
        _met = outer


def loads(data):
    """Errors: whatever unpickling raises."""
    return _Unpickler(io.BytesIO(data)).load()
