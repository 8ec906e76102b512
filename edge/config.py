"""What shape does gateway.toml have, and what is refused?"""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator

from edge import profile
from edge.errors import ConfigError
from edge.line import Parity
from edge.mbus.address import SecondaryAddress, parse
from edge.mbus.model import MbusProfile
from edge.modbus.model import DecimalText, Quantity
from edge.shape import Strict, first_error
from firmware.contract import check_id

OUTBOX_LIMIT = 2**30  # bytes of messages: months of a bus of 250 meters


def _id(text: str) -> str:
    check_id("id", text)
    return text


def _secondary(text: str) -> str:
    parse(text)
    return text.lower()


def _port(text: str) -> str:
    if text.startswith("tcp:"):
        host, _, number = text.removeprefix("tcp:").rpartition(":")
        if not host or not number.isdecimal() or not 0 < int(number) < 65536:
            raise ValueError("expected tcp:host:port")
    elif not text.startswith("/"):
        raise ValueError("expected a serial device (/dev/...) or tcp:host:port")
    return text


Id = Annotated[str, AfterValidator(_id)]


class Broker(Strict):
    """Where to publish; certificate files are relative to gateway.toml."""

    host: str = "127.0.0.1"
    port: int = Field(default=8883, ge=1, le=65535)
    server_name: str = "localhost"
    ca: Path
    certificate: Path
    key: Path


class Http(Strict):
    """Where /health and /metrics are served, on loopback."""

    port: int = Field(default=8081, ge=1, le=65535)


class Time(Strict):
    """Where nodes ask for the time (SNTP): the address of the network they are in."""

    host: str
    port: int = Field(default=123, ge=1, le=65535)


class Center(Strict):
    """Whose commands are carried out; the key file is relative to gateway.toml."""

    key: Path
    things: list[Id] | None = None  # which it has a say over; left out: all


class Signer(Strict):
    """The collector, which asks for messages again; its certificate will do."""

    key: Path


class Interlock(Strict):
    """A command to one of these things needs every other one to read above this; ``free`` commands need nothing."""

    things: list[Id] = Field(min_length=2)
    quantity: Quantity
    above: DecimalText = "0"
    free: list[str] = Field(default_factory=lambda: ["open", "read"])


class Alarm(Strict):
    """A value beyond this, or back from it, overtakes a backlog; numbers are text, in the quantity's unit."""

    quantity: Quantity
    above: DecimalText | None = None
    below: DecimalText | None = None

    @model_validator(mode="after")
    def _has_a_side(self) -> "Alarm":
        if self.above is None and self.below is None:
            raise ValueError("above: either it or below is needed")
        return self

    def is_raised(self, value: Decimal) -> bool:
        return (self.above is not None and value > Decimal(self.above)) or (
            self.below is not None and value < Decimal(self.below)
        )


class Meter(Strict):
    """One meter on a line; ``period`` and ``jitter`` in seconds."""

    thing: Id
    profile: str | None = None
    primary_address: int | None = Field(default=None, ge=0, le=250)
    secondary_address: Annotated[str, AfterValidator(_secondary)] | None = None  # 8 or 16 hexadecimal digits
    unit_id: int | None = Field(default=None, ge=1, le=247)
    period: int = Field(ge=1, le=366 * 86400)
    jitter: int = Field(default=0, ge=0)  # it is read up to so much after the full period, always the same
    readouts_per_day: int | None = Field(default=None, ge=1)  # what its battery allows
    alarm: list[Alarm] = Field(default_factory=list)

    @model_validator(mode="after")
    def _is_possible(self) -> "Meter":
        if self.jitter >= self.period:
            raise ValueError(f"jitter: {self.jitter} s is not below the period of {self.period} s")
        if self.readouts_per_day is not None and 86400 / self.period > self.readouts_per_day:
            raise ValueError(f"readouts_per_day: a period of {self.period} s needs {-(-86400 // self.period)}")
        return self

    @property
    def address(self) -> int | SecondaryAddress:
        """The address of whichever protocol it speaks."""
        if self.secondary_address is not None:
            return parse(self.secondary_address)
        return next(number for number in (self.primary_address, self.unit_id) if number is not None)


class LineConfig(Strict):
    """One bus and the meters on it."""

    name: Id
    kind: Literal["mbus", "modbus-rtu", "modbus-tcp"]
    port: Annotated[str, AfterValidator(_port)]
    baud: int = Field(default=2400, ge=300, le=115200)
    parity: Parity = "E"
    meter: list[Meter] = Field(min_length=1)


class RadioMeter(Strict):
    """One meter heard by radio."""

    thing: Id
    identification: str = Field(pattern="^[0-9a-f]{8}$")
    manufacturer: str | None = Field(default=None, pattern="^[A-Z@]{3}$")
    profile: str | None = None


class ReceiverConfig(Strict):
    """One radio receiver; ``silent_after`` in seconds, ``baud`` where the dongle's own is not used."""

    name: Id
    kind: Literal["amb8465", "cul", "im871a", "iu891a", "rtl-wmbus"]
    port: Annotated[str, AfterValidator(_port)]
    baud: int | None = Field(default=None, ge=300, le=921600)
    silent_after: int = Field(default=3600, ge=1)
    meter: list[RadioMeter] = Field(default_factory=list)


