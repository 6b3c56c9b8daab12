"""Functions and classes of a program's `__main__`, in other interpreters.

They are pickled by name. Where the name is unknown, the text of the program's script is run once, as a module called
`<fake __main__>`, so that nothing under `if __name__ == "__main__"` runs; as CPython does, which reads the script from its file.
"""

import importlib.machinery
import linecache
import sys
import types

FAKE = "<fake __main__>"
MAINS = ("__main__", FAKE)

#: Name and text of the script of the interpreter that created this one, or of this one.
script = None


def remember(name, source):
    """The script that this interpreter was given to run, or its creator's."""
    global script
    script = name, source


def lookup(name):
    """What a `__main__` calls `name`: this interpreter's own first, then that of the script."""
    try:
        return _attribute(sys.modules["__main__"], name)
    except AttributeError:
        if sys.modules.get(FAKE) is None and script is None:
            raise
        return _attribute(_fake(), name)


def _attribute(module, name):
    for part in name.split("."):
        module = getattr(module, part)
    return module


def _fake():
    module = sys.modules.get(FAKE)
    if module is None:
        file, source = script
        linecache.cache[file] = len(source), None, source.splitlines(True), file
        module = types.ModuleType(FAKE)
        module.__file__ = file
        module.__spec__ = importlib.machinery.ModuleSpec(FAKE, None, origin=file)
        sys.modules[FAKE] = module
        try:
            exec(compile(source, file, "exec", dont_inherit=True), module.__dict__)
        except BaseException:
            del sys.modules[FAKE]
            raise
    return module
