"""How long does a batch wait for company?"""

LINGER = 0.05  # s from the arrival of a message until it is committed: so long it waits for company


class Linger:
    """How long the first of a batch waits for company, if it is to be committed in time as commits go here.

    What a commit will take is estimated as TCP estimates when an answer is late (RFC 6298): mean and deviation of the
    last ones. Where that is most of the linger, disk or processor are busy, and large batches cost them least: then it
    is waited as long as one may.
    """

    def __init__(self, most: float = LINGER) -> None:
        self._most = most
        self._mean = self._deviation = 0.0

    def took(self, seconds: float) -> None:
        """So long a commit took."""
        self._deviation += (abs(seconds - self._mean) - self._deviation) / 4
        self._mean += (seconds - self._mean) / 8

    @property
    def left(self) -> float:
        """Seconds."""
        commit = self._mean + 4 * self._deviation
        return self._most - commit if commit < self._most / 2 else self._most
