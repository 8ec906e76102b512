"""What does a node say of itself? The state message, and the will that the broker publishes in its place."""

from firmware import VERSION, contract


class Status:
    """Reads its parts, owns nothing. ``ledger``, ``lag`` and ``desk`` may be None."""

    def __init__(self, settings: dict, hal, outbox, link, kind, ledger=None, lag=None, desk=None) -> None:
        self.topic = contract.topic(settings["city"], settings["publisher"], "state")
        self.refused = 0  # readings that break the contract
        self._hal = hal
        self._outbox = outbox
        self._link = link
        self._kind = kind
        self._ledger = ledger
        self._lag = lag
        self._desk = desk

    def news(self) -> tuple:
        """What the city hears of at once, not with the next message that is due."""
        dropped = [list(pair) for pair in self._outbox.dropped]
        return dropped, "" if self._desk is None else self._desk.error

    def message(self, dropped: list, next_in_ms: int) -> bytes:
        """``next_in_ms``: when to expect the next one."""
        at = self._hal.now_ms()
        state = {
            "at": at,
            "online": True,
            "next": at + next_in_ms,
            "firmware": VERSION,
            "boot": self._outbox.boot,
            "reset": self._hal.reset_cause(),
            "clock": self._hal.clock_source(),
            "outbox": self._outbox.id,
            "next_seq": self._outbox.next_seq,
            "oldest_seq": self._outbox.oldest_seq(),
            "outbox_depth": self._outbox.depth(),
            "dropped": dropped,
            "heap_free": self._hal.heap_free(),
            "connections": self._link.connections,
        }
        self._add_where_known(state)
        return contract.encode_state(state)

    def _add_where_known(self, state: dict) -> None:
        known = {
            "heap_block": self._hal.largest_block(),
            "signal_strength": self._hal.signal_strength(),
            "readings_refused": self.refused or None,
            "outbox_lost_bytes": self._outbox.lost_bytes or None,
            "error": self._link.error[:64] or None,
            "certificate_ends": self._link.certificate_ends_s * 1000 or None,
        }
        if self._desk is not None:
            known["commands_refused"] = self._desk.refused or None
            known["config"] = self._desk.number or None
            known["config_error"] = self._desk.error[:120] or None
        if self._lag is not None:
            known["loop_lag_ms"] = self._lag.worst_ms
            known["loop_blocked"] = self._lag.blocked
            known["loop_turns"] = self._lag.turns
        if self._ledger is not None:
            known.update(self._ledger.told(self._hal.monotonic_ms()))
        for name, count in self._kind.faults.items():
            known["fault_" + name] = count
        for key, value in known.items():
            if value is not None:
                state[key] = value

    def will(self) -> tuple:
        """(topic, payload)."""
        state = {"at": self._hal.now_ms(), "online": False, "outbox": self._outbox.id, "boot": self._outbox.boot}
        return self.topic, contract.encode_state(state)