class Config(Strict):
    """The whole file; paths are absolute after ``load``."""

    city: Id
    publisher: Id
    outbox: Path = Path("outbox.sqlite")
    outbox_limit: int = Field(default=OUTBOX_LIMIT, ge=2**20)
    audit: Path = Path("audit.jsonl")
    clock: Literal["ntp", "host"] = "ntp"  # host: the technician answers for it, as for a clock with a battery
    broker: Broker
    http: Http | None = None
    time: Time | None = None
    center: dict[Id, Center] = Field(default_factory=dict)
    collector: Signer | None = None
    interlock: list[Interlock] = Field(default_factory=list)
    keys: Path | None = None  # of radio meters, in a file of their own
    line: list[LineConfig] = Field(default_factory=list)
    receiver: list[ReceiverConfig] = Field(default_factory=list)

    @model_validator(mode="after")
    def _meters_fit_their_lines(self) -> "Config":
        """Checks over several keys; the text starts with the path, as pydantic gives none for them."""
        if not self.line and not self.receiver:
            raise ValueError("line: at least one line or receiver is needed")
        things: set[str] = set()
        ports: set[str] = set()
        for number, line in enumerate(self.line):
            if line.port in ports:
                raise ValueError(f"line.{number}.port: {line.port} is another line's already")
            ports.add(line.port)
            if line.kind == "modbus-tcp" and not line.port.startswith("tcp:"):
                raise ValueError(f"line.{number}.port: modbus-tcp needs tcp:host:port")
            _check_meters(f"line.{number}", line, things)
        _check_receivers(self.receiver, ports, things)
        for number, lock in enumerate(self.interlock):
            for thing in lock.things:
                if thing not in things:
                    raise ValueError(f"interlock.{number}.things: {thing} is on no line")
        return self


_ADDRESSES = {"mbus": ("primary_address", "secondary_address"), "modbus-rtu": ("unit_id",), "modbus-tcp": ("unit_id",)}


def _check_receivers(receivers: list[ReceiverConfig], ports: set[str], things: set[str]) -> None:
    for number, receiver in enumerate(receivers):
        if receiver.port in ports:
            raise ValueError(f"receiver.{number}.port: {receiver.port} is another line's already")
        ports.add(receiver.port)
        for place, meter in enumerate(receiver.meter):
            where = f"receiver.{number}.meter.{place}"
            if meter.thing in things:
                raise ValueError(f"{where}.thing: {meter.thing} is read twice")
            things.add(meter.thing)
            try:
                model = profile.load(meter.profile) if meter.profile else None
            except ConfigError as error:
                raise ValueError(f"{where}.profile: {error}") from error
            if model is not None and not isinstance(model, MbusProfile):
                raise ValueError(f"{where}.profile: {meter.profile} is a {model.protocol} meter, not an M-Bus one")


def _check_meters(path: str, line: LineConfig, things: set[str]) -> None:
    addresses: set[int | SecondaryAddress] = set()
    names = _ADDRESSES[line.kind]
    for number, meter in enumerate(line.meter):
        where = f"{path}.meter.{number}"
        given = [
            name for name in ("primary_address", "secondary_address", "unit_id") if getattr(meter, name) is not None
        ]
        if not set(given) & set(names):
            raise ValueError(f"{where}.{names[0]}: missing, a {line.kind} line needs it")
        for name in given:
            if name not in names:
                raise ValueError(f"{where}.{name}: means nothing on a {line.kind} line")
        if len(given) > 1:
            raise ValueError(f"{where}.{given[1]}: the meter has its {given[0]} already")
        if meter.thing in things:
            raise ValueError(f"{where}.thing: {meter.thing} is read twice")
        if meter.address in addresses:
            raise ValueError(f"{where}.{given[0]}: {getattr(meter, given[0])} is another meter's on this line")
        things.add(meter.thing)
        addresses.add(meter.address)
        _check_profile(f"{where}.profile", line, meter)


def _check_profile(where: str, line: LineConfig, meter: Meter) -> None:
    if meter.profile is None:
        if line.kind != "mbus":
            raise ValueError(f"{where}: missing, a Modbus meter does not say what it is")
        return
    try:
        model = profile.load(meter.profile)
    except ConfigError as error:
        raise ValueError(f"{where}: {error}") from error
    if isinstance(model, MbusProfile) != (line.kind == "mbus"):
        text = f"{where}: {meter.profile} is a {model.protocol} meter, this line is {line.kind}"
        raise ValueError(text)


def load(path: Path) -> Config:
    """Read and check; ConfigError in one line that names the key."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    try:
        config = Config.model_validate(table)
    except ValidationError as error:
        raise ConfigError(f"{path}: {first_error(error)}") from error
    return _absolute(path.resolve().parent, path, config)


def _absolute(directory: Path, path: Path, config: Config) -> Config:
    files = {key: directory / getattr(config.broker, key) for key in ("ca", "certificate", "key")}
    for key, file in files.items():
        if not file.is_file():
            raise ConfigError(f"{path}: broker.{key}: no such file {file}")
    centers = {
        name: center.model_copy(update={"key": directory / center.key}) for name, center in config.center.items()
    }
    signer = config.collector and Signer(key=directory / config.collector.key)
    return config.model_copy(
        update={
            "outbox": directory / config.outbox,
            "audit": directory / config.audit,
            "keys": config.keys and directory / config.keys,
            "broker": config.broker.model_copy(update=files),
            "center": centers,
            "collector": signer,
        }
    )
