"""A program that is built in: `wasm-pool compile --lang python FOLDER`.

The folder stands in the path at build time, and has a `__main__.py`, as `python FOLDER` runs it. What that imports at its top is imported at
build time, and its modules with it: a copy starts where the imports are done. `__main__.py` itself runs in each copy.
"""

import ast
import importlib.util
import linecache
import os
import sys

from . import failure, running, startup

MAIN = "__main__.py"

#: Its code.
_code = None


def take_in():
    """At build time: whether there is a program; its imports are done."""
    global _code
    folder = next((folder for folder in sys.path if os.path.isfile(os.path.join(folder, MAIN))), None)
    if folder is None:
        return False
    with open(os.path.join(folder, MAIN), encoding="utf-8") as file:
        source = file.read()
    tree = ast.parse(source, MAIN)
    _code = compile(tree, MAIN, "exec", dont_inherit=True)
    for name in _imported(tree):
        importlib.import_module(name)
    startup.main.__file__ = MAIN
    startup.main.__spec__ = startup.main.__cached__ = None
    _keep(MAIN, source)
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and path.startswith(folder + os.sep) and path.endswith(".py"):
            with open(path, encoding="utf-8") as file:
                _keep(path, file.read())
    return True


def _imported(tree):
    """The modules that are imported at the top."""
    for part in tree.body:
        if isinstance(part, ast.Import):
            yield from (alias.name for alias in part.names)
        elif isinstance(part, ast.ImportFrom) and not part.level and part.module not in (None, "__future__"):
            yield part.module
            # What is imported from a package may be a module of it.
            for alias in part.names:
                name = f"{part.module}.{alias.name}"
                try:
                    found = importlib.util.find_spec(name)
                except ModuleNotFoundError:
                    continue
                if found is not None:
                    yield name


def _keep(name, source):
    """Its lines, for tracebacks: there is no file of it later."""
    linecache.cache[name] = len(source), None, source.splitlines(True), name


def run():
    """Runs it from start to end; whether it ended well."""
    startup.begin(sys.argv)
    try:
        exec(_code, startup.main.__dict__)
        running.finish()
        return True
    except SystemExit as error:
        code = failure.exit_code(error)
        if not code.lstrip("-").isdigit():
            print(code, file=sys.stderr)
        return code == "0"
    except BaseException as error:
        failure.trim(error)
        print(failure.display(error), file=sys.stderr)
        return False
    finally:
        startup.flush()
