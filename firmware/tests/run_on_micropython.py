"""Run the test functions of one module under MicroPython: ``micropython run_on_micropython.py test_outbox``."""

import gc
import sys


def run(name: str) -> int:
    """Print one line per test, return how many failed."""
    module = __import__(name)
    failed = 0
    for test in sorted(dir(module)):
        if test.startswith("test_"):
            gc.collect()
            try:
                getattr(module, test)()
                print("passed " + test)
            except Exception as error:  # noqa: BLE001 - a test runner's outermost edge
                failed += 1
                print("FAILED " + test)
                sys.print_exception(error)
    return failed


sys.exit(1 if run(sys.argv[1]) else 0)
