"""What was told of a household's things over HTTP, and goes when the household is erased?"""

from collections.abc import Iterable
from dataclasses import replace

from collector.entities.change import Change
from collector.entities.known import Known
from collector.entities.records import NOTHING_TOLD, Sampled


def forget_told(known: Known, change: Change, things: Iterable[str], before: int) -> None:
    """Put into the change these things without descriptions and properties, and without samples before ``before``.

    Numbers, names and places stay, as those of the inventory do.
    """
    for thing in filter(None, map(known.thing, things)):
        change.put(replace(thing, description="", properties={}))
        sensor = known.catalog.own_sensor(thing.number)
        if sensor:
            change.put(replace(sensor, description="", properties={}))
        for stream in known.datastreams_of(thing.id):
            change.put(replace(stream, told=replace(NOTHING_TOLD, sensor=stream.told.sensor)))
            for number, at in known.catalog.samples_in(stream.id):
                feature = known.catalog.sampled(number, at)
                if feature and at < before:
                    change.drop(Sampled(number, at, feature.id))
