"""Runs source text in `__main__`, as `python` runs a script and PEP 734 an `Interpreter.exec`."""

import atexit
import linecache
import os
import sys

from . import scripts, startup
from .waiting import settle

#: What text without a name is called in tracebacks.
UNNAMED = "<string>"


def script(source):
    """Runs what the host was given to run."""
    name = startup.main.__dict__.get("__file__")
    if isinstance(name, str) or scripts.script is None:
        scripts.remember(name if isinstance(name, str) else UNNAMED, source)
    run(source)
    if isinstance(name, str) or sys.argv[0] == "-c":
        # It is a program, and this is its end.
        finish()


def finish():
    """What CPython does before it ends: waits for what runs beside it, then calls what was registered for the end."""
    settle()
    atexit._run_exitfuncs()


def run(source):
    """Runs source text in `__main__`; its lines can be shown in tracebacks."""
    namespace = startup.main.__dict__
    exec(_compiled(source, namespace.get("__file__")), namespace)


def _compiled(source, file):
    name = file if isinstance(file, str) else UNNAMED
    if name != UNNAMED:
        _prepare(source, name)
    else:
        # For the case that it cannot be compiled; each text's own lines are kept with its code.
        linecache.cache[name] = len(source), None, source.splitlines(True), name
    code = compile(source, name, "exec", dont_inherit=True)
    if name == UNNAMED:
        linecache._register_code(code, source, name)
    return code


def _prepare(source, name):
    """A script's lines, and its folder as the first to import from, if that is granted."""
    if name in linecache.cache:
        return
    linecache.cache[name] = len(source), None, source.splitlines(True), name
    folder = os.path.dirname(name)
    if os.path.isdir(folder or "."):
        sys.path.insert(0, folder)
    startup.main.__spec__ = None
    startup.main.__cached__ = None
