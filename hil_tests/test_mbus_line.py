"""A whole M-Bus line of virtual meters: fifty of them found and read through collisions, echo and noise."""

import json
from pathlib import Path

import pytest

from edge import config as gateway
from edge.bus import MbusBus
from edge.errors import DeviceError
from edge.line import Line, open_line
from edge.mbus import address, frame, meter
from edge.mbus.address import SecondaryAddress
from edge.mbus.search import Findings, search
from edge.mbus.telegram import Telegram
from hil_tests.instruments import virtual_time
from hil_tests.instruments.mbus_meter import recorded
from hil_tests.instruments.meters import LineConfig, MeterConfig, Meters, Scenario

# Of a telegram of 250 characters, 1 % of them wrong, one in twelve arrives whole, of 100 one in three.
MODELS = sorted(
    name
    for name, entry in recorded().items()
    if frame.decode(bytes.fromhex(entry["hex"])).ci == 0x72 and len(entry["hex"]) < 2 * 100
)
SILENT = (7, 23, 41)
COLLIDING = 49  # has the identification and the primary address of meter 3, and is another model


def fifty() -> list[MeterConfig]:
    meters = []
    for number in range(50):
        twin = 3 if number == COLLIDING else number
        meters.append(
            MeterConfig(
                thing=f"meter-{number}",
                model=MODELS[(number + (number == COLLIDING)) % len(MODELS)],
                address=1 + twin,
                # Numbers with letters too, and groups that differ late, so that the search goes deep.
                identification=f"{(twin * 0x2B5F if twin % 3 else 0x12340000 + twin):08x}".replace("f", "e"),
                is_silent=number in SILENT,
                delay=0.05,
            )
        )
    return meters


def scenario(directory: Path, meters: list[MeterConfig], **line: object) -> Scenario:
    config = LineConfig.model_validate(
        {"name": "cellar", "kind": "mbus", "link": directory / "cellar.tty", "meter": meters, **line}
    )
    return Scenario(truth=directory / "truth.jsonl", line=[config])


async def found_on(chosen: Scenario, attempts: int) -> tuple[Findings, dict[SecondaryAddress, list[Telegram]], int]:
    """What a search finds, and what then reading every meter found says, repeated when noise broke all of it."""
    meters = Meters(chosen)
    await meters.start()
    line = await open_line(meters.ports["cellar"], chosen.line[0].baud, "N")
    try:
        findings = await search(line, attempts=attempts)
        read, failures = {}, 0
        for one in findings.meters:
            for _ in range(8):
                try:
                    read[one.address] = await meter.read(line, one.address)
                    break
                except DeviceError:
                    failures += 1
    finally:
        line.close()
        await meters.stop()
    return findings, read, failures


@pytest.mark.slow
@pytest.mark.parametrize(("has_echo", "error_rate", "attempts"), [(False, 0.0, 2), (True, 0.01, 4), (False, 0.01, 4)])
def test_every_meter_that_speaks_is_found_and_read(
    tmp_path: Path, has_echo: bool, error_rate: float, attempts: int
) -> None:
    chosen = scenario(tmp_path, fifty(), baud=38400, has_echo=has_echo, error_rate=error_rate)
    (findings, read, failures), took = virtual_time.run(found_on(chosen, attempts))
    expected = {number: one for number, one in enumerate(fifty()) if number not in SILENT}
    others = {one.identification for number, one in expected.items() if number != COLLIDING}
    print(f"echo {has_echo}, errors {error_rate}: {len(findings.meters)} found, {len(read)} read, "
          f"{failures} readouts repeated, {took / 60:.0f} virtual minutes")  # fmt: skip
    assert len(others) == 46
    assert others <= {one.identification for one in read}
    assert len(read) == len(expected)  # the colliding one too: its medium or version tells it from its twin
    assert findings.collisions == ()


async def opened(chosen: Scenario) -> tuple[Meters, Line]:
    meters = Meters(chosen)
    await meters.start()
    return meters, await open_line(meters.ports["cellar"], chosen.line[0].baud, "N")


async def test_a_meter_is_read_by_its_secondary_address_and_by_a_part_of_it(tmp_path: Path) -> None:
    two = [one.model_copy(update={"delay": 0.001}) for one in fifty()[1:3]]
    meters, line = await opened(scenario(tmp_path, two, baud=38400))
    for one in two:
        (telegram, *_) = await meter.read(line, address.parse(str(one.identification)))
        assert telegram.identification == one.identification
    with pytest.raises(DeviceError, match="no answer"):
        await meter.read(line, address.parse("99999999"))
    line.close()
    await meters.stop()


async def test_a_meter_changes_its_speed_and_the_line_with_it(tmp_path: Path) -> None:
    one = fifty()[1].model_copy(update={"delay": 0.001})
    meters, line = await opened(scenario(tmp_path, [one], baud=2400))
    await meter.change_speed(line, one.address, 38400)
    assert line.baud == 38400
    assert await meter.read(line, one.address)
    with pytest.raises(DeviceError, match="none of 300 600"):
        await meter.change_speed(line, one.address, 1234)
    with pytest.raises(DeviceError, match="no answer"):
        await meter.change_speed(line, one.address + 1, 9600)
    assert line.baud == 38400
    line.close()
    await meters.stop()


async def test_an_echo_is_not_taken_for_an_answer(tmp_path: Path) -> None:
    one = fifty()[1].model_copy(update={"delay": 0.001})
    meters, line = await opened(scenario(tmp_path, [one], baud=38400, has_echo=True))
    assert await meter.read(line, one.address)
    with pytest.raises(DeviceError, match=r"only 10 40"):
        await meter.read(line, one.address + 1)
    line.close()
    await meters.stop()


async def test_the_gateway_reads_a_meter_that_its_configuration_names_by_secondary_address(tmp_path: Path) -> None:
    one = fifty()[1].model_copy(update={"delay": 0.001})
    meters = Meters(scenario(tmp_path, [one], baud=38400))
    await meters.start()
    configured = gateway.Meter(thing="meter-1", secondary_address=str(one.identification), period=60)
    bus = MbusBus(
        gateway.LineConfig(
            name="cellar", kind="mbus", port=meters.ports["cellar"], baud=38400, parity="N", meter=[configured]
        )
    )
    values = await bus.read(configured)
    (*_, truth) = (json.loads(line) for line in (tmp_path / "truth.jsonl").read_text("utf-8").splitlines())
    assert truth["values"].keys() <= values.keys()
    assert [values[key] for key in ("status_code", "meter_status")] == [
        truth["values"][key] for key in ("status_code", "meter_status")
    ]
    bus.close()
    await meters.stop()
