"""Which files make a Raspberry Pi a gateway of this city, and what stands in them?"""

import json
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import firmware
from provisioning import ProvisionError

HOME = "/var/lib/senzorika"
CONFIG = f"{HOME}/gateway.toml"
UNIT = "senzorika-gateway.service"
_OURS = ("city", "publisher", "broker")

# Made at boot, so that a card that never ran has a user too.
SYSUSERS = f'u senzorika - "Senzorika gateway" {HOME}\nm senzorika dialout\n'
TMPFILES = f"d {HOME} 0700 senzorika senzorika\nZ {HOME} - senzorika senzorika\n"


class File(NamedTuple):
    """Where, what, and with which mode."""

    path: str
    content: bytes
    mode: int = 0o644


class Surroundings(NamedTuple):
    """What a gateway is told of where it stands; ``http_port`` 0: no health page; ``time_host`` "": serves no time."""

    city: str
    publisher: str
    broker_host: str
    broker_port: int
    server_name: str
    http_port: int = 8081
    time_host: str = ""
    ntp: tuple[str, ...] = ()
    """Servers that the Pi itself asks for the time."""


def compose(lines: str, around: Surroundings, *, knows_collector: bool) -> bytes:
    """gateway.toml: what a technician wrote of the lines and meters, with the city's part before and behind it."""
    theirs = parsed(lines)
    if taken := [key for key in _OURS if key in theirs]:
        raise ProvisionError(f"the configuration: {' '.join(taken)}: is written by enrolment; leave it out")
    if not things(theirs):
        raise ProvisionError("the configuration: line: at least one line or receiver with a meter is needed")
    # Keys before any table, tables behind all of theirs: so each stays where TOML wants it.
    before = f"city = {_text(around.city)}\npublisher = {_text(around.publisher)}\n"
    name = around.publisher
    behind = (
        f"\n[broker]\nhost = {_text(around.broker_host)}\nport = {around.broker_port}\n"
        f"server_name = {_text(around.server_name)}\nca = {_text('ca.pem')}\n"
        f"certificate = {_text(f'{name}.pem')}\nkey = {_text(f'{name}.key')}\n"
    )
    if knows_collector and "collector" not in theirs:
        behind += '\n[collector]\nkey = "collector.pem"\n'
    if around.http_port and "http" not in theirs:
        behind += f"\n[http]\nport = {around.http_port}\n"
    if around.time_host and "time" not in theirs:
        behind += f"\n[time]\nhost = {_text(around.time_host)}\n"
    whole = before + lines.rstrip("\n") + "\n" + behind
    tomllib.loads(whole)
    return whole.encode()


def parsed(lines: str) -> dict[str, Any]:
    try:
        return tomllib.loads(lines)
    except tomllib.TOMLDecodeError as error:
        raise ProvisionError(f"the configuration: {error}") from None


def things(configuration: dict[str, Any]) -> list[str]:
    """What this gateway will speak for."""
    groups = [*configuration.get("line", []), *configuration.get("receiver", [])]
    found = [meter.get("thing") for group in groups for meter in group.get("meter", [])]
    return [thing for thing in dict.fromkeys(found) if isinstance(thing, str)]


def of_system(around: Surroundings) -> list[File]:
    """What the operating system needs to run it."""
    # A file that is installed beside us; nothing of edge is loaded for it.
    unit = Path(firmware.__file__).parent.parent.joinpath("edge", "systemd", UNIT).read_bytes()
    found = [
        File(f"/etc/systemd/system/{UNIT}", unit),
        File("/etc/sysusers.d/senzorika.conf", SYSUSERS.encode()),
        File("/etc/tmpfiles.d/senzorika.conf", TMPFILES.encode()),
    ]
    if around.ntp:
        text = f"# Where this gateway gets its time.\n[Time]\nNTP={' '.join(around.ntp)}\n"
        found.append(File("/etc/systemd/timesyncd.conf.d/senzorika.conf", text.encode()))
    return found


def _text(value: str) -> str:
    return json.dumps(value)
