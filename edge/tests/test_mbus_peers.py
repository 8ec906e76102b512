"""Second and third opinions on every recorded frame: pymeterbus and pymbusparser, each disagreement with its reason."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from edge.mbus import frame, telegram
from edge.mbus.record import Record
from edge.mbus.value import Number

meterbus = pytest.importorskip("meterbus", reason="pymeterbus is not installed")
pymbusparser = pytest.importorskip("pymbusparser", reason="pymbusparser is not installed")

FRAMES = [json.loads(line) for line in (Path(__file__).with_name("frames") / "mbus.jsonl").read_text().splitlines()]
GOOD = [entry for entry in FRAMES if entry["kind"] == "good"]
SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}

FACTOR = "VIFE 72 is a factor of 10^-4, 73 of 10^-3 (EN 13757-3 table 15); the peer leaves it out"
BCD = "a digit above nine makes BCD invalid (annex A, type A), and the peer adds it up"
METERBUS = {
    ("abb_f95", 2): BCD,
    ("abb_f95", 3): BCD,
    ("pyMeterBus-test_hyd", 7): BCD,
    ("pyMeterBus-test_hyd", 8): BCD,
    ("gombus-decode_test-0", 3): FACTOR,
    ("gombus-decode_test-0", 4): FACTOR,
    ("gombus-decode_test-0", 6): FACTOR,
    ("gombus-decode_test-0", 7): FACTOR,
    ("gombus-decode_test-0", 9): FACTOR,
    ("gombus-decode_test-0", 10): FACTOR,
    ("pyMeterBus-test_weptech", 2): "1E hex is 30, for pymbusparser and libmbus too; the peer takes 100 off",
    ("sen_pollutherm", 2): "VIF 7B without its extension bit is reserved, and the peer ends with KeyError",
    ("example_binary16_lvar", 0): "LVAR F0 is 16 bytes (table 5); the peer takes none and goes out of step",
    ("sen_pollusonic_2", 0): "the fixed data structure, which the peer does not read",
    ("sen_pollusonic_2", 1): "the fixed data structure, which the peer does not read",
}
# pymbusparser stops at what it does not know, so whole frames are missing; what it reads of them is compared.
PARSER_STOPS = {
    "THI_cma10": "a plain-text VIF",
    "abb_f95": "BCD digits above nine",
    "amt_calec_mb": "gives no record",
    "electricity-meter-1": "gives no record",
    "electricity-meter-2": "gives no record",
    "example_data_01": "gives no record",
    "m-bus-parser-annotate-0": "a plain-text VIF",
    "pyMeterBus-test_hyd": "BCD digits above nine",
    "sen_pollusonic_2": "the fixed data structure",
}
PARSER = {("example_binary16_lvar", 0): "16 bytes of a manufacturer's own are bytes here, one number there"}


def ours(entry: dict[str, Any]) -> tuple[Record, ...]:
    return telegram.decode(frame.decode(bytes.fromhex(entry["hex"]))).records


def base(value: Number, unit: str) -> Decimal:
    return Decimal(value.integer).scaleb(value.exponent) * SECONDS.get(unit, 1)


def agrees(record: Record, theirs: Decimal | None) -> bool:
    """Neither has a number, or both have the same."""
    if not isinstance(record.value, Number) or theirs is None:
        return not isinstance(record.value, Number) and theirs is None
    value = base(record.value, record.measurand.unit)
    return abs(value - theirs) <= max(Decimal("1e-9"), abs(value) / 10**6)


def number_of(text: object) -> Decimal | None:
    try:
        return Decimal(str(text))
    except ArithmeticError:
        return None


def meterbus_says(entry: dict[str, Any], count: int) -> list[Decimal | None]:
    try:
        found = meterbus.load(bytes.fromhex(entry["hex"])).records
    except meterbus.MBusFrameDecodeError:
        return [None] * count
    said = []
    for one in found[:count]:
        try:
            said.append(number_of(one.value))
        except KeyError:
            said.append(None)
    return said


def parser_says(entry: dict[str, Any]) -> list[Decimal | None]:
    said = []
    for one in pymbusparser.parse(entry["hex"])["records"]:
        value = one["value"] or {}
        number = number_of(value.get("value")) if value.get("kind") in ("decimal", "float") else None
        said.append(None if number is None else number * SECONDS.get(str(one.get("unit")), 1))
    return said


@pytest.mark.parametrize("entry", GOOD, ids=lambda entry: entry["name"])
def test_pymeterbus_reads_the_same_or_the_table_says_why_not(entry: dict[str, Any]) -> None:
    records = ours(entry)
    theirs = meterbus_says(entry, len(records))
    wrong = {number for number, pair in enumerate(zip(records, theirs, strict=True)) if not agrees(*pair)}
    assert wrong == {number for name, number in METERBUS if name == entry["name"]}


@pytest.mark.parametrize("entry", GOOD, ids=lambda entry: entry["name"])
def test_pymbusparser_reads_the_same_or_the_table_says_why_not(entry: dict[str, Any]) -> None:
    records, theirs = ours(entry), parser_says(entry)
    assert (len(theirs) < len(records)) == (entry["name"] in PARSER_STOPS)
    pairs = zip(records, theirs, strict=False)  # it counts manufacturer data as a record behind the others
    wrong = {number for number, pair in enumerate(pairs) if not agrees(*pair)}
    assert wrong == {number for name, number in PARSER if name == entry["name"]}
