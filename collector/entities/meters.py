"""What is known of the meters, by meters.toml: how much may pass, where does an index turn over, was one exchanged?"""

import logging
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, NamedTuple, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from collector.analysis.counters import Exchange, Meter
from collector.analysis.windows import AFTER
from collector.entities.inventory import ConfigError, Id, first_error, read_toml
from collector.health import Health
from collector.observation import Series, kind_of

log = logging.getLogger("collector.meters")

_MINUTE = 60_000
_ANYTHING = Fraction(10**15)  # per hour: more than the contract lets an index show

Amount = Annotated[Decimal, Field(ge=0, allow_inf_nan=False, max_digits=30)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ExchangeEntry(_Strict):
    """As the fitter wrote it down."""

    at: AwareDatetime
    final: Amount
    """What the old meter showed."""
    initial: Amount
    """What the new meter showed."""

    def exchange(self) -> Exchange:
        return Exchange(_ms(self.at), Fraction(self.final), Fraction(self.initial))

    @field_validator("at")
    @classmethod
    def _is_in_range(cls, at: AwareDatetime) -> AwareDatetime:
        if not 0 <= _ms(at) < AFTER:
            raise ValueError("expected a time from 1970 on")
        return at


class MeterEntry(_Strict):
    """In the unit of the quantity."""

    thing: Id
    quantity: str
    most_per_hour: Annotated[Decimal, Field(gt=0, allow_inf_nan=False)] | None = None
    """More cannot pass: for water Q4, the overload flow rate of EN ISO 4064-1."""
    modulus: Annotated[Decimal, Field(gt=0, allow_inf_nan=False)] | None = None
    """What shows as 0: 100000 where 99999.999 is the highest index."""
    most_back_per_hour: Amount = Decimal(0)
    """Of a meter that subtracts reverse flow."""
    interval_minutes: Annotated[int, Field(ge=1, le=60 * 24 * 366)] = 60
    """Between readings by agreement: what passed in more than twice as much is estimated."""
    exchange: tuple[ExchangeEntry, ...] = ()

    @field_validator("quantity")
    @classmethod
    def _is_an_index(cls, quantity: str) -> str:
        if kind_of(quantity).kind != "counter":
            raise ValueError(f"expected a counter, as water_volume; {quantity} is none")
        return quantity

    def known(self) -> "Known":
        most = _ANYTHING if self.most_per_hour is None else Fraction(self.most_per_hour)
        modulus = None if self.modulus is None else Fraction(self.modulus)
        meter = Meter(most, modulus, Fraction(self.most_back_per_hour), self.interval_minutes * _MINUTE)
        return Known(meter, tuple(sorted(one.exchange() for one in self.exchange)))


class _File(_Strict):
    meter: tuple[MeterEntry, ...] = ()

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        seen: set[tuple[str, str]] = set()
        for place, one in enumerate(self.meter):
            if (one.thing, one.quantity) in seen:
                raise ValueError(f"meter.{place}: {one.quantity} of {one.thing} stands here twice")
            seen.add((one.thing, one.quantity))
        return self


class Known(NamedTuple):
    """Of one index."""

    meter: Meter
    exchanges: tuple[Exchange, ...] = ()


UNKNOWN = Known(Meter(_ANYTHING))
"""Of an index that stands in no file: whatever it shows is taken as read, and a fall is a reset."""


def load_meters(file: Path) -> Mapping[tuple[str, str], Known]:
    """By thing and quantity. Raises ConfigError naming file and key: ``meters.toml: meter.0.quantity: …``."""
    try:
        entries: Iterable[MeterEntry] = _File.model_validate(read_toml(file)).meter
    except ValidationError as error:
        raise ConfigError(first_error(file, error)) from None
    return {(one.thing, one.quantity): one.known() for one in entries}


class Meters:
    """The file as it stands: read again after it has changed, for a fitter exchanges meters every day."""

    def __init__(self, file: Path | None = None) -> None:
        """Raises ConfigError."""
        self._file = file
        self._signature = self._look()
        self._known = load_meters(file) if file else {}

    def refresh(self, health: Health) -> None:
        """A file that cannot be used is refused, and the one before is still used; /health says so under ``meters``."""
        if self._file is None or (signature := self._look()) == self._signature:
            return
        self._signature = signature
        try:
            self._known = load_meters(self._file)
        except ConfigError as error:
            health.ails("meters", f"refused, the ones before are still used: {error}")
            log.warning("meters refused, the ones before are still used: %s", error)
        else:
            health.well("meters")

    def of(self, series: Series) -> Known:
        return self._known.get((series.thing, series.quantity), UNKNOWN)

    def _look(self) -> tuple[int, ...] | None:
        try:
            found = self._file.stat() if self._file else None
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_size, found.st_ino) if found else None


def _ms(at: AwareDatetime) -> int:
    return int(at.timestamp() * 1000)
