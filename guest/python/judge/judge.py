"""Runs CPython's own tests in this interpreter, and prints what became of each.

    judge.py [MODULE or MODULE.CLASS.TEST …]

Their files are CPython's, as they are. Only what stands around them is ours: pipes made of queues (`pipes`), and that a test which
stops because of something that an interpreter of WebAssembly has not (it says so) counts as skipped, with that as its reason.
"""

import collections
import re
import sys
import types
import unittest

import pipes
import surroundings  # noqa: F401: for what it does

import _interpreters
from concurrent import interpreters
from _wasm_pool import unavailable
from test.support import script_helper

MODULES = [
    "test.test_interpreters.test_queues",
    "test.test_interpreters.test_api",
    "test.test_concurrent_futures.test_interpreter_pool",
]
#: What is not there, and how it shows.
REASONS = [
    re.compile(r"not available in a wasm-pool interpreter: .*"),
    re.compile(r"'NoneType' object has no attribute '(get_code_var_counts)'"),
]
#: What is meant to be otherwise.
ON_PURPOSE = {
    "test.test_interpreters.test_api.LowLevelTests.test_list_all":
        "an interpreter lists those that it made or was sent, not its siblings",
}


def surround_children():
    """Every new interpreter has pipes too."""
    adopt = _interpreters.adopt

    def adopt_surrounded(handle):
        id = adopt(handle)
        failed = _interpreters.exec(id, "import surroundings as _; del _")
        if failed is not None:
            raise interpreters.ExecutionFailed(failed)
        return id

    _interpreters.adopt = adopt_surrounded


class Result(unittest.TextTestResult):
    """What is not there is skipped."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.passed = []

    def addError(self, test, err):
        reason = missing(self._exc_info_to_string(err, test))
        if reason is None:
            super().addError(test, err)
        else:
            self.addSkip(test, reason)

    def addFailure(self, test, err):
        reason = missing(self._exc_info_to_string(err, test))
        if reason is None:
            super().addFailure(test, err)
        else:
            self.addSkip(test, reason)

    def addSubTest(self, test, subtest, err):
        if err is not None and (reason := missing(self._exc_info_to_string(err, test))) is not None:
            self.addSkip(subtest, reason)
        else:
            super().addSubTest(test, subtest, err)

    def addSuccess(self, test):
        self.passed.append(test)
        super().addSuccess(test)


def missing(text):
    for reason in REASONS:
        if found := reason.search(text):
            return f"test requires _testinternalcapi.{found[1]}" if found.groups() else found[0]
    return None


def assert_python_ok(filename, *more, **env):
    """Runs a script as the host does, in an interpreter of its own, since there are no processes."""
    if more or env or filename.startswith("-"):
        raise unavailable.NotAvailable("processes (python with options)")
    with open(filename, encoding="utf-8") as file:
        source = file.read()
    interpreter = interpreters.create()
    out, end = pipes.pipe()
    interpreter.exec(f"import pipes as _pipes, sys; sys.stdout = _pipes.open({end}, 'w')")
    interpreter.prepare_main(__file__=filename)
    _interpreters._known[interpreter.id].handle.exec(source)
    interpreter.exec("sys.stdout.close()")
    with pipes.open(out, "rb") as printed:
        text = printed.read()
    interpreter.close()
    return types.SimpleNamespace(rc=0, out=text, err=b"")


def main(names):
    surround_children()
    script_helper.assert_python_ok = assert_python_ok
    suite = unittest.TestSuite()
    for name in names:
        suite.addTests(unittest.defaultTestLoader.loadTestsFromName(name))
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Result)
    result = runner.run(suite)
    return report(result)


def names(tests):
    """Of subtests, that of their test."""
    return {test.id().partition(" ")[0] for test in tests}


def report(result):
    skipped = names(test for test, _ in result.skipped)
    failed = names(test for test, _ in result.failures + result.errors) | names(result.unexpectedSuccesses)
    otherwise = failed & set(ON_PURPOSE)
    failed -= otherwise
    print("\nskipped, a test or parts of it:")
    count = collections.Counter((test.id().partition(" ")[0], reason) for test, reason in result.skipped)
    for (test, reason), parts in count.items():
        print(f"  {test}: {reason}" + (f" ({parts} times)" if parts > 1 else ""))
    print("\notherwise on purpose:")
    for test in sorted(otherwise):
        print(f"  {test}: {ON_PURPOSE[test]}")
    passed = names(result.passed)
    skipped -= failed | otherwise | passed
    parts = skipped & names(test for test, _ in result.skipped if isinstance(test, unittest.case._SubTest))
    print(f"\n{result.testsRun} run: {len(passed)} passed, {len(parts)} passed but for skipped parts, {len(skipped - parts)} skipped, "
          f"{len(result.expectedFailures)} failed as CPython expects, {len(otherwise)} otherwise on purpose, {len(failed)} failed")
    for test in sorted(failed):
        print(f"  failed: {test}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or MODULES))
