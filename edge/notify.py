"""How does systemd know that the gateway lives? Readiness and a watchdog, fed by the progress of polling alone."""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)


def notify(state: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Send ``READY=1`` or the like to the service manager; False when none asked for it."""
    path = environment.get("NOTIFY_SOCKET", "")
    if not path:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        # A leading @ stands for the abstract name space.
        channel.sendto(state.encode(), "\0" + path[1:] if path.startswith("@") else path)
    return True


def watchdog_seconds(environment: Mapping[str, str] = os.environ) -> float | None:
    """The watchdog's patience, or None without one."""
    text = environment.get("WATCHDOG_USEC", "")
    return int(text) / 1e6 if text.isdecimal() and int(text) else None


async def watch(stalled: Callable[[float], list[str]], environment: Mapping[str, str] = os.environ) -> None:
    """Feed the watchdog while no line stalls; a stalled one stops it, and systemd starts the gateway again.

    ``stalled(seconds)`` names the lines that have made no progress for so long.
    """
    patience = watchdog_seconds(environment)
    notify("READY=1", environment)
    while patience is not None:
        lines = stalled(patience / 2)
        if lines:
            log.error("no progress on %s: the watchdog is not fed", " ".join(lines))
        else:
            notify("WATCHDOG=1", environment)
        await asyncio.sleep(patience / 4)
