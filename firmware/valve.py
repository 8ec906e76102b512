"""Is the valve where it was told to be? It is looked at, moved, and brought to its safe state."""

from firmware.drivers.valve_feedback import CLOSED, CONTRADICTION, OPEN, UNKNOWN, seen_by_mv, seen_by_switches
from firmware.nodes import Sample

HOLD, MOVING, TIMED_OUT = "hold", "moving", "timed_out"
LOOK_MS = 100
BLIND_SAMPLES = 3  # without feedback, then it is lost


class Valve:
    """``parts`` has the wired inputs and outputs by name; ``hal`` gives the time."""

    def __init__(self, settings: dict, parts: dict, hal) -> None:
        self.period_ms = settings["period_ms"]
        self.faults = {}
        self._settings = settings
        self._parts = parts
        self._hal = hal
        self._told = None  # (state, position) of the last reading, and when
        self._told_ms = 0
        self._is_moving = False
        self._timed_out = False
        self._blind = 0
        self._heard_ms = hal.monotonic_ms()
        # What a loss of power left behind, nobody knows; a restart that we asked for has moved nothing.
        self._wants_safe = hal.reset_cause() != "soft"

    def contact(self) -> None:
        """The city has spoken."""
        self._heard_ms = self._hal.monotonic_ms()

    # ---- readings

    async def sample(self) -> list:
        state, position = await self._look()
        if not self._is_moving:
            await self._guard(state)
            state, position = await self._look()
        now = self._hal.monotonic_ms()
        has_changed = self._told is None or self._told[0] != state
        if not has_changed and now - self._told_ms < self._settings["heartbeat_ms"]:
            return []
        self._told, self._told_ms = (state, position), now
        values = {"valve_state": state}
        if position is not None:
            values["valve_position"] = position
        return [Sample(values, has_changed)]

    def keep(self, note: bytes) -> None:
        """A valve needs no memory: it is looked at."""

    async def _look(self) -> tuple:
        """(state, percent open or None)."""
        seen, position = await self._feedback()
        if self._is_moving:
            return MOVING, position
        if seen == CONTRADICTION:
            self._count("contradiction")
            return UNKNOWN, position
        return (TIMED_OUT if self._timed_out and seen not in (OPEN, CLOSED) else seen), position

    async def _feedback(self) -> tuple:
        settings, parts = self._settings, self._parts
        if "position" in parts:
            millivolts = await parts["position"].read_mv()
            return seen_by_mv(millivolts, settings["closed_mv"], settings["open_mv"], settings["tolerance"])
        return seen_by_switches(await parts["end_open"].read(), await parts["end_closed"].read())

    # ---- the safe state

    async def _guard(self, state: str) -> None:
        """Go to the safe state after a loss of power, of the feedback, or of the city."""
        self._blind = self._blind + 1 if state == UNKNOWN else 0
        is_alone = 0 < self._settings["safe_after_ms"] < self._hal.monotonic_ms() - self._heard_ms
        is_wanted = self._wants_safe or is_alone or self._blind == BLIND_SAMPLES
        self._wants_safe = False
        safe = self._settings["safe_state"]
        # A move that has failed is not tried again with every sample: only while the feedback says otherwise.
        if is_wanted and safe not in (HOLD, state) and state != TIMED_OUT:
            self._count("went_safe")
            await self._move(100 if safe == OPEN else 0)

    # ---- commands

    async def command(self, name: str, arguments: dict, _identifier: str = "") -> tuple:
        """``open``, ``close`` or ``set`` with ``position`` in percent: (status, values, reason)."""
        target = _target(name, arguments)
        reason = self._refusal(name, target)
        if not reason and await self._is_locked(target):
            reason = "interlock"
        if not reason and self._is_moving:
            reason = "moving already"
        if reason:
            return "refused", {}, reason
        await self._move(target)
        return await self.outcome(name, arguments)

    async def outcome(self, name: str, arguments: dict) -> tuple:
        """What became of a command that was taken on: asked of the valve itself, also after a restart."""
        target = _target(name, arguments)
        state, position = await self._look()
        values = {} if position is None else {"valve_position": position}
        if self._is_there(state, position, target):
            return "done", values, ""
        return "failed", values, "not reached within " + str(self._settings["travel_ms"]) + " ms: " + state

    def _refusal(self, name: str, target: int) -> str:
        if name not in ("open", "close", "set"):
            return "unknown command"
        if not 0 <= target <= 100:
            return "arguments.position: expected a whole number from 0 to 100"
        if target not in (0, 100) and not ("position" in self._parts and "relay_open" in self._parts):
            return "this valve knows open and closed only"
        return ""

    async def _is_locked(self, target: int) -> bool:
        lock, settings = self._parts.get("interlock"), self._settings
        if lock is None:
            return False
        level = await lock.read()
        if level is not None and level != settings["interlock_active"]:
            return False  # an interlock that can't be read forbids
        forbidden = settings["interlock_forbids"]
        return forbidden == "both" or (target > 0) == (forbidden == OPEN)

    # ---- moving

    async def _move(self, target: int) -> None:
        """Drive until it is there, or for ``travel_ms``; a valve that two relays move is stopped then."""
        self._is_moving, self._timed_out = True, False
        try:
            _, position = await self._feedback()
            await self._drive(target > (50 if position is None else position) or target == 100)
            begun = self._hal.monotonic_ms()
            while True:
                seen, position = await self._feedback()
                if self._is_there(seen, position, target):
                    break
                if self._hal.monotonic_ms() - begun > self._settings["travel_ms"] or seen == CONTRADICTION:
                    self._timed_out = True
                    self._count("timed_out")
                    break
                await self._hal.sleep_ms(LOOK_MS)
        finally:
            self._is_moving = False
            await self._stand()

    def _is_there(self, state: str, position: int | None, target: int) -> bool:
        if target in (0, 100):
            return state == (OPEN if target else CLOSED)
        return position is not None and abs(position - target) <= self._settings["tolerance"]

    async def _drive(self, towards_open: bool) -> None:
        if "relay" in self._parts:
            level = 1 if towards_open == (self._settings["energised"] == OPEN) else 0
            await self._set("relay", level)
            return
        off, on = ("relay_close", "relay_open") if towards_open else ("relay_open", "relay_close")
        await self._set(off, 0)
        await self._set(on, 1)

    async def _stand(self) -> None:
        """Two relays are released; a single one goes on holding the valve."""
        if "relay" not in self._parts:
            await self._set("relay_open", 0)
            await self._set("relay_close", 0)

    async def _set(self, name: str, level: int) -> None:
        if not await self._parts[name].write(level):
            self._count("relay")

    def _count(self, name: str) -> None:
        self.faults[name] = self.faults.get(name, 0) + 1


def _target(name: str, arguments: dict) -> int:
    """Percent open; -1 for what is none."""
    position = {"open": 100, "close": 0}.get(name, arguments.get("position"))
    return position if type(position) is int else -1
