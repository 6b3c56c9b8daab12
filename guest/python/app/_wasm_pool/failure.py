"""An exception, as the host and other interpreters are told of it."""

import os
import traceback

#: Frames of what lies here are not the program's.
_OURS = os.path.dirname(os.path.dirname(__file__)) + "/"
#: The host takes no more.
MAX_FRAMES = 20
MAX_DISPLAY = 64 * 1024


def kind(exctype):
    """A type's name, with its module unless that is `builtins`."""
    if exctype.__module__ in (None, "builtins"):
        return exctype.__qualname__
    return f"{exctype.__module__}.{exctype.__qualname__}"


def text(error):
    """`str(error)`, whatever that does."""
    try:
        return str(error)
    except Exception:
        return "<exception str() failed>"


def trim(error):
    """Takes our own frames off the beginning of an exception's traceback."""
    at = error.__traceback__
    while at is not None and is_ours(at.tb_frame.f_code):
        at = at.tb_next
    return error.with_traceback(at)


def is_ours(code):
    """Whether a frame is of what runs the program rather than of the program."""
    return code.co_filename.startswith(_OURS)


def display(error):
    """The whole traceback, as CPython prints it."""
    try:
        shown = "".join(traceback.format_exception(error)).rstrip("\n")
    except BaseException as another:
        shown = f"{kind(type(error))}: {text(error)}\n(no traceback: {kind(type(another))})"
    return shown.encode("utf-8", "backslashreplace")[:MAX_DISPLAY].decode("utf-8", "ignore")


def trace(error):
    """Where it happened, innermost first."""
    frames = traceback.StackSummary.extract(traceback.walk_tb(error.__traceback__), lookup_lines=False)
    lines = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in reversed(frames[-MAX_FRAMES:])]
    if isinstance(error, SyntaxError) and error.filename is not None:
        lines.insert(0, f"{error.filename}:{error.lineno}")
    return [_plain(line) for line in lines[:MAX_FRAMES]]


def _plain(line):
    return line.encode("utf-8", "backslashreplace").decode("utf-8")


def exit_code(error):
    """What a `SystemExit` says: a number as text, or a text for people."""
    code = error.code
    if code is None:
        return "0"
    return str(int(code)) if isinstance(code, int) else _plain(text(code))


def parts(error):
    """Kind, message, trace and display of an exception that a program did not catch."""
    trim(error)
    if isinstance(error, SystemExit):
        return "SystemExit", exit_code(error), trace(error), None
    try:
        return kind(type(error)), _plain(text(error)), trace(error), display(error)
    except (MemoryError, RecursionError):
        return kind(type(error)), "", [], None
