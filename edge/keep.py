"""What becomes of a readout? It is stamped, put into the lane it deserves, and kept before the line goes on."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from edge.config import Alarm
from edge.errors import DeviceError
from edge.mbus.quantity import Values
from edge.outbox import NORMAL, URGENT, Outbox
from firmware.contract import ContractError
from firmware.quantities import CODES

log = logging.getLogger(__name__)


def now_ms() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


class Stamps:
    """When a readout ended, never the same instant twice for one thing; ``last`` is what was given before the start."""

    def __init__(self, clock: Callable[[], int] = now_ms, last: Mapping[str, int] | None = None) -> None:
        self._clock = clock
        self._last = dict(last or {})

    def stamp(self, thing: str) -> int:
        """The time now; a clock that stepped back yields the last stamp + 1 ms."""
        at = max(self._clock(), self._last.get(thing, 0) + 1)
        self._last[thing] = at
        return at


class Urgency:
    """Which readouts overtake a backlog: a code that changed, and an alarm that came or went."""

    def __init__(self, alarms: Mapping[str, Iterable[Alarm]] | None = None) -> None:
        self._alarms = {thing: list(rows) for thing, rows in (alarms or {}).items()}
        self._known: dict[str, dict[str, object]] = {}

    def replace(self, alarms: Mapping[str, Iterable[Alarm]]) -> None:
        """These are the alarms now."""
        self._alarms = {thing: list(rows) for thing, rows in alarms.items()}

    def lane(self, thing: str, values: Values) -> int:
        """URGENT when something turned since the last readout; the first one is, if it is not well."""
        found: dict[str, object] = {key: values[key] for key in values if key.split(".")[0] in CODES}
        for alarm in self._alarms.get(thing, ()):
            value = values.get(alarm.quantity)
            if isinstance(value, tuple):
                found[f"alarm {alarm}"] = alarm.is_raised(Decimal(value[0]).scaleb(value[1]))
        known = self._known.get(thing, {"status_code": "ok"})
        turned = any(known.get(key, False) != state for key, state in found.items() if key in known or state is True)
        self._known[thing] = {**known, **found}
        return URGENT if turned else NORMAL


class Keeper:
    """Puts readouts into the outbox and tells whoever publishes."""

    def __init__(
        self, outbox: Outbox, wake: Callable[[], None], stamps: Stamps, urgency: Urgency | None = None
    ) -> None:
        self._outbox = outbox
        self._wake = wake
        self._stamps = stamps
        self._urgency = urgency or Urgency()

    def keep(self, thing: str, values: Values, source: str = "") -> None:
        """Stamp and append: called after a meter's last answer and before the line's next question.

        ``source`` names the meter itself, where it does: another one after an exchange.
        """
        reading: dict[str, Any] = {"thing": thing, "at": self._stamps.stamp(thing), "values": values}
        if source:
            reading["source"] = source
        try:
            seq = self._outbox.append([reading], self._urgency.lane(thing, values))
        except ContractError as error:
            raise DeviceError(str(error)) from error
        if seq is None:
            log.error("%s: the disk is full, the reading is counted as dropped", thing)
        self._wake()
