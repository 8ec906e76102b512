"""Which is the newest observation of each series, and what of a batch could be a repetition?"""

from collections.abc import Iterable, Sequence

from collector.observation import Observation, Series


class Newest:
    """The newest observation per series, in memory. What is newer than it cannot be a repetition."""

    def __init__(self, observations: Iterable[Observation] = ()) -> None:
        self._newest: dict[Series, Observation] = {}
        self.known = 0  # the latest known time given out, ms UTC
        self.take(observations)

    def take(self, kept: Iterable[Observation]) -> None:
        """Call only with what is durable, oldest version first."""
        newest = self._newest
        for one in kept:
            other = newest.get(one.series)
            if other is None or one.at >= other.at:
                newest[one.series] = one
            self.known = max(self.known, one.known)

    def get(self, series: Series) -> Observation | None:
        return self._newest.get(series)

    def copy(self) -> dict[Series, Observation]:
        return self._newest.copy()  # one step under the interpreter's lock: no writer comes between

    def split(self, batch: Sequence[Observation]) -> tuple[list[Observation], list[Observation]]:
        """Return (certainly new, perhaps kept already), each in the order of the batch."""
        ahead: dict[Series, int] = {}
        fresh: list[Observation] = []
        doubtful: list[Observation] = []
        for one in batch:
            series = one.series
            last = ahead.get(series)
            if last is None:
                other = self._newest.get(series)
                last = other.at if other else -1
            if one.at > last:
                ahead[series] = one.at
                fresh.append(one)
            else:
                doubtful.append(one)
        return fresh, doubtful
