"""Is this machine's clock to be trusted? The kernel knows whether it is being steered (adjtimex)."""

import ctypes
import sys
from typing import Any

_STA_UNSYNC = 0x40
_LONGS = 64  # room for struct timex on every Linux
_TIME_ERROR = 5


def is_steered() -> bool:
    """Whether NTP (or a reference clock) holds it; False where nobody can tell."""
    if not sys.platform.startswith("linux"):
        return False
    timex = (ctypes.c_long * _LONGS)()
    library: Any = ctypes.CDLL(None)
    state = int(library.adjtimex(ctypes.byref(timex)))
    # struct timex: modes, offset, freq, maxerror, esterror, status, each in a long of its own.
    return state not in (-1, _TIME_ERROR) and not int(timex[5]) & _STA_UNSYNC
