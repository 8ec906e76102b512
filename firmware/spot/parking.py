"""Is a parking spot taken, by all that its sensors say? What is published of it, when, and what survives a restart."""

import struct

from firmware.drivers import DriverError
from firmware.nodes import Sample
from firmware.spot.occupancy import FREE, UNKNOWN, Occupancy, combined

_NOTE = "<BI"  # version, number of the last relearning; then the baseline
_VERSION = 1
_DOZE = "<BBBIIIB"  # state, candidate, times, doubt, ms without a reading, period, what sensors said; then a note
_WORDS = (UNKNOWN, FREE, "occupied")


class Parking:
    """``sensors``: name -> one of firmware.spot; ``magnetic``: the one that learns, if there is one."""

    def __init__(self, sensors: dict, magnetic, settings: dict, monotonic_ms, note: bytes) -> None:
        self.period_ms = self._calm_ms = settings["period_ms"]
        self._recheck_ms = min(settings["recheck_ms"], self._calm_ms)
        self.faults = {}
        self._sensors = sensors
        self._magnetic = magnetic
        self._heartbeat_ms = settings["heartbeat_ms"]
        self._relearn = settings["relearn"]
        self._monotonic_ms = monotonic_ms
        self._occupancy = Occupancy(settings["debounce"], settings["unknown_after_ms"])
        self._last_ms = None  # of the sample before
        self._quiet_ms = 0  # since the last reading
        self._take(note)

    async def sample(self) -> list:
        now = self._monotonic_ms()
        elapsed = 0 if self._last_ms is None else now - self._last_ms
        self._last_ms = now
        self._quiet_ms += elapsed
        values, evidence, quality = {}, [], {}
        for name, sensor in self._sensors.items():
            try:
                evidence.append((sensor.weight, await sensor.look(values)))
            except DriverError as error:
                self._fault(name, str(error))
                continue
            for quantity in sensor.suspect:
                quality[quantity] = "suspect"
        changed = self._occupancy.judge(evidence, elapsed)
        self.period_ms = self._calm_ms if self._occupancy.is_settled else self._recheck_ms
        if self._magnetic is not None:
            self._magnetic.learn(self._is_free(self._magnetic), elapsed)
        if self._contradict(evidence):
            quality["occupancy"] = "suspect"
            self._fault("sensors", "disagree")
        if not changed and not (values and self._is_due()):
            return []
        self._quiet_ms = 0
        values["occupancy"] = self._occupancy.state
        return [Sample(values, changed, self._note(), quality=quality)]

    def _is_due(self) -> bool:
        return self._quiet_ms >= self._heartbeat_ms or self._heartbeat_ms <= self._calm_ms

    def _is_free(self, magnetic) -> bool:
        """Whether what the magnetometer sees now is the empty spot: on its own word only to begin with."""
        alone = len(self._sensors) == 1 and magnetic.baseline.field is None
        return alone or self._occupancy.state == FREE

    def _contradict(self, evidence: list) -> bool:
        return combined(evidence) == UNKNOWN and not all(says == UNKNOWN for _weight, says in evidence)

    def _fault(self, sensor: str, name: str) -> None:
        if len(self._sensors) > 1:
            name = sensor + "_" + name
        self.faults[name] = self.faults.get(name, 0) + 1

    # ---- what survives

    def keep(self, note: bytes) -> None:
        """The baseline is durable; nothing waits for it."""

    def _note(self) -> bytes:
        learnt = b"" if self._magnetic is None else self._magnetic.baseline.remember()
        return struct.pack(_NOTE, _VERSION, self._relearn) + learnt

    def _take(self, note: bytes) -> None:
        start = struct.calcsize(_NOTE)
        if self._magnetic is None or len(note) != start + self._magnetic.baseline.SIZE or note[0] != _VERSION:
            return
        if struct.unpack(_NOTE, note[:start])[1] == self._relearn:
            self._magnetic.baseline.recall(note[start:])

    def remember(self) -> bytes:
        """What a board that sleeps between samples keeps in the memory that deep sleep does not clear."""
        state, candidate, times, doubt_ms = self._occupancy.remember()
        said = 0
        for sensor in self._sensors.values():
            said = said * 3 + _WORDS.index(sensor.says)
        doze = struct.pack(_DOZE, state, candidate, times, doubt_ms, self._quiet_ms, self.period_ms, said)
        return doze + self._note()

    def recall(self, octets: bytes) -> None:
        """Go on from ``remember``, one of its periods later."""
        start = struct.calcsize(_DOZE)
        if len(octets) < start:
            return
        state, candidate, times, doubt_ms, self._quiet_ms, self.period_ms, said = struct.unpack(_DOZE, octets[:start])
        self._occupancy.recall(state, candidate, times, doubt_ms)
        for sensor in reversed(list(self._sensors.values())):
            sensor.says = _WORDS[said % 3]
            said //= 3
        self._take(octets[start:])
        self._last_ms = self._monotonic_ms() - self.period_ms
