"""What stands in the files that wire a virtual city? Simulated lines and sensors, the gateway, the nodes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hil_tests.instruments.fast_time import Clock
from hil_tests.koper import MBUS, MODBUS, MeterPlan, NodePlan

LINES = {"cellar": ("mbus", "primary_address", 2400, MBUS), "switchboard": ("modbus-rtu", "unit_id", 9600, MODBUS)}
"""Of the gateway: kind, what addresses a meter, baud and meters."""
DISTURBANCES = "disturbed.json"
METERS_TRUTH, SENSORS_TRUTH = "meters.truth.jsonl", "sensors.truth.jsonl"


def meters() -> str:
    """The scenario of ``hil_tests.instruments.meters``."""
    head = f'truth = "{METERS_TRUTH}"\ndisturbances = "{DISTURBANCES}"\n'
    return head + "".join(_simulated_line(name, *LINES[name]) for name in LINES)


def _simulated_line(name: str, kind: str, _address: str, baud: int, meters: tuple[MeterPlan, ...]) -> str:
    lines = [f'\n[[line]]\nname = "{name}"\nkind = "{kind}"\nlink = "{name}.tty"\nbaud = {baud}\n']
    lines += [f'[[line.meter]]\nthing = "{m.thing.id}"\nmodel = "{m.model}"\naddress = {m.address}\n' for m in meters]
    return "".join(lines)


def sensors(nodes: tuple[NodePlan, ...], clock: Clock) -> str:
    """The scenario of ``hil_tests.instruments.sensors``."""
    time = ", ".join(f"{key} = {value}" for key, value in clock._asdict().items())
    head = f'truth = "{SENSORS_TRUTH}"\ndisturbances = "{DISTURBANCES}"\nseed = 7\nclock = {{ {time} }}\n'
    return head + "".join(map(_simulated_sensor, nodes))


def _simulated_sensor(one: NodePlan) -> str:
    more = "".join(f"{key} = {json.dumps(value)}\n" for key, value in one.sensor.items())
    return f'\n[[sensor]]\nthing = "{one.thing.id}"\nkind = "{one.kind}"\n{more}'


def gateway(city: str, name: str, directory: Path, port: int, periods: Mapping[str, int]) -> str:
    """Its gateway.toml; ``port`` leads to the broker, ``periods`` are seconds by line."""
    certificate = f"{directory}/certificates/{name}"
    head = (
        f'city = "{city}"\npublisher = "{name}"\noutbox = "outbox.sqlite"\nclock = "host"\n\n'
        f'[collector]\nkey = "{directory}/certificates/collector.pem"\n\n[broker]\n'
        f'port = {port}\nca = "{directory}/ca/ca.pem"\ncertificate = "{certificate}.pem"\nkey = "{certificate}.key"\n'
    )
    return head + "".join(_gateway_line(line, directory, period) for line, period in periods.items())


def _gateway_line(name: str, directory: Path, period: int) -> str:
    kind, address, baud, several = LINES[name]
    head = (
        f'\n[[line]]\nname = "{name}"\nkind = "{kind}"\nport = "{directory / name}.tty"\n'
        f'baud = {baud}\nparity = "N"\n'  # a pty knows no parity: it refuses even, once it is configured
    )
    lines = [head]
    lines += [
        f'[[line.meter]]\nthing = "{m.thing.id}"\nprofile = "{m.profile}"\n{address} = {m.address}\nperiod = {period}\n'
        for m in several
    ]
    return "".join(lines)


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
