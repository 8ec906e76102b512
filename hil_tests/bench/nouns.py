"""Which nouns does a rig file have? One class each, with its keys; ``rig`` says how they fit together."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from edge.config import LineConfig, ReceiverConfig
from hil_tests import battery
from hil_tests.instruments.drivers import Driver, chosen
from hil_tests.instruments.scenario import Strict

Name = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]


class BrokerEntry(Strict):
    driver: Literal["nats", "mosquitto", "external"]
    """``external`` runs already, with the city that ``directory`` holds."""


class CollectorEntry(Strict):
    driver: Literal["virtual", "external"] = "virtual"
    store: Literal["duckdb", "memory", "influx"] = "duckdb"
    url: str = ""
    """Of an external one."""
    token_file: Path | None = None
    """With a token that may see everything, of an external one."""


class BatteryEntry(Strict):
    """A node that sleeps: as its node.json has it, in ms."""

    period_ms: int = Field(ge=100)
    report_ms: int = Field(ge=100)
    receipt_ms: int = Field(ge=100)
    most: float | None = Field(default=None, gt=0)
    """mA that it may take here on the mean; left out, what the arithmetic says of a chip."""

    @property
    def settings(self) -> dict[str, Any]:
        """The keys of node.json."""
        battery = {"report_ms": self.report_ms, "receipt_ms": self.receipt_ms}
        return {"period_ms": self.period_ms, "battery": battery}

    def plan(self, kind: str) -> battery.Plan:
        """A day of it."""
        wakes, reports = 86_400_000 / self.period_ms, 86_400_000 / self.report_ms
        sensors = {one.kind: one.sensors for one in battery.load().plan}[kind]
        return battery.Plan(name=kind, kind=kind, sensors=sensors, wakes=wakes, reports=reports, years=0)


class NodeEntry(Strict):
    name: Name
    """As it publishes."""
    kind: Literal["parking", "counting", "water", "noise", "air", "level", "valve"]
    driver: Literal["virtual", "soldered"]
    thing: Name
    quantity: str
    """What it says of its thing again and again."""
    battery: BatteryEntry | None = None

    @model_validator(mode="after")
    def _can_sleep(self) -> Self:
        if self.battery and self.kind not in {one.kind for one in battery.load().plan}:
            raise ValueError(f"battery: hil_tests/currents.toml has no plan for the kind {self.kind}")
        return self


class GatewayEntry(Strict):
    name: Name
    """As it publishes."""
    driver: Literal["virtual", "soldered"]


class _OfGateway(BaseModel):
    """A soldered one has the keys that its gateway.toml has; a virtual one has those of the virtual Koper."""

    model_config = ConfigDict(extra="allow", frozen=True)
    gateway: Name
    name: Name
    driver: Literal["virtual", "soldered"]

    @property
    def table(self) -> dict[str, Any]:
        """As it stands in gateway.toml."""
        return {"name": self.name, **(self.model_extra or {})}

    @model_validator(mode="after")
    def _is_of_koper(self) -> Self:
        if self.driver == "virtual" and self.model_extra:
            raise ValueError(f"{next(iter(self.model_extra))}: what is virtual is as the virtual Koper has it")
        return self


class LineEntry(_OfGateway):
    """A bus with its meters."""

    @property
    def config(self) -> LineConfig:
        """Of a soldered one."""
        return LineConfig.model_validate(self.table)


class ReceiverEntry(_OfGateway):
    """A dongle that hears radio meters."""

    @property
    def config(self) -> ReceiverConfig:
        return ReceiverConfig.model_validate(self.table)


class Instrument(BaseModel):
    """At a device; the keys beyond these are the driver's own."""

    model_config = ConfigDict(extra="allow", frozen=True)
    noun: ClassVar[str]
    node: Name
    """Or gateway."""
    driver: str
    wire: str = ""
    """Where a device has several."""

    @property
    def key(self) -> str:
        """By what a test finds it among those of its noun."""
        return self.node

    @property
    def chosen(self) -> Driver:
        return chosen(self.noun, self.driver, self.model_extra or {})

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        self.chosen  # noqa: B018 - it raises ValueError, naming the key
        return self


class PowerEntry(Instrument):
    noun = "power"


class ConsoleEntry(Instrument):
    noun = "console"


class CurrentEntry(Instrument):
    noun = "current"


class StimulusEntry(Instrument):
    """What a sensor of the node can be shown, and what of it is stored then."""

    noun = "stimulus"
    wire: str = Field(pattern="^[a-z_]+$")
    """As node.json names it in ``hal``."""
    quantity: str
    each: float = 0.0
    """By which the quantity grows with each pulse."""
    shows: tuple[tuple[float, float | str], ...] = ()
    """(what is shown, what is stored then)."""
    within: float = Field(default=0.0, ge=0)
    """By so much what is stored may differ."""

    @property
    def key(self) -> str:
        return f"{self.node}.{self.wire}"

    @model_validator(mode="after")
    def _expects_something(self) -> Self:
        if bool(self.shows) == bool(self.each):
            raise ValueError("shows: either it or each is needed")
        return self
