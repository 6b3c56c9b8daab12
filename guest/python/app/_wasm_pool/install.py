"""Puts everything in its place, at build time, in this order."""

import sys

from componentize_py_types import Err

from . import library, startup, threads, unavailable, waiting


def install():
    sys.modules["__main__"] = startup.main
    # An exception that takes no traceback breaks `contextlib` and `unittest`.
    Err.__setattr__ = Exception.__setattr__
    Err.__delattr__ = Exception.__delattr__
    waiting.install()
    threads.install()
    unavailable.install()
    from . import api
    api.install()
    import concurrent.futures
    import concurrent.futures.interpreter as module
    from . import executor
    for name in ("InterpreterPoolExecutor", "BrokenInterpreterPool"):
        setattr(module, name, getattr(executor, name))
    concurrent.futures.InterpreterPoolExecutor = executor.InterpreterPoolExecutor
    from . import eventloop
    eventloop.install()
    library.adopt()
    # It knows the files of the folders that the build imported from: every interpreter would free them, page after page.
    sys.path_importer_cache.clear()
