"""Which places, sensors and features are there, and what belongs to what? In memory, by number and by thing."""

from bisect import bisect_right
from collections.abc import Mapping
from operator import attrgetter
from typing import TypeVar

from collector.entities.records import Feature, HistoricalLocation, Location, Placed, Record, Sampled, Sensor

R = TypeVar("R", Location, HistoricalLocation, Sensor, Feature)
Numbers = dict[int, frozenset[int]]


class Catalog:
    """Changed by the one writer; every thread may ask."""

    def __init__(self) -> None:
        self._locations: dict[int, Location] = {}
        self._sensors: dict[int, Sensor] = {}
        self._features: dict[int, Feature] = {}
        self._history: dict[int, HistoricalLocation] = {}
        self._history_of: dict[int, tuple[HistoricalLocation, ...]] = {}  # thing -> in order of time
        self._history_at: Numbers = {}  # location -> historical locations
        self._own_sensor: dict[int, int] = {}  # thing -> sensor
        self._generated: dict[int, int] = {}  # location -> feature
        self._placed: dict[int, tuple[Placed, ...]] = {}  # thing -> in order of time
        self._placed_at: Numbers = {}  # feature -> things
        self._sampled: dict[tuple[int, int], Sampled] = {}
        self._sampled_of: dict[int, set[tuple[int, int]]] = {}  # feature -> observations

    # ---- one by its number --------------------------------------------------------------------------------------

    def location(self, number: int) -> Location | None:
        return self._locations.get(number)

    def sensor(self, number: int) -> Sensor | None:
        return self._sensors.get(number)

    def feature(self, number: int) -> Feature | None:
        return self._features.get(number)

    def historical_location(self, number: int) -> HistoricalLocation | None:
        return self._history.get(number)

    # ---- all, in order of their numbers -------------------------------------------------------------------------

    @property
    def locations(self) -> list[Location]:
        return _in_order(self._locations)

    @property
    def sensors(self) -> list[Sensor]:
        return _in_order(self._sensors)

    @property
    def features(self) -> list[Feature]:
        return _in_order(self._features)

    @property
    def historical_locations(self) -> list[HistoricalLocation]:
        return _in_order(self._history)

    # ---- what belongs to what -----------------------------------------------------------------------------------

    def history_of(self, thing: int) -> tuple[HistoricalLocation, ...]:
        """Where a thing was, the oldest first."""
        return self._history_of.get(thing, ())

    def history_at(self, location: int) -> list[HistoricalLocation]:
        """Who was there, and when, in order of their numbers."""
        return [self._history[number] for number in sorted(self._history_at.get(location, ()))]

    def own_sensor(self, thing: int) -> Sensor | None:
        """What a thing of the inventory is measured with while nobody says otherwise."""
        number = self._own_sensor.get(thing)
        return None if number is None else self._sensors.get(number)

    def generated(self, location: int) -> Feature | None:
        """The feature that was made of a place."""
        number = self._generated.get(location)
        return None if number is None else self._features.get(number)

    def placed(self, thing: int) -> tuple[Placed, ...]:
        """Which feature its observations are of, from when on."""
        return self._placed.get(thing, ())

    def feature_at(self, thing: int, at: int) -> Feature | None:
        """What the place of a thing was at an instant; before the first that is known, the first."""
        placed = self.placed(thing)
        if not placed:
            return None
        number = placed[max(0, bisect_right(placed, at, key=attrgetter("since")) - 1)].feature
        return None if number is None else self._features.get(number)

    def things_of_feature(self, feature: int) -> frozenset[int]:
        """Whose place it is, or was."""
        return self._placed_at.get(feature, frozenset())

    def sampled(self, datastream: int, at: int) -> Feature | None:
        """The feature of this one observation, where it is not the place of its thing."""
        found = self._sampled.get((datastream, at))
        return None if found is None else self._features.get(found.feature)

    def sampled_of(self, feature: int) -> set[tuple[int, int]]:
        """(datastream, at) of the observations that are said to be of this feature."""
        return self._sampled_of.get(feature, set()).copy()

    def samples_in(self, datastream: int) -> list[tuple[int, int]]:
        """(datastream, at) of those in one datastream."""
        return [one for one in list(self._sampled) if one[0] == datastream]

    @property
    def sampled_count(self) -> int:
        return len(self._sampled)

    # ---- the writer ---------------------------------------------------------------------------------------------

    def take(self, record: Record) -> None:
        """Keep a new record, or a new version of one."""
        match record:
            case Location():
                self._locations[record.id] = record
            case Sensor():
                self._sensors[record.id] = record
                if record.thing is not None:
                    self._own_sensor[record.thing] = record.id
            case Feature():
                if before := self._features.get(record.id):
                    self._forget_feature(before)
                self._features[record.id] = record
                if record.location is not None:
                    self._generated[record.location] = record.id
            case HistoricalLocation():
                self._take_history(record)
            case Placed():
                others = (one for one in self.placed(record.thing) if one.since != record.since)
                self._place(record.thing, tuple(sorted((*others, record), key=attrgetter("since"))))
            case Sampled():
                self._forget_sample(record)
                self._sampled[record[:2]] = record
                self._sampled_of.setdefault(record.feature, set()).add(record[:2])
            case _:
                raise TypeError(type(record).__name__)

    def forget(self, record: Record) -> None:
        match record:
            case Location():
                self._locations.pop(record.id, None)
            case Sensor():
                self._sensors.pop(record.id, None)
            case Feature():
                self._features.pop(record.id, None)
                self._forget_feature(record)
            case HistoricalLocation():
                self._forget_history(record.id)
            case Placed():
                self._place(record.thing, tuple(one for one in self.placed(record.thing) if one != record))
            case Sampled():
                self._forget_sample(record)
            case _:
                raise TypeError(type(record).__name__)

    def _take_history(self, record: HistoricalLocation) -> None:
        self._forget_history(record.id)
        self._history[record.id] = record
        of = (*self.history_of(record.thing), record)
        self._history_of[record.thing] = tuple(sorted(of, key=lambda one: (one.time, one.id)))
        for location in record.locations:
            _add(self._history_at, location, record.id)

    def _place(self, thing: int, placed: tuple[Placed, ...]) -> None:
        before = {one.feature for one in self.placed(thing) if one.feature is not None}
        after = {one.feature for one in placed if one.feature is not None}
        self._placed[thing] = placed
        for feature in before - after:
            self._placed_at[feature] = self._placed_at[feature] - {thing}
        for feature in after - before:
            _add(self._placed_at, feature, thing)

    def _forget_feature(self, feature: Feature) -> None:
        if feature.location is not None and self._generated.get(feature.location) == feature.id:
            del self._generated[feature.location]

    def _forget_history(self, number: int) -> None:
        known = self._history.pop(number, None)
        if known is not None:
            self._history_of[known.thing] = tuple(one for one in self.history_of(known.thing) if one.id != number)
            for location in known.locations:
                self._history_at[location] = self._history_at[location] - {number}

    def _forget_sample(self, record: Sampled) -> None:
        known = self._sampled.pop(record[:2], None)
        if known is not None:
            self._sampled_of[known.feature].discard(record[:2])


def _in_order(records: Mapping[int, R]) -> list[R]:
    return sorted(dict(records).values(), key=attrgetter("id"))


def _add(numbers: Numbers, key: int, number: int) -> None:
    numbers[key] = numbers.get(key, frozenset()) | {number}
