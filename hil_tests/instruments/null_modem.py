"""How do two programs get a serial line without an adapter? Two ptys, and what one writes the other reads."""

import os
import select
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple


class Ends(NamedTuple):
    """Both are symbolic links to a device that is opened as a serial port is."""

    one: Path
    other: Path


@contextmanager
def null_modem(folder: Path, name: str = "line") -> Iterator[Ends]:
    """A pty has no speed and no parity: octets pass as fast as they come."""
    ends = Ends(folder / f"{name}.one", folder / f"{name}.other")
    handles = [os.openpty() for _ in ends]
    stop, stopped = os.pipe()
    for (_, theirs), link in zip(handles, ends, strict=True):
        tty.setraw(theirs)
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(theirs))
    passing = threading.Thread(target=_pass, args=(handles[0][0], handles[1][0], stop), daemon=True)
    passing.start()
    try:
        yield ends
    finally:
        os.close(stopped)
        passing.join(5)
        for descriptor in (*handles[0], *handles[1], stop):
            os.close(descriptor)
        for link in ends:
            link.unlink(missing_ok=True)


def _pass(one: int, other: int, stop: int) -> None:
    """Our own handles on the far ends keep both ptys alive while programs come and go."""
    to = {one: other, other: one}
    for descriptor in to:
        os.set_blocking(descriptor, False)
    while True:
        ready, _, _ = select.select([*to, stop], [], [])
        if stop in ready:
            return
        for descriptor in ready:
            with suppress(BlockingIOError):  # nobody has read for a long time: a real line loses it, too
                os.write(to[descriptor], os.read(descriptor, 4096))
