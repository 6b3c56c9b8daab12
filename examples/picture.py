#!/usr/bin/env python3
"""Draws a real run as an SVG: runs a command on a pseudo-terminal and sets what it printed as text.

    examples/picture.py OUT.svg COLUMNS COMMAND [ARGUMENT ...]

The first line of the picture is the command as a person would type it. Only Python's standard library is used.
"""

import fcntl
import html
import os
import pty
import re
import select
import shlex
import struct
import subprocess
import sys
import termios

COLOURS = {"31": "#e5484d", "32": "#30a46c", "33": "#f5a524", "36": "#12a594"}
CHARACTER, LINE, MARGIN = 8.4, 19, 16


def run(command: list[str], columns: int) -> str:
    """What the command prints on a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 60, columns, 0, 0))
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"})
    os.close(theirs)
    printed = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        printed += piece
    process.wait()
    return printed.decode()


def screen(printed: str) -> list[str]:
    """The lines that are left when every erased one (a progress bar's) is gone; colours stay in them."""
    lines = []
    for line in printed.replace("\r\n", "\n").split("\n"):
        # What a carriage return or an erasure began anew was there for a moment only.
        line = re.split(r"\r|\x1b\[2?K|\x1b\[1A|\x1b\[\?25[lh]|\x1b\[1G", line)[-1]
        lines.append(line)
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def spans(line: str) -> str:
    """A line as SVG text spans, one for each colour."""
    out, colour = "", None
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        code = re.fullmatch(r"\x1b\[([0-9;]*)m", part)
        if code:
            colour = COLOURS.get(code[1])
        elif part:
            fill = f' fill="{colour}"' if colour else ""
            out += f"<tspan{fill}>{html.escape(part)}</tspan>"
    return out


def main() -> None:
    out, columns, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    shown = shlex.join([os.path.basename(command[0]), *command[1:]])
    lines = ["\x1b[36m$\x1b[0m " + shown, *screen(run(command, columns))]
    width, height = columns * CHARACTER + 2 * MARGIN, len(lines) * LINE + 2 * MARGIN
    rows = "\n".join(
        f'<text x="{MARGIN}" y="{MARGIN + LINE * (number + 0.75):.0f}" xml:space="preserve">{spans(line)}</text>'
        for number, line in enumerate(lines)
    )
    with open(out, "w", encoding="utf-8") as file:
        file.write(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
            f'height="{height:.0f}" role="img">\n<title>{html.escape(shown)}</title>\n'
            f'<rect width="100%" height="100%" rx="8" fill="#11181c"/>\n'
            f'<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" fill="#ecedee">\n'
            f"{rows}\n</g>\n</svg>\n"
        )


if __name__ == "__main__":
    main()
