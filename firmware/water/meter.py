"""How much water has gone through a meter? Pulses are counted once each, whatever dies in between.

Totals, the number of the next edge and all that the flags need are one note. It becomes durable in the same write as
the reading, and only then does the node ask for later edges. A node that dies before the write counts the same edges
again from the old note. So nothing is lost where the input goes on recording while the node is dead. Where it does not
(``outlives_reset`` is false: an ESP32's interrupt), at most the pulses since the last reading (one ``period_ms``) and
those of the restart itself are, and ``pulse_epoch`` counts it.
"""

from firmware.drivers import DriverError
from firmware.drivers.reed_contact import settle
from firmware.nodes import Sample
from firmware.water.leak import LOST, TAMPER, Leak, burst_limit
from firmware.water.memory import WaterMemory

TIMEOUT_MS = 3000
_DRIFT = 1000  # one part in so many, of the two clocks
_STEP_MS = 3600000  # so far apart, the clock was set
_BACKLOG = 64  # edges in one answer: there are more, and its clock is not the present


class Water:
    """``wires``: pulses, and where wired reverse, tamper, pressure. ``now_ms`` may give None."""

    def __init__(self, wires: dict, settings: dict, now_ms, note: bytes) -> None:
        self.period_ms = self._period_ms = settings["period_ms"]
        self.faults = {}
        self._wires = wires
        self._settings = settings
        self._litres = settings["litres_per_pulse"]
        self._burst_limit = burst_limit(settings["burst_flow"], settings["burst_ms"], self._litres)
        self._now_ms = now_ms
        self._note = note
        # An input that died with the node begins again at the edge that it is asked for, and says nothing of a loss.
        self._forgot = bool(note) and not getattr(wires["pulses"], "outlives_reset", False)

    async def sample(self) -> list:
        memory = WaterMemory(self._note, Leak(self._settings, self._burst_limit))
        total, watched = memory.total, memory.watched_us
        try:
            nights, lost = await self._read(memory)
        except DriverError as error:
            self._fault(str(error))
            return []
        values = self._counts(memory)
        if not lost and not memory.is_new and memory.watched_us > watched:
            values["water_flow"] = self._flow(memory.total - total, memory.watched_us - watched)
        flags = memory.leak.flags(memory.watched_us) | (LOST if lost else 0) | await self._tampered()
        is_urgent = bool(flags & ~memory.flags)
        values["water_flags"] = memory.flags = flags
        await self._add_pressure(values)
        note = memory.pack()
        samples = [Sample({"night_flow": self._volume(least)}, False, note, period) for least, period in nights]
        return samples + [Sample(values, is_urgent, note)]

    def keep(self, note: bytes) -> None:
        """``note`` is durable: from here on, later edges may be asked for."""
        self._note = note
        self._forgot = False

    # ---- pulses

    async def _read(self, memory: WaterMemory) -> tuple:
        """Count into ``memory``; return (results of nights, whether pulses may have been lost). Raises DriverError."""
        first, now_us, edges = await self._since("pulses", memory.edge)
        lost = self._forgot or first != memory.edge or now_us < memory.watched_us
        changes, consumed = settle(edges, now_us, memory.is_low)
        backwards = await self._read_reverse(memory)
        if lost:
            self._fault("edges_lost")
            memory.epoch += 1
            memory.leak.restart(now_us)
            memory.night.lose()
        self.period_ms = 1 if len(edges) >= _BACKLOG else self._period_ms
        if len(edges) < _BACKLOG or not memory.offset_ms:
            self._set_offset(memory, now_us)
        pulses = [us for us, is_low, _consumed in changes if is_low]
        memory.leak.balance(len(pulses), backwards)
        if edges:
            memory.leak.edge(edges[-1][0])
        memory.total += len(pulses)
        memory.edge, memory.watched_us = first + consumed, now_us
        if changes:
            memory.is_low = changes[-1][1]
        return self._follow(memory, pulses, now_us), lost

    def _set_offset(self, memory: WaterMemory, now_us: int) -> None:
        """From the input's clock to UTC. An answer comes late and never early: only drift and steps make it more."""
        now = self._now_ms()
        if now is None:
            return
        found = now - now_us // 1000
        late = found - memory.offset_ms
        if memory.offset_ms and 0 < late < _STEP_MS:
            memory.offset_ms += min(late, max(now_us - memory.watched_us, 0) // 1000 // _DRIFT)
        else:
            memory.offset_ms = found

    def _follow(self, memory: WaterMemory, pulses: list, now_us: int) -> list:
        """Each pulse at its own time; return the results of the nights that ended."""
        results = []
        for us in pulses:
            memory.leak.pulse(us)
            if memory.offset_ms:
                results.append(memory.night.pulse(memory.offset_ms + us // 1000))
        if memory.offset_ms:
            results.append(memory.night.watch(memory.offset_ms + now_us // 1000))
        return [result for result in results if result is not None]

    async def _read_reverse(self, memory: WaterMemory) -> int:
        """Pulses of the second channel, which a meter gives only while water flows backwards."""
        if "reverse" not in self._wires:
            return 0
        first, now_us, edges = await self._since("reverse", memory.reverse_edge)
        changes, consumed = settle(edges, now_us, memory.reverse_is_low)
        pulses = sum([is_low for _us, is_low, _consumed in changes])
        memory.reverse_total += pulses
        memory.reverse_edge = first + consumed
        if changes:
            memory.reverse_is_low = changes[-1][1]
        return pulses

    async def _since(self, name: str, edge: int) -> tuple:
        answer = await self._wires[name].since(edge, TIMEOUT_MS)
        if answer is None:
            raise DriverError("no_answer" if name == "pulses" else name + "_no_answer")
        return answer

    # ---- values

    def _volume(self, pulses: int) -> tuple:
        """In m3, exactly; in an hour: m3/h."""
        litres, exponent = self._litres
        return pulses * litres, exponent - 3

    def _flow(self, pulses: int, elapsed_us: int) -> tuple:
        """m3/h in thousandths of a pulse's last digit."""
        litres, exponent = self._litres
        return pulses * litres * 3600000000 // elapsed_us, exponent - 3

    def _counts(self, memory: WaterMemory) -> dict:
        values = {"water_volume": self._volume(memory.total), "pulse_epoch": memory.epoch}
        if "reverse" in self._wires:
            values["water_volume.reverse"] = self._volume(memory.reverse_total)
        return values

    async def _tampered(self) -> int:
        if "tamper" not in self._wires:
            return 0
        level = await self._wires["tamper"].read()
        if level is None:
            self._fault("tamper_no_answer")
        return TAMPER if level == self._settings["tamper_level"] else 0

    async def _add_pressure(self, values: dict) -> None:
        if "pressure" not in self._wires:
            return
        from firmware.drivers.pressure import pressure_mbar

        voltage = await self._wires["pressure"].read_mv()
        try:
            mbar = pressure_mbar(voltage, self._settings["pressure_mv"], self._settings["pressure_mbar"])
        except DriverError as error:
            self._fault("pressure_" + str(error))
            return
        values["pressure"] = (mbar, -3)

    def _fault(self, name: str) -> None:
        self.faults[name] = self.faults.get(name, 0) + 1
