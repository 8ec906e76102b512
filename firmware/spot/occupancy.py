"""Is the spot free or occupied? The evidence of several sensors becomes one answer, and only what lasts counts."""

FREE, OCCUPIED, UNKNOWN = "free", "occupied", "unknown"


def combined(evidence: list) -> str:
    """``evidence``: (weight, free, occupied or unknown) per sensor. The heavier side; unknown where there is none."""
    score = 0
    for weight, says in evidence:
        if says != UNKNOWN:
            score += weight if says == OCCUPIED else -weight
    return UNKNOWN if score == 0 else OCCUPIED if score > 0 else FREE


class Occupancy:
    """``debounce`` consistent samples make a change; ``unknown_after_ms`` without an answer make it unknown."""

    def __init__(self, debounce: int, unknown_after_ms: int) -> None:
        self.state = UNKNOWN
        self.is_settled = True  # the last sample says nothing else than the state
        self._debounce = debounce
        self._unknown_after_ms = unknown_after_ms
        self._candidate = UNKNOWN
        self._times = 0
        self._doubt_ms = 0  # how long nothing has been said

    def judge(self, evidence: list, elapsed_ms: int) -> bool:
        """Take one sample, ``elapsed_ms`` after the one before; whether the state changed."""
        says, before = combined(evidence), self.state
        if says == UNKNOWN:
            self._doubt_ms += elapsed_ms
            if self._doubt_ms >= self._unknown_after_ms:
                self.state = UNKNOWN
            self._times = 0
            self.is_settled = True
            return self.state != before
        self._doubt_ms = 0
        self._times = self._times + 1 if says == self._candidate else 1
        self._candidate = says
        if self._times >= self._debounce:
            self.state = says
        self.is_settled = says == self.state
        return self.state != before

    # ---- what a sleeping board keeps

    def remember(self) -> tuple:
        """Numbers that ``recall`` takes: state, candidate, times, doubt."""
        names = (UNKNOWN, FREE, OCCUPIED)
        return names.index(self.state), names.index(self._candidate), min(self._times, 255), self._doubt_ms

    def recall(self, state: int, candidate: int, times: int, doubt_ms: int) -> None:
        names = (UNKNOWN, FREE, OCCUPIED)
        self.state, self._candidate = names[state], names[candidate]
        self._times, self._doubt_ms = times, doubt_ms
