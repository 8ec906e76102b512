"""Is the collector well, and if not, why? Each part reports itself; /health and /metrics read it here."""

from collections import Counter


class Health:
    """What ails the collector now: part -> reason. Empty means well."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}

    def ails(self, part: str, reason: str) -> None:
        self._reasons[part] = reason

    def well(self, part: str) -> None:
        self._reasons.pop(part, None)

    @property
    def reasons(self) -> dict[str, str]:
        return self._reasons.copy()


class Metrics:
    """Counters that only rise; the names are those of Prometheus, without the prefix ``senzorika_``."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter(dict.fromkeys(COUNTERS, 0))

    def add(self, name: str, count: int = 1) -> None:
        self._counts[name] += count

    @property
    def counts(self) -> dict[str, int]:
        return dict(self._counts)


COUNTERS = {
    "messages_received_total": "MQTT messages taken from the broker",
    "messages_acknowledged_total": "MQTT messages acknowledged after their commit",
    "observations_stored_total": "observations and corrections kept",
    "observations_repeated_total": "observations that were kept already",
    "readings_quarantined_total": "readings held in quarantine",
    "receipts_total": "receipts sent to publishers",
    "replays_asked_total": "ranges of messages that gateways were asked to send again",
    "commits_total": "batches committed",
    "commits_failed_total": "batches that could not be committed and were tried again",
    "connections_total": "connections to the broker",
}
