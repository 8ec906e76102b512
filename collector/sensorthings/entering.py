"""How does an observation come in over HTTP? As a reading of the contract, checked before anything is written."""

from typing import Any

from collector.entities.records import Datastream, Feature, Sampled, Thing
from collector.messages.decode import Reading, reading_of
from collector.observation import observation_id
from collector.refusals import AskedWrongError, ConflictError
from collector.sensorthings.bodies import Body
from collector.sensorthings.literals import Interval, read_instant, read_interval
from collector.sensorthings.work import Entered, Work
from firmware.contract import QUALITIES, ContractError

MOST_SAMPLED = 100_000
"""Observations of features that are not the place of their thing: they are held in memory."""


def enter(work: Work, stream: Datastream, thing: Thing, body: Body, feature: Feature | None) -> str:
    """Take an observation up for storing; return its id. Raise AskedWrongError naming the property."""
    reading = read_observation(stream, body, work.now)
    if reason := work.why_not(reading, work.now):
        raise AskedWrongError(f"{body.path}phenomenonTime: {reason}")
    work.entered.append(Entered(stream, reading, body.path))
    if feature is not None:
        _sample(work, Sampled(stream.id, reading.at, feature.id), thing)
    return observation_id(stream.id, reading.at)


def _sample(work: Work, sample: Sampled, thing: Thing) -> None:
    """Remember what the observation is of, where that does not follow from the place of its thing."""
    catalog = work.known.catalog
    known = catalog.sampled(sample.datastream, sample.at) or catalog.feature_at(thing.number, sample.at)
    if known is not None and known.id == sample.feature:
        return
    if catalog.sampled_count + len(work.change.of(Sampled)) >= MOST_SAMPLED:
        raise ConflictError(f"FeatureOfInterest: at most {MOST_SAMPLED} observations are of another than their thing's")
    work.change.put(sample)


def read_observation(stream: Datastream, body: Body, now: int) -> Reading:
    """The observation as the reading that a publisher would send; raise AskedWrongError."""
    path, told, series = body.path, body.properties, stream.series
    check_result_time(path, told.get("resultTime"))
    plain: dict[str, Any] = {
        "thing": series.thing,
        "at": _end(f"{path}phenomenonTime", told["phenomenonTime"], series.period) if "phenomenonTime" in told else now,
        "values": {series.quantity: told["result"]},
    }
    if series.period:
        plain["period"] = series.period
    quality = told.get("resultQuality", "valid")
    if quality != "valid":
        if quality not in QUALITIES:
            raise AskedWrongError(f"{path}resultQuality: expected one of valid {' '.join(QUALITIES)}")
        plain["quality"] = {series.quantity: quality}
    for key, value in told.get("parameters", {}).items():
        if key == "censored":
            plain["censored"] = {series.quantity: value}
        elif key == "source":
            plain["source"] = value
        else:
            raise AskedWrongError(f"{path}parameters.{key[:64]}: an observation has censored and source")
    try:
        return reading_of(plain)
    except ContractError as error:
        raise AskedWrongError(f"{path}{_named(str(error), series.quantity)}") from None


def check_result_time(path: str, value: Any) -> None:
    """It is checked and not kept: a result is known since the city has it."""
    if value is not None:
        if not isinstance(value, str):
            raise AskedWrongError(f"{path}resultTime: expected a time or null")
        read_instant(value)


def _end(path: str, text: str, period: int) -> int:
    """The end of the measurement, ms UTC: of a period its end, written alone or with its begin."""
    try:
        time = read_interval(text) if "/" in text else read_instant(text)
    except (AskedWrongError, ValueError) as error:
        raise AskedWrongError(f"{path}: {error}") from None
    if isinstance(time, Interval):
        if round(time.end) - round(time.begin) != period:
            expected = f"an interval of {period} ms" if period else "an instant"
            raise AskedWrongError(f"{path}: this datastream has {expected}")
        return round(time.end)
    return round(time.ms)


def _named(text: str, quantity: str) -> str:
    """The contract's words for a reading, as words for an observation."""
    for theirs, ours in (
        (f"reading.values.{quantity}", "result"),
        (f"reading.quality.{quantity}", "resultQuality"),
        (f"reading.censored.{quantity}", "parameters.censored"),
        ("reading.source", "parameters.source"),
        ("reading.at", "phenomenonTime"),
    ):
        text = text.replace(theirs, ours)
    return text
