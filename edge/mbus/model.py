"""What is a meter model read by M-Bus: which of its records are which quantities of the city?"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from edge.mbus.quantity import Rule
from edge.mbus.telegram import Telegram
from edge.shape import Source, Strict
from firmware.quantities import NUMBER_KINDS, QUANTITIES, split_quantity

_FROM_THE_MANUAL = ("l1", "l2", "l3", "reverse")


def _placed(key: str) -> str:
    name, qualifiers = split_quantity(key)
    if QUANTITIES[name][1] not in (*NUMBER_KINDS, "flags", "text"):
        raise ValueError("a record holds numbers, flags and text only")
    if not set(qualifiers) <= set(_FROM_THE_MANUAL):
        raise ValueError("tariff, subunit, storage, min and max come from the record, not from the profile")
    return key


class Match(Strict):
    """Which M-Bus headers are this model."""

    manufacturer: str = Field(pattern="^[A-Z@]{3}$")
    version: int = Field(ge=0, le=255)
    medium: list[str] = Field(min_length=1)


class RecordRule(Strict):
    """A record with these fields is this quantity; what is left out fits all.

    ``modifiers`` are all that the record has, ``nth`` tells apart records that are otherwise the same.
    """

    quantity: Annotated[str, AfterValidator(_placed)]
    vif: str
    storage: int | None = Field(default=None, ge=0)
    tariff: int | None = Field(default=None, ge=0)
    subunit: int | None = Field(default=None, ge=0)
    function: Literal["instantaneous", "maximum", "minimum"] | None = None
    modifiers: list[str] | None = None
    nth: int | None = Field(default=None, ge=1)

    def rule(self) -> Rule:
        modifiers = None if self.modifiers is None else tuple(self.modifiers)
        return Rule(
            self.quantity, self.vif, self.storage, self.tariff, self.subunit, self.function, modifiers, self.nth
        )


class TelegramTest(Source):
    """A recorded RSP_UD, hexadecimal, and all that it is to say, as decimal text or text of a code."""

    telegram: str
    expect: dict[str, str]


class MbusProfile(Strict):
    """A meter read by M-Bus."""

    name: str
    protocol: Literal["mbus"]
    match: Match
    record: list[RecordRule] = Field(min_length=1)
    test: list[TelegramTest] = Field(min_length=1)

    def fits(self, telegram: Telegram) -> bool:
        return (
            telegram.manufacturer == self.match.manufacturer
            and telegram.version == self.match.version
            and telegram.medium in self.match.medium
        )
