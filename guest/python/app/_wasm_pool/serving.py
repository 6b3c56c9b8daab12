"""What this interpreter does when it is called: the exports of the world, and what other Python interpreters ask for."""

import importlib
import marshal
import os

from componentize_py_types import Err
from wit_world.imports import interpreters as wit
from wit_world.imports import queues as wit_queues

from . import failure, items, published, running, scripts, startup, worker
from .protocol import ARGUMENTS, CALL, END, EXEC, RESULT, SCRIPT, WORK


def failed(error):
    """What the host is told of an exception. One that a program got from the host is the program's."""
    if isinstance(error, Err) and isinstance(error.value, wit.ExecutionFailed):
        return error
    return Err(wit.ExecutionFailed(*failure.parts(error)))


def unfit(kind, error):
    """What other Python interpreters are told of values that do not travel."""
    return Err(wit.ExecutionFailed(kind, str(error), [], None))


def bind(bindings):
    """Binds names in `__main__`; all of them or none."""
    values = {name: items.from_item(item) for name, item in bindings}
    startup.main.__dict__.update(values)


def answer(function, arguments):
    """The result of a call, as an item."""
    served = _SERVED.get(function)
    if served is None:
        return _call_by_name(function, arguments)
    mark = published.mark()
    first, *more = arguments
    keep = _learn(more)
    item = served(first)
    del keep
    news = published.since(mark)
    return items.parcel(item, news) if news else item


def _learn(more):
    """Takes in what a caller makes known; the handles must live until the call is done."""
    keep = []
    for item in more:
        if isinstance(item, wit_queues.Item_Encoded) and item.value.media_type == SCRIPT:
            if scripts.script is None:
                scripts.remember(*item.value.bytes.decode("utf-8", "surrogatepass").split("\0", 1))
        else:
            keep.append(item)
    return keep


def _exec(first):
    code = items.from_item(first)
    if isinstance(code, bytes):
        exec(marshal.loads(code), startup.main.__dict__)
    else:
        running.run(code)
    return items.to_item(None)


def _call(first):
    try:
        function, args, kwargs = items.from_item(first)
    except items.NotShareableError as error:
        raise unfit(ARGUMENTS, error) from None
    result = _in_main(function, args, kwargs)
    try:
        return items.to_item(result)
    except items.NotShareableError as error:
        raise unfit(RESULT, error) from None


def _in_main(function, args, kwargs):
    """Calls a function; those that are about the names around their caller see `__main__`."""
    names = startup.main.__dict__
    if function in (eval, exec) and len(args) == 1 and not kwargs:
        return function(args[0], names)
    if function in (globals, locals, vars) and not args:
        return names
    return sorted(names) if function is dir and not args else function(*args, **kwargs)


def _work(first):
    worker.work(*items.from_item(first))
    _end(None)


def _end(_):
    running.finish()
    startup.flush()
    os._exit(0)


_SERVED = {EXEC: _exec, CALL: _call, WORK: _work, END: _end}


def _call_by_name(name, arguments):
    """Calls what `__main__` knows by this name, or a function of a module: `math.sqrt`."""
    function = _lookup(name)
    if function is None:
        raise Err(wit.ExecutionFailed("not-found", f"no function {name}", [], None))
    return items.to_item(function(*map(items.from_item, arguments)))


def _lookup(name):
    first, *rest = name.split(".")
    found = startup.main.__dict__.get(first)
    if found is None:
        module, _, last = name.rpartition(".")
        if not module:
            return None
        try:
            found, rest = importlib.import_module(module), [last]
        except ImportError:
            return None
    for part in rest:
        found = getattr(found, part, None)
    return found if callable(found) else None
