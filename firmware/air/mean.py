"""What was it on average? Exact sums of whole numbers, one digit more than the readings have."""


class Means:
    """One per quantity, over one period."""

    def __init__(self) -> None:
        self._sums = {}  # quantity -> [sum, count, exponent]

    def add(self, quantity: str, value: tuple) -> None:
        """All values of a quantity have the same exponent."""
        entry = self._sums.get(quantity)
        if entry is None:
            entry = self._sums[quantity] = [0, 0, value[1]]
        entry[0] += value[0]
        entry[1] += 1

    def values(self) -> dict:
        """{quantity: (integer, exponent)}."""
        means = {}
        for quantity, (total, count, exponent) in self._sums.items():
            means[quantity] = ((20 * total + count) // (2 * count), exponent - 1)
        return means
