"""Who may see a datastream: anyone, anyone but only in sums, a center, or with a purpose under pseudonym?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from collector.entities.inventory import ConfigError, Openness, first_error, read_toml
from collector.observation import kind_of
from firmware.quantities import QUANTITIES

SHIPPED = Path(__file__).parent.parent / "openness.toml"
K = 10
"""Things that stand behind an open sum, at least."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(_Strict):
    """One ``[[rule]]`` of openness.toml."""

    quantities: tuple[str, ...]
    """Without qualifiers; "*" is every one."""
    openness: Openness
    purpose: str = ""
    """Why it is measured."""
    k: Annotated[int, Field(ge=2)] = K
    centers: tuple[str, ...] = ()
    """Only of things of these centers; empty: of all."""

    @field_validator("quantities")
    @classmethod
    def _are_known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name != "*" and name not in QUANTITIES:
                raise ValueError(f"{name}: the contract has no such quantity")
        return names

    def covers(self, quantity: str, center: str) -> bool:
        return ("*" in self.quantities or quantity in self.quantities) and (not self.centers or center in self.centers)


class _File(_Strict):
    rule: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What holds for one datastream."""

    openness: Openness
    purpose: str
    k: int
    is_personal: bool
    """Also of a household's meter whose sums are open."""


class Rules:
    """The rules in their order; what none covers is restricted."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(rules)

    def judge(self, quantity: str, center: str, openness: Openness | None, household: str | None) -> Judgement:
        """``openness`` and ``household`` as the inventory has them for the thing.

        A household's meter is personal whatever else is said; at most its sums are open. What the equipment says of
        itself (its clock, its battery) is judged like any other quantity of the thing.
        """
        name = kind_of(quantity).name
        rule = next((one for one in self._rules if one.covers(name, center)), None)
        purpose, k = (rule.purpose, rule.k) if rule else ("", K)
        judged = openness or (rule.openness if rule else "restricted")
        if household is not None:
            return Judgement("aggregated" if openness == "aggregated" else "personal", purpose, k, is_personal=True)
        return Judgement(judged, purpose, k, is_personal=judged == "personal")


def load_rules(own: Path | None = None) -> Rules:
    """The city's own rules, then those that ship; raises ConfigError naming file and key."""
    return Rules([rule for file in ([own] if own else []) + [SHIPPED] for rule in _read(file)])


def _read(file: Path) -> tuple[Rule, ...]:
    try:
        return _File.model_validate(read_toml(file)).rule
    except ValidationError as error:
        raise ConfigError(first_error(file, error)) from None
