"""What did this node spend its battery on? Milliseconds awake, with the radio on and with the sensor on.

A ledger counts over deep sleeps: it lives in the memory of the real-time clock and goes out with the state. What a
millisecond costs stands in ``hil_tests/currents.toml``.
"""

AWAKE, RADIO, SENSOR = "awake_ms", "radio_ms", "sensor_ms"


class Ledger:
    """``totals`` is what the last wake kept, or None."""

    def __init__(self, now: int, totals: list | None = None) -> None:
        self.wakes = totals[3] + 1 if totals else 1
        self._spent = {AWAKE: totals[0], RADIO: totals[1], SENSOR: totals[2]} if totals else {}
        self._since = {AWAKE: now}

    def on(self, what: str, now: int) -> None:
        self._since.setdefault(what, now)

    def off(self, what: str, now: int) -> None:
        begun = self._since.pop(what, None)
        if begun is not None:
            self._spent[what] = self._spent.get(what, 0) + now - begun

    def spent(self, what: str, now: int) -> int:
        """Milliseconds, with those of what is still on."""
        return self._spent.get(what, 0) + (now - self._since[what] if what in self._since else 0)

    def told(self, now: int) -> dict:
        """For the state message."""
        told = {what: self.spent(what, now) for what in (AWAKE, RADIO, SENSOR)}
        told["wakes"] = self.wakes
        return told

    def sensor_on(self, now: int) -> None:
        self.on(SENSOR, now)

    def sensor_off(self, now: int) -> None:
        self.off(SENSOR, now)

    def totals(self, now: int) -> list:
        """What the next wake must be given."""
        return [self.spent(AWAKE, now), self.spent(RADIO, now), self.spent(SENSOR, now), self.wakes]
