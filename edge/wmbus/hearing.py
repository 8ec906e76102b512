"""Which radio telegrams are readings of our meters? Repetitions, strangers and what can't be opened are counted.

Pure: the caller brings what was received and the time. Liveness is telegrams per hour: a dongle that hangs says
nothing, and its process is up all the same.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import NamedTuple

from edge import profile
from edge.config import RadioMeter
from edge.errors import DeviceError
from edge.keys import Keys
from edge.mbus.model import MbusProfile
from edge.mbus.quantity import Values, state_of, values_of
from edge.mbus.telegram import Telegram
from edge.wmbus import frame
from edge.wmbus.receivers import Received
from edge.wmbus.telegram import Heard, Listener, unrepeated

_REMEMBERED = 10_000  # telegrams that a repetition is compared with
_HOUR = 3600.0  # s
# s in which the same telegram is a repetition. The access number is back after 256 telegrams, and an index that stands
# still then makes the same bytes: that is a reading.
_REPEATED_WITHIN = 300.0


class Reading(NamedTuple):
    """What one of our meters said."""

    thing: str
    values: Values


def quantities(telegram: Telegram, meter: RadioMeter) -> Values:
    """What a telegram of this meter says, by the meter's own profile or by the one that fits its header."""
    model = profile.load(meter.profile) if meter.profile else profile.found(telegram)
    return values_of([telegram], profile.rules(model if isinstance(model, MbusProfile) else None))


class Hearing:
    """What one receiver hears. Times are seconds of any clock that never steps back."""

    def __init__(self, meters: Iterable[RadioMeter], keys: Keys, silent_after: float, now: float) -> None:
        self.counts: Counter[str] = Counter()
        """telegrams, repeated, broken, unlisted, no_key, wrong_key, repeated_counter, unknown_format, unknown_mode,
        without_values, kept."""
        self.reasons: OrderedDict[str, str] = OrderedDict()
        """Thing -> why its last telegram gave nothing."""
        self._meters: Mapping[str, RadioMeter] = {meter.identification: meter for meter in meters}
        self._listener = Listener(keys)
        self._seen: OrderedDict[bytes, float] = OrderedDict()
        self._silent_after = silent_after
        self._times: deque[float] = deque()
        self._last = now

    def take(self, received: Received, now: float) -> Reading | None:
        """The reading, when this is a new telegram of a meter of ours that could be opened."""
        try:
            link = frame.decode(received.octets)
        except DeviceError:
            self.counts["broken"] += 1
            return None
        self._times.append(now)
        self._last = now
        self.counts["telegrams"] += 1
        if self._is_repeated(link.address + unrepeated(link.payload), now):
            self.counts["repeated"] += 1
            return None
        try:
            heard = self._listener.hear(link)
        except DeviceError as error:
            self._failed(link.identification, "broken", str(error))
            return None
        meter = self._meters.get(heard.telegram.identification)
        if meter is None or meter.manufacturer not in (None, heard.telegram.manufacturer):
            self.counts["unlisted"] += 1
            return None
        return self._reading(meter, heard, received.dbm)

    def telegrams_per_hour(self, now: float) -> int:
        while self._times and self._times[0] < now - _HOUR:
            self._times.popleft()
        return len(self._times)

    def is_silent(self, now: float) -> bool:
        """Whether nothing at all was heard for too long."""
        return now - self._last > self._silent_after

    def _reading(self, meter: RadioMeter, heard: Heard, dbm: int | None) -> Reading | None:
        if heard.state not in ("open", "decrypted"):
            self._failed(meter.identification, heard.state, heard.state.replace("_", " "))
            return None
        values = quantities(heard.telegram, meter)
        if not values:
            self._failed(meter.identification, "without_values", "no record that is a quantity of the city")
            return None
        self.counts["kept"] += 1
        self.reasons.pop(meter.thing, None)
        strength: Values = {} if dbm is None else {"signal_strength": (dbm, 0)}
        return Reading(meter.thing, values | state_of([heard.telegram]) | strength)

    def _failed(self, identification: str, count: str, reason: str) -> None:
        self.counts[count] += 1
        if identification in self._meters:
            self.reasons[self._meters[identification].thing] = reason

    def _is_repeated(self, octets: bytes, now: float) -> bool:
        """Repeaters and a second receiver bring the same telegram: sender, access number and payload are the same."""
        digest = blake2b(octets, digest_size=16).digest()
        while self._seen and next(iter(self._seen.values())) <= now - _REPEATED_WITHIN:
            self._seen.popitem(last=False)
        if digest in self._seen:
            return True
        self._seen[digest] = now
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return False
