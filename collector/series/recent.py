"""Which answers were just given, and do they still hold? The columns of what many ask for again and again, bounded."""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import Any

MOST_BYTES = 64 << 20
LARGEST = 4 << 20  # bytes of one answer: 60,000 observations


class Recent:
    """Columns by question, each with the revision of its series. The longest unasked makes room. On the event loop."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[Hashable, tuple[int, Sequence[Any]]] = OrderedDict()
        self.bytes = 0

    def find(self, question: Hashable, revision: int) -> Sequence[Any] | None:
        """The record batches, where nothing that they hold has changed since they were read."""
        kept = self._kept.get(question)
        if kept is None:
            return None
        if kept[0] != revision:
            self._drop(question)
            return None
        self._kept.move_to_end(question)
        return kept[1]

    def keep(self, question: Hashable, revision: int, batches: Sequence[Any]) -> None:
        """``revision`` is that of before the question."""
        self._drop(question)
        if (size := _size(batches)) > LARGEST:
            return
        self._kept[question] = (revision, batches)
        self.bytes += size
        while self.bytes > self._most_bytes:
            self._drop(next(iter(self._kept)))

    def forget(self) -> None:
        """Something was erased, and is to stand nowhere."""
        self._kept.clear()
        self.bytes = 0

    def _drop(self, question: Hashable) -> None:
        if kept := self._kept.pop(question, None):
            self.bytes -= _size(kept[1])


def _size(batches: Sequence[Any]) -> int:
    return 1_000 + sum(int(batch.nbytes) for batch in batches)  # what the objects weigh themselves
