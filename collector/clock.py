"""What time is it for the collector? Milliseconds UTC, from the host."""

import time


def now() -> int:
    """Ms UTC."""
    return time.time_ns() // 1_000_000
