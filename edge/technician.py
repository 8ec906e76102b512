"""What does a technician ask at a line? Is the plan possible, does this meter answer, what is there?"""

import asyncio
from collections.abc import Callable, Iterable
from typing import NamedTuple

from edge import budget, profile
from edge.bus import bus_of
from edge.config import Config, LineConfig
from edge.errors import ConfigError, DeviceError, LineError
from edge.line import Parity, open_line
from edge.mbus.search import search
from edge.modbus import sunspec
from edge.modbus.client import Client, Kind
from edge.modbus.register import Block
from firmware.quantities import QUANTITIES
from firmware.wire_json import decimal_text

Say = Callable[[str], None]
_LET_GO = 0.02  # s; an event loop closes a device in its next turns
_UNIT_TIMEOUT = 0.4  # s for a unit that may not be there


class Place(NamedTuple):
    """A line that no configuration names yet."""

    kind: str
    port: str
    baud: int
    parity: Parity


class Proposal(NamedTuple):
    """Lines for gateway.toml, and how many meters stand in them."""

    text: str
    meters: int


async def check(config: Config, say: Say) -> int:
    """One line of text for each line of meters; 1 when a plan can't be met or a line can't be opened."""
    status = 0
    for line in config.line:
        plan = budget.of(line)
        reason = await _unreachable(line)
        problems = [] if plan.is_met else ["the plan can not be met"]
        problems += [f"can not be opened: {reason}"] if reason else []
        status = status or int(bool(problems))
        say(
            f"{line.name}: {len(line.meter)} meters, {plan.round:.1f} s to read each once, "
            f"{100 * plan.load:.0f} % of the time: {'; '.join(problems) or 'ok'}"
        )
    return status


async def _unreachable(line: LineConfig) -> str:
    try:
        (await open_line(line.port, line.baud, line.parity)).close()
        await asyncio.sleep(_LET_GO)
    except LineError as error:
        return str(error)
    return ""


async def read(config: Config, thing: str, say: Say) -> int:
    """Every value of one readout with its unit; 1 when there is none."""
    places = [(line, meter) for line in config.line for meter in line.meter if meter.thing == thing]
    if not places:
        raise ConfigError(f"{thing} is on no line")
    ((line, meter),) = places
    bus = bus_of(line)
    try:
        values = await bus.read(meter)
    except (DeviceError, LineError) as error:
        say(f"{thing}: {error}")
        return 1
    finally:
        bus.close()
    for key, value in values.items():
        unit = QUANTITIES[key.split(".")[0]][0]
        say(f"{key}  {decimal_text(*value)} {unit}" if isinstance(value, tuple) else f"{key}  {value}")
    return 0


async def scan(place: Place, units: Iterable[int], progress: Say) -> Proposal:
    """What is found; ConfigError when the line can't be opened."""
    try:
        if place.kind == "mbus":
            return await _scan_mbus(place, progress)
        return await _scan_modbus(place, "modbus-rtu" if place.kind == "modbus-rtu" else "modbus-tcp", units, progress)
    except LineError as error:
        raise ConfigError(f"{place.port}: {error}") from error


async def _scan_mbus(place: Place, progress: Say) -> Proposal:
    line = await open_line(place.port, place.baud, place.parity)
    try:
        findings = await search(line, probed=lambda mask, count: progress(f"{mask}: {count} found"))
    finally:
        line.close()
        await asyncio.sleep(_LET_GO)
    text = _head(place)
    for found in findings.meters:
        model = profile.found(found.telegram)
        text += f'[[line.meter]]\nthing = "wm-{found.address.identification}"\n'
        text += f'secondary_address = "{found.address}"  # {found.telegram.manufacturer}, {found.telegram.medium}\n'
        text += f"period = 3600  # {model.name if model else 'no profile: the generic mapping'}\n"
    for collision in findings.collisions:
        text += f"# several meters answer to {collision} and can not be told apart\n"
    return Proposal(text, len(findings.meters))


async def _scan_modbus(place: Place, kind: Kind, units: Iterable[int], progress: Say) -> Proposal:
    client = Client(kind, place.port, place.baud, place.parity, _UNIT_TIMEOUT)
    text, count = _head(place), 0
    try:
        for unit_id in units:
            progress(f"unit {unit_id}: {count} found")
            if not await _answers(client, unit_id):
                continue
            count += 1
            text += f'[[line.meter]]\nthing = "em-{unit_id}"\nunit_id = {unit_id}\nperiod = 60\n'
            is_sunspec = await _is_sunspec(client, unit_id)
            # A Modbus device does not say what it is: `check` refuses this and names the profiles there are.
            text += 'profile = "sunspec_inverter"\n' if is_sunspec else 'profile = "choose"\n'
    finally:
        client.close()
    return Proposal(text, count)


async def _answers(client: Client, unit_id: int) -> bool:
    try:
        await client.read(unit_id, Block("holding_register", 0, 1))
    except DeviceError as error:
        return "no answer" not in str(error)  # a refusal is an answer, too
    return True


async def _is_sunspec(client: Client, unit_id: int) -> bool:
    try:
        await sunspec.discover(lambda block: client.read(unit_id, block))
    except DeviceError:
        return False
    return True


def _head(place: Place) -> str:
    return (
        f'[[line]]\nname = "line-1"\nkind = "{place.kind}"\nport = "{place.port}"\n'
        f'baud = {place.baud}\nparity = "{place.parity}"\n'
    )
