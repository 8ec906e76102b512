"""An event loop whose clock jumps to the next timer when nothing has come: hours of polling in a moment."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any


class VirtualLoop(asyncio.SelectorEventLoop):
    """``time`` is virtual; of the outside world it knows ends of ptys and sockets whose other ends are in this process.

    poll(2) waits for what the kernel is handing on from one end of a pty to the other; epoll(7) does not.
    """

    def __init__(self) -> None:
        super().__init__(selectors.PollSelector())
        self.now = 0.0
        real = self._selector.select  # type: ignore[attr-defined]  # the one place where a loop waits

        def select(timeout: float | None) -> Any:
            ready = real(0)
            if timeout and not ready:
                self.now += timeout
            return ready

        self._selector.select = select  # type: ignore[attr-defined]  # see above

    def time(self) -> float:
        return self.now


def run_virtually(coroutine: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(coroutine)
