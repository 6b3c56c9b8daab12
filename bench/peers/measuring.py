"""What `map` and `compare` share: running a peer, and what it took."""

import ctypes
import os
import platform
import resource
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# A run takes seconds; what takes longer than this (in seconds) hangs.
PATIENCE = 600


# How a peer ends that has no such thing; it says on stdout why.
UNABLE = 77


class Missing(Exception):
    """Why a peer cannot be measured."""


class Unable(Missing):
    """Why a peer has no such thing."""


def want(path, remedy):
    if not path.exists():
        raise Missing(f"{shown(path)} is not there ({remedy})")


def shown(path):
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def run(command, env, stdin, stdout, stderr, patience=PATIENCE):
    """Wall time of the process, and processor time of its whole tree, in seconds."""
    with open(stdin, "rb") as reads, open(stdout, "wb") as writes, open(stderr, "wb") as complains:
        before, begin = tree_cpu(), time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env}, stdin=reads, stdout=writes, stderr=complains,
                                   start_new_session=True)
        try:
            # Popen.wait with a timeout looks now and then, up to 50 ms late.
            with open(os.pidfd_open(process.pid)) as end:
                ended, _, _ = select.select([end], [], [], patience)
            wall = time.perf_counter() - begin
            if not ended:
                raise Missing(f"did not end in {patience} s")
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            reap_orphans()
    if process.returncode == UNABLE:
        raise Unable(Path(stdout).read_text().strip())
    if process.returncode != 0:
        raise Missing(complaint(Path(stderr), process.returncode))
    return wall, tree_cpu() - before


def adopt_orphans():
    """Processes whose parents have ended become ours: CPython's pools leave some behind, and their time counts."""
    pr_set_child_subreaper = 36
    if ctypes.CDLL(None, use_errno=True).prctl(pr_set_child_subreaper, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def reap_orphans():
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def tree_cpu():
    """Of all descendants that have been waited for, by us or by their parents."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def complaint(stderr, code):
    """What a process said last, where Python puts the error itself."""
    lines = stderr.read_text(errors="replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    return f"ended with {code}: {said[-1]}" if said else f"ended with {code} and said nothing"


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return f"{len(os.sched_getaffinity(0))} cores of {line.split(':', 1)[1].strip()}"
    return f"{len(os.sched_getaffinity(0))} cores of {platform.machine()}"


def version_of(program):
    try:
        return subprocess.run([program, "--version"], capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""
