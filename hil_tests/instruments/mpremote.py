"""How is mpremote, a program, run on a board that is slow to listen? It waits ten seconds for a REPL, and no more."""

import subprocess
from pathlib import Path

from hil_tests.instruments.process import find

_TOO_SHORT, _TRIES = "could not enter raw repl", 6


def mpremote(port: str | Path, *verb: str | Path, seconds: float = 100) -> subprocess.CompletedProcess[str]:
    """How it ended, started again where ten seconds were too short; TimeoutExpired where one run takes so long."""
    command = [find("mpremote"), "connect", port, *verb]
    for _ in range(_TRIES):
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=seconds)
        if _TOO_SHORT not in done.stdout + done.stderr:
            break
    return done
