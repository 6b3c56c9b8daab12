"""What WebAssembly has not, said plainly: in an `ImportError` for modules, and otherwise in a `NotAvailable`."""

import errno
import importlib.abc
import socket
import subprocess
import sys
from multiprocessing import process

#: Module -> what it would need.
MODULES = {
    **dict.fromkeys(("_ctypes", "ctypes"), "code of the machine (ctypes)"),
    **dict.fromkeys(("_ssl", "ssl"), "OpenSSL and the network (ssl)"),
    **dict.fromkeys(("_multiprocessing", "_posixshmem"), "processes (multiprocessing)"),
    **dict.fromkeys(("_posixsubprocess", "fcntl", "mmap", "resource", "syslog", "grp", "pwd"), "a Unix system"),
    **dict.fromkeys(("_curses", "curses", "readline", "termios", "tty", "pty", "tkinter", "_tkinter", "turtle"), "a terminal or a screen"),
    **dict.fromkeys(("_bz2", "bz2", "_lzma", "lzma", "_zstd"), "this compression; zlib and gzip are there"),
    **dict.fromkeys(("_dbm", "_gdbm", "ensurepip", "venv", "idlelib"), "this part of the standard library"),
}


def text(what):
    return f"not available in a wasm-pool interpreter: {what}"


class NotAvailable(OSError, RuntimeError):
    """Something that an interpreter has not."""

    def __init__(self, what):
        super().__init__(errno.ENOTSUP, text(what))


class _Refusing(importlib.abc.MetaPathFinder):
    """Comes after all others."""

    def find_spec(self, fullname, path=None, target=None):
        what = MODULES.get(fullname)
        if what is not None:
            raise ModuleNotFoundError(f"No module named {fullname!r}: {text(what)}", name=fullname)
        return None


def _refusing(what):
    def refuse(*args, **kwargs):
        raise NotAvailable(what)
    return refuse


def install():
    """At build time."""
    sys.meta_path.append(_Refusing())
    socket.socket.__init__ = _refusing("the network (sockets)")
    for name in ("socketpair", "getaddrinfo", "gethostbyname", "create_connection", "create_server", "getnameinfo"):
        setattr(socket, name, _refusing("the network (sockets)"))
    subprocess.Popen.__init__ = _refusing("processes (subprocess)")
    subprocess.Popen.__del__ = lambda self: None
    process.BaseProcess.start = _refusing("processes (multiprocessing)")
