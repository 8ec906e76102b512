"""An event loop whose clock jumps to the next timer: hours of polling in a moment."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class VirtualLoop(asyncio.SelectorEventLoop):
    """``time`` is virtual; nothing may wait for the outside world on it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        real = self._selector.select  # type: ignore[attr-defined]  # the one place where a loop waits

        def select(timeout: float | None) -> Any:
            if timeout:
                self.now += timeout
            return real(0)

        self._selector.select = select  # type: ignore[attr-defined]  # see above

    def time(self) -> float:
        return self.now


def run_virtually(coroutine: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(coroutine)
