"""What does a spare board with MicroPython do for the bench? It runs a few lines that mpremote, a program, hands it."""

import subprocess

from hil_tests.instruments.mpremote import mpremote
from hil_tests.instruments.process import BenchError

_ATTACHES = 20.0  # s until a board stands still and listens


def run(port: str, code: str, seconds: float, what: str) -> str:
    """What the code printed; it may take so many seconds. BenchError begins with ``what``."""
    try:
        done = mpremote(port, "exec", code, seconds=seconds + _ATTACHES)
    except subprocess.TimeoutExpired:
        raise BenchError(f"{what}: the board at {port} says nothing") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise BenchError(f"{what}: the board at {port}: {said[-1] if said else 'mpremote failed'}")
    return done.stdout.strip()
