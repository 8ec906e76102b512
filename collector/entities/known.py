"""Which things and datastreams are known, and what belongs to them? In memory, each found in one step."""

from collector.entities.catalog import Catalog
from collector.entities.records import Datastream, Record, Thing
from collector.observation import Series

Numbers = dict[int, frozenset[int]]


class Known:
    """Changed by the one writer; every thread may ask. What is replaced is never missing in between."""

    def __init__(self) -> None:
        self.catalog = Catalog()
        self._things: dict[str, Thing] = {}
        self._numbered: dict[int, Thing] = {}
        self._at: Numbers = {}  # location -> things
        self._datastreams: dict[int, Datastream] = {}
        self._series: dict[Series, Datastream] = {}
        self._by_thing: dict[str, tuple[Datastream, ...]] = {}
        self._measured_with: Numbers = {}  # sensor -> datastreams that say so

    @property
    def things(self) -> list[Thing]:
        """In order of their numbers."""
        return sorted(self._things.copy().values(), key=lambda one: one.number)

    def thing(self, identifier: str) -> Thing | None:
        return self._things.get(identifier)

    def thing_numbered(self, number: int) -> Thing | None:
        return self._numbered.get(number)

    def things_at(self, location: int) -> list[int]:
        """The numbers of the things that are there now."""
        return sorted(self._at.get(location, ()))

    @property
    def datastreams(self) -> list[Datastream]:
        """In order of their ids."""
        return sorted(self._datastreams.copy().values(), key=lambda one: one.id)

    def datastream(self, identifier: int) -> Datastream | None:
        return self._datastreams.get(identifier)

    def datastream_of(self, series: Series) -> Datastream | None:
        return self._series.get(series)

    def datastreams_of(self, identifier: str) -> tuple[Datastream, ...]:
        """The datastreams of one thing, in order of their ids."""
        return self._by_thing.get(identifier, ())

    def measured_with(self, sensor: int) -> list[int]:
        """The datastreams of a sensor that is not their thing's own."""
        return sorted(self._measured_with.get(sensor, ()))

    # ---- the writer -------------------------------------------------------------------------------------------------

    def take(self, record: Record) -> None:
        """Keep a new record, or a new version of one."""
        match record:
            case Thing():
                before = self._numbered.get(record.number)
                self._things[record.id] = record
                self._numbered[record.number] = record
                _move(self._at, before.locations if before else (), record.locations, record.number)
            case Datastream():
                self._take_datastream(record)
            case _:
                self.catalog.take(record)

    def forget(self, record: Record) -> None:
        match record:
            case Thing():
                del self._things[record.id], self._numbered[record.number]
                _move(self._at, record.locations, (), record.number)
            case Datastream(number, series):
                del self._datastreams[number], self._series[series]
                self._by_thing[series.thing] = tuple(
                    one for one in self.datastreams_of(series.thing) if one.id != number
                )
                _move(self._measured_with, _sensors(record), (), number)
            case _:
                self.catalog.forget(record)

    def _take_datastream(self, one: Datastream) -> None:
        before = self._datastreams.get(one.id)
        of = self.datastreams_of(one.series.thing)
        if before is None:
            of = (*of, one) if not of or of[-1].id < one.id else tuple(sorted((*of, one), key=lambda each: each.id))
        else:
            of = tuple(one if each.id == one.id else each for each in of)
        self._by_thing[one.series.thing] = of
        self._datastreams[one.id] = one
        self._series[one.series] = one
        _move(self._measured_with, _sensors(before), _sensors(one), one.id)


def _sensors(stream: Datastream | None) -> tuple[int, ...]:
    return () if stream is None or stream.told.sensor is None else (stream.told.sensor,)


def _move(numbers: Numbers, before: tuple[int, ...], after: tuple[int, ...], number: int) -> None:
    for key in before:
        if key not in after:
            numbers[key] = numbers[key] - {number}
    for key in after:
        if key not in before:
            numbers[key] = numbers.get(key, frozenset()) | {number}
