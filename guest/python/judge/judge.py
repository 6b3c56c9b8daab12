"""Runs CPython's own tests in this interpreter, and prints what became of each.

    judge.py [MODULE or MODULE.CLASS.TEST …]

Their files are CPython's, as they are. Only what stands around them is ours: pipes made of queues (`pipes`), and that a test which
stops because of something that an interpreter of WebAssembly has not (it says so) counts as skipped, with that as its reason.
"""

import re
import sys
import unittest

import pipes
import _interpreters
from concurrent import interpreters
from test.support import threading_helper

MODULES = [
    "test.test_interpreters.test_queues",
    "test.test_interpreters.test_api",
    "test.test_concurrent_futures.test_interpreter_pool",
]
REASON = re.compile(r"not available in a wasm-pool interpreter: .*")


def give_pipes_to_children():
    """Every new interpreter has them too."""
    adopt = _interpreters.adopt

    def adopt_with_pipes(handle):
        id = adopt(handle)
        failed = _interpreters.exec(id, "import pipes as _pipes; del _pipes")
        if failed is not None:
            raise interpreters.ExecutionFailed(failed)
        return id

    _interpreters.adopt = adopt_with_pipes


class Result(unittest.TextTestResult):
    """What is not there is skipped."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.passed = 0

    def addError(self, test, err):
        reason = missing(self._exc_info_to_string(err, test))
        if reason is None:
            super().addError(test, err)
        else:
            self.addSkip(test, reason)

    addFailure = lambda self, test, err: self.failed(test, err)

    def failed(self, test, err):
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
        self.passed += 1
        super().addSuccess(test)


def missing(text):
    found = REASON.search(text)
    return found and found[0]


def main(names):
    give_pipes_to_children()
    # Or whole modules would be skipped, and not only what needs threads.
    threading_helper.can_start_thread = True
    suite = unittest.TestSuite()
    for name in names:
        suite.addTests(unittest.defaultTestLoader.loadTestsFromName(name))
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Result)
    result = runner.run(suite)
    print("\nskipped:")
    for test, reason in result.skipped:
        print(f"  {test.id()}: {reason}")
    failed = {test.id().partition(" ")[0] for test, _ in result.failures + result.errors}
    failed |= {test.id() for test in result.unexpectedSuccesses}
    print(f"\n{result.testsRun} run: {result.passed} passed, {len(failed)} failed, "
          f"{len(result.expectedFailures)} failed as expected, {len({test.id() for test, _ in result.skipped})} skipped")
    for test in sorted(failed):
        print(f"  failed: {test}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or MODULES))
