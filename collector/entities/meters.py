"""What is known of the meters, by meters.toml: how much may pass, where does an index turn over, was one exchanged?"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from collector.analysis.counters import Exchange, Meter
from collector.analysis.windows import AFTER, HOUR
from collector.entities.inventory import ConfigError, Id, first_error, read_toml
from collector.observation import Series, kind_of

_MINUTE = 60_000
_DAY = 24 * HOUR


def _is_number(given: Any) -> Any:
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise ValueError("expected a number")  # noqa: TRY004  # pydantic turns this one into its own
    return given


Amount = Annotated[Decimal, BeforeValidator(_is_number), Field(ge=0, allow_inf_nan=False, max_digits=30)]
Most = Annotated[Decimal, BeforeValidator(_is_number), Field(gt=0, allow_inf_nan=False, max_digits=30)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ExchangeEntry(_Strict):
    """As the fitter wrote it down."""

    at: Annotated[AwareDatetime, Field(strict=True)]
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
    most_per_hour: Most | None = None
    """More cannot pass: for water Q4, the overload flow rate of EN ISO 4064-1."""
    modulus: Most | None = None
    """What shows as 0: 100000 where 99999.999 is the highest index."""
    most_back_per_hour: Amount = Decimal(0)
    """Of a meter that subtracts reverse flow."""
    interval_minutes: Annotated[int, Field(strict=True, ge=1, le=60 * 24 * 366)] = 60 * 24
    """Between readings by agreement: what passed in more than twice as much is estimated."""
    exchange: tuple[ExchangeEntry, ...] = ()

    @field_validator("quantity")
    @classmethod
    def _is_an_index(cls, quantity: str) -> str:
        if kind_of(quantity).kind != "counter":
            raise ValueError(f"expected a counter, as water_volume; {quantity} is none")
        return quantity

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.modulus is not None and self.most_per_hour is None:
            raise ValueError("modulus: means nothing without most_per_hour: every litre backwards would be a roll-over")
        if len({one.at for one in self.exchange}) < len(self.exchange):
            raise ValueError("exchange: two at the same time")
        return self

    def known(self) -> "Known":
        most = None if self.most_per_hour is None else Fraction(self.most_per_hour)
        modulus = None if self.modulus is None else Fraction(self.modulus)
        meter = Meter(most, modulus, Fraction(self.most_back_per_hour), self.interval_minutes * _MINUTE)
        return Known(meter, tuple(sorted(one.exchange() for one in self.exchange)))


class _File(_Strict):
    meter: tuple[MeterEntry, ...] = ()

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        seen: dict[tuple[str, str], int] = {}
        for place, one in enumerate(self.meter):
            before = seen.setdefault((one.thing, one.quantity), place)
            if before != place:  # whose it is, not everyone may know who reads what is wrong here
                raise ValueError(f"meter.{place}: the same thing and quantity as meter.{before}")
        return self


class Known(NamedTuple):
    """Of one index."""

    meter: Meter
    exchanges: tuple[Exchange, ...] = ()


UNKNOWN = Known(Meter(None, interval=_DAY))
"""Of an index that stands in no file: what it shows is taken as read, and it began again where it fell by half."""


class Meters:
    """Exchanged as a whole, so readers need no lock."""

    def __init__(self, known: Mapping[tuple[str, str], Known] | None = None) -> None:
        """By thing and quantity."""
        self.known: Mapping[tuple[str, str], Known] = known or {}

    def of(self, series: Series) -> Known:
        """The index itself; what its values were over a period is another series."""
        return UNKNOWN if series.period else self.known.get((series.thing, series.quantity), UNKNOWN)


def load_meters(file: Path) -> Mapping[tuple[str, str], Known]:
    """By thing and quantity. Raises ConfigError naming file and key: ``meters.toml: meter.0.quantity: …``."""
    try:
        entries: Iterable[MeterEntry] = _File.model_validate(read_toml(file)).meter
    except ValidationError as error:
        raise ConfigError(first_error(file, error)) from None
    return {(one.thing, one.quantity): one.known() for one in entries}


def _ms(at: AwareDatetime) -> int:
    return int(at.timestamp() * 1000)
