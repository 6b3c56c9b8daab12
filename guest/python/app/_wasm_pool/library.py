"""The standard library, inside the component.

An interpreter has no files of its own, so whatever it may import must lie in its memory. What programs use most is imported at
build time (`MODULES`); all other modules of the library written in Python are kept as compressed code and source, and imported
from there when somebody asks. Both are read once, at build time; the finder comes after those that were there.
"""

import importlib.abc
import importlib.util
import marshal
import os
import sys
import sysconfig
import zlib

#: Imported at build time: free at run time. Others take a millisecond or so, once in each interpreter.
MODULES = """
    abc argparse array ast asyncio atexit base64 bisect builtins calendar cmath codecs collections collections.abc
    concurrent.futures concurrent.futures.thread contextlib contextvars copy copyreg csv dataclasses datetime decimal dis enum errno
    fnmatch fractions functools gc gettext glob graphlib hashlib heapq hmac html html.parser importlib importlib.resources inspect
    io ipaddress itertools json keyword linecache locale logging marshal math numbers operator os pathlib pickle
    pprint queue random re reprlib runpy secrets selectors shlex shutil signal socket stat statistics string struct
    tempfile textwrap threading time timeit token tokenize tomllib traceback types typing unicodedata unittest
    urllib.parse uuid warnings weakref zlib zoneinfo
""".split()

#: Not worth their memory: tests, editors, installers, demonstrations, and what needs windows or a terminal.
_LEFT_OUT = {
    "antigravity", "ensurepip", "idlelib", "lib2to3", "site-packages", "test", "tkinter", "turtle", "turtledemo", "venv",
}


class Library(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds and loads modules from memory."""

    def __init__(self):
        # Name -> whether it is a package, its code, its source (both compressed).
        self._modules = {}

    def read(self, root):
        """Takes in what lies in the folder `root`."""
        for folder, folders, files in os.walk(root):
            folders[:] = [name for name in folders if name.isidentifier() and name not in _LEFT_OUT]
            package = os.path.relpath(folder, root).replace(os.sep, ".")
            for file in files:
                name, ending = os.path.splitext(file)
                if ending == ".py" and name.isidentifier() and name not in _LEFT_OUT:
                    parts = [part for part in (package, name) if part not in (".", "__init__")]
                    self._take(".".join(parts), name == "__init__", os.path.join(folder, file))

    def _take(self, name, is_package, path):
        with open(path, "rb") as file:
            source = file.read()
        try:
            code = compile(source, path, "exec", dont_inherit=True)
        except SyntaxError:
            return
        self._modules[name] = is_package, zlib.compress(marshal.dumps(code)), zlib.compress(source)

    def find_spec(self, fullname, path=None, target=None):
        found = self._modules.get(fullname)
        if found is None:
            return None
        spec = importlib.util.spec_from_loader(fullname, self, origin=self._file(fullname), is_package=found[0])
        spec.has_location = True
        return spec

    def _file(self, fullname):
        return self._code(fullname).co_filename

    def _code(self, fullname):
        return marshal.loads(zlib.decompress(self._modules[fullname][1]))

    def get_code(self, fullname):
        return self._code(fullname)

    def get_source(self, fullname):
        try:
            return zlib.decompress(self._modules[fullname][2]).decode("utf-8", "replace")
        except KeyError:
            raise ImportError(f"no source of {fullname}", name=fullname) from None

    def is_package(self, fullname):
        return self._modules[fullname][0]


library = Library()


def install():
    """At build time: takes the library in and imports what is used most."""
    library.read(next(folder for folder in sys.path if os.path.isfile(os.path.join(folder, "os.py"))))
    sys.meta_path.append(library)
    for name in MODULES:
        importlib.import_module(name)


def adopt():
    """At the end of the build: tracebacks show lines of source by a module's loader, and files there will be none."""
    for name, module in list(sys.modules.items()):
        if name in library._modules and getattr(module, "__spec__", None) is not None:
            module.__loader__ = module.__spec__.loader = library
    # How this CPython was configured is recorded with a quote that does not close, which breaks whoever takes it apart.
    sysconfig.get_config_vars()["CONFIG_ARGS"] += "'"
