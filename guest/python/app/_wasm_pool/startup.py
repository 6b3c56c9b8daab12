"""What differs between interpreters, made when the first call comes: arguments, environment, seeds, paths.

The component's memory was taken at build time, so everything that CPython reads when it starts stands in it as it was then. The
seed of `hash()` of strings stays: it is the same in all interpreters of one build.
"""

import builtins
import importlib.machinery
import io
import os
import random
import sys
import types
import zoneinfo

#: The program's own module, which stays from call to call.
main = types.ModuleType("__main__")
main.__builtins__ = builtins
main.__loader__ = importlib.machinery.BuiltinImporter

_begun = False


def begin(arguments=None):
    """Before each call; does something before the first. A program that is built in has all the host's arguments; otherwise the
    first is the interpreter's name, and then come the script's and the user's."""
    global _begun
    if _begun:
        return
    _begun = True
    sys.argv[:] = arguments or sys.argv[1:] or [""]
    sys.orig_argv = list(sys.argv)
    os.reload_environ()
    random.seed()
    if "PYTHONTZPATH" in os.environ:
        zoneinfo.reset_tzpath()
    folders = os.environ.get("PYTHONPATH", "")
    sys.path[:] = [folder for folder in folders.split(":") if folder]
    sys.path_importer_cache.clear()
    sys.modules["__main__"] = main


def forget():
    """At build time: the next call is the first one again."""
    global _begun
    _begun = False


def open_streams():
    """At build time: none of them knows yet what it is connected to."""
    def writer(fd, errors):
        raw = io.FileIO(fd, "w", closefd=False)
        return io.TextIOWrapper(io.BufferedWriter(raw), "utf-8", errors, line_buffering=True)

    sys.stdin = sys.__stdin__ = io.TextIOWrapper(
        io.BufferedReader(io.FileIO(0, "r", closefd=False)), "utf-8", "surrogateescape"
    )
    sys.stdout = sys.__stdout__ = writer(1, "surrogateescape")
    sys.stderr = sys.__stderr__ = writer(2, "backslashreplace")
    for stream, name in ((sys.stdin, "stdin"), (sys.stdout, "stdout"), (sys.stderr, "stderr")):
        stream.buffer.raw.name = f"<{name}>"


def flush():
    """After each call. An output that is gone is nobody's error here: the host knows."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass
