"""Has a sensor stopped measuring? A measurement is never without noise: the same answer for long is a dead sensor."""


class Stuck:
    """``limit``: how many equal answers in a row are still believed."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._last = None
        self._times = 0

    def is_stuck(self, answer) -> bool:
        """Note one more answer, in whatever form can be compared."""
        self._times = self._times + 1 if answer == self._last else 1
        self._last = answer
        return self._times > self._limit
