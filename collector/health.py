"""Is the collector well, and if not, why? Each part reports itself; /health and /metrics read it here."""

from collections import Counter
from collections.abc import Callable


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
    """Counters that only rise, and gauges; the names are those of Prometheus, without the prefix ``senzorika_``."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter(dict.fromkeys(COUNTERS, 0))
        self._gauges: dict[str, Callable[[], float | None]] = {}

    def add(self, name: str, count: int = 1) -> None:
        self._counts[name] += count

    def watch(self, name: str, read: Callable[[], float | None]) -> None:
        """Ask ``read`` whenever somebody looks; None: there is nothing to say yet."""
        self._gauges[name] = read

    @property
    def gauges(self) -> dict[str, float]:
        """What is known now, of all gauges."""
        return {name: value for name, read in self._gauges.items() if (value := read()) is not None}

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
    "commands_sent_total": "approved commands sent, each repetition counted",
    "replays_asked_total": "ranges of messages that gateways were asked to send again",
    "commits_total": "batches committed",
    "commits_failed_total": "batches that could not be committed and were tried again",
    "connections_total": "connections to the broker",
    "observations_republished_total": "open observations copied to MQTT clients",
    "observations_not_republished_total": "copies left out: too many at once, or the collector was behind",
}

GAUGES = {
    "inbox_messages": "messages that have arrived and are not committed yet",
    "inbox_bytes": "bytes of their payloads",
    "backlog_age_seconds": "how long the oldest of them has been waiting; 0 when none waits",
    "last_commit_age_seconds": "since the last batch was committed",
    "live_clients": "who looks on over /api/events",
    "datastreams": "series that have ever had an observation",
    "messages_missing": "messages missing in all outboxes together",
    "healthy": "1 when /health has no reasons",
}
