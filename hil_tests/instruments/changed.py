"""How does one of our programs run on a worse machine, or without one of its protections?

``python -m hil_tests.instruments.changed [--clock FILE] [--forgetful] [--without NAME] MODULE ARGUMENT...``

``--clock`` adds to the wall clock the milliseconds that stand in a file, as they change; the steady clock goes on.
``--forgetful`` makes the gateway's outbox lose, when it is killed, what was not synced: a power cut, where ``kill -9``
leaves everything in the cache of the host. ``--without`` switches off what ``protections`` knows by that name.
"""

import argparse
import runpy
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path


class SteppedClock:
    """The host's wall clock and the offset of a file; 0 while there is none."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: int | None = None
        self._offset_ns = 0
        self._time_ns = time.time_ns

    def time_ns(self) -> int:
        """Ns since 1970 UTC."""
        try:
            changed = self._file.stat().st_mtime_ns
        except FileNotFoundError:
            return self._time_ns()
        if changed != self._seen:
            self._offset_ns = int(self._file.read_text() or 0) * 1_000_000
            self._seen = changed
        return self._time_ns() + self._offset_ns

    def time(self) -> float:
        """S since 1970 UTC."""
        return self.time_ns() / 1e9

    def install(self) -> None:
        """For everyone in this process who asks ``time``; OpenSSL and C libraries ask the host."""
        time.time_ns, time.time = self.time_ns, self.time


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the module as if it had been started itself."""
    parser = argparse.ArgumentParser(prog="changed", description=__doc__)
    parser.add_argument("--clock", type=Path, metavar="FILE")
    parser.add_argument("--forgetful", action="store_true")
    parser.add_argument("--without", metavar="NAME")
    parser.add_argument("module")
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    if options.clock:
        SteppedClock(options.clock).install()
    if options.forgetful:  # each is loaded where it is asked for alone: a gateway is to start as fast as ever
        import_module("hil_tests.instruments.forgetful_disk").install()
    if options.without:
        import_module("hil_tests.instruments.protections").OFF[options.without]()
    sys.argv = [options.module, *options.rest]
    runpy.run_module(options.module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
