"""What stands in the files that wire a virtual city? Simulated lines and sensors, the gateway, the nodes."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hil_tests.cities.koper import MeterPlan, NodePlan
from hil_tests.instruments.fast_time import Clock

DISTURBANCES = "disturbed.json"
METERS_TRUTH, SENSORS_TRUTH = "meters.truth.jsonl", "sensors.truth.jsonl"


class Line(NamedTuple):
    """Of the gateway."""

    name: str
    kind: str
    address: str
    """The key that addresses a meter."""
    baud: int
    period: int
    """s"""
    meters: tuple[MeterPlan, ...]


def lines(mbus: tuple[int, tuple[MeterPlan, ...]], modbus: tuple[int, tuple[MeterPlan, ...]]) -> tuple[Line, ...]:
    """The two lines of the virtual city, each with its period and its meters."""
    return (
        Line("cellar", "mbus", "primary_address", 2400, *mbus),
        Line("switchboard", "modbus-rtu", "unit_id", 9600, *modbus),
    )


def meters(several: Iterable[Line]) -> str:
    """The scenario of ``hil_tests.instruments.meters``."""
    head = f'truth = "{METERS_TRUTH}"\ndisturbances = "{DISTURBANCES}"\n'
    return head + "".join(map(_simulated_line, several))


def _simulated_line(one: Line) -> str:
    head = f'\n[[line]]\nname = "{one.name}"\nkind = "{one.kind}"\nlink = "{one.name}.tty"\nbaud = {one.baud}\n'
    return head + "".join(
        f'[[line.meter]]\nthing = "{m.thing.id}"\nmodel = "{m.model}"\naddress = {m.address}\n' for m in one.meters
    )


def sensors(nodes: tuple[NodePlan, ...], clock: Clock) -> str:
    """The scenario of ``hil_tests.instruments.sensors``."""
    time = ", ".join(f"{key} = {value}" for key, value in clock._asdict().items())
    head = f'truth = "{SENSORS_TRUTH}"\ndisturbances = "{DISTURBANCES}"\nseed = 7\nclock = {{ {time} }}\n'
    return head + "".join(map(_simulated_sensor, nodes))


def _simulated_sensor(one: NodePlan) -> str:
    more = "".join(f"{key} = {json.dumps(value)}\n" for key, value in one.sensor.items())
    return f'\n[[sensor]]\nthing = "{one.thing.id}"\nkind = "{one.kind}"\n{more}'


def gateway(city: str, name: str, directory: Path, port: int, several: Iterable[Line]) -> str:
    """Its gateway.toml; ``port`` leads to the broker."""
    certificate = f"{directory}/certificates/{name}"
    head = (
        f'city = "{city}"\npublisher = "{name}"\noutbox = "outbox.sqlite"\nclock = "host"\n\n'
        f'[collector]\nkey = "{directory}/certificates/collector.pem"\n\n[broker]\n'
        f'port = {port}\nca = "{directory}/ca/ca.pem"\ncertificate = "{certificate}.pem"\nkey = "{certificate}.key"\n'
    )
    return head + "".join(_gateway_line(line, directory) for line in several)


def _gateway_line(one: Line, directory: Path) -> str:
    head = (
        f'\n[[line]]\nname = "{one.name}"\nkind = "{one.kind}"\nport = "{directory / one.name}.tty"\n'
        f'baud = {one.baud}\nparity = "N"\n'  # a pty knows no parity: it refuses even, once it is configured
    )
    return head + "".join(
        f'[[line.meter]]\nthing = "{m.thing.id}"\nprofile = "{m.profile}"\n{one.address} = {m.address}\n'
        f"period = {one.period}\n"
        for m in one.meters
    )


def node(city: str, one: NodePlan, port: int, period_ms: int, hal: Mapping[str, Any]) -> dict[str, Any]:
    """Its node.json, but for the certificates; ``port`` leads to the broker."""
    return {
        "city": city,
        "publisher": one.publisher,
        "thing": one.thing.id,
        "kind": one.kind,
        "period_ms": period_ms,
        "broker": {"host": "127.0.0.1", "port": port, "server_name": "localhost"},
        "hal": {**hal},
        **one.settings,
    }
