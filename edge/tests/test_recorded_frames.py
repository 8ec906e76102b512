"""Every recorded frame of real meters: the same records as the peer reads, or a reason why not."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from edge.errors import DeviceError
from edge.mbus import frame, record, telegram
from edge.mbus.quantity import values_of
from edge.mbus.record import Record
from edge.mbus.value import Number, Value
from firmware import contract

FRAMES = [json.loads(line) for line in (Path(__file__).with_name("frames") / "mbus.jsonl").read_text().splitlines()]
GOOD = [entry for entry in FRAMES if entry["kind"] == "good"]
FUNCTIONS = {
    "instantaneous": ("Instantaneous value", "Actual value", None),
    "maximum": ("Maximum value",),
    "minimum": ("Minimum value",),
    "error": ("Value during error state",),
}
AGREEING, EXPECTED = 646, 659  # records of 53 frames
SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}

BCD = "BCD digits above nine make the field invalid (annex A, type A); the peer adds them up"
FACTOR = "VIFE 72 is a factor of 10^-4, 73 of 10^-3 (table 15), also behind the measurands the peer calls reserved"
NO_DATE = "month 0 is no month (annex A, type G); the peer prints it"
# Where the peer is wrong: (frame, record) -> the value derived by hand from the bytes, None for invalid, and why.
REVIEWED = {
    ("abb_f95", 2): (None, BCD),  # dd b4 eb dd
    ("abb_f95", 3): (None, BCD),
    ("pyMeterBus-test_hyd", 7): (None, BCD),
    ("pyMeterBus-test_hyd", 8): (None, BCD),
    ("gombus-decode_test-0", 3): ("-26.1", FACTOR),  # fffffefb: -261 kvar times 10^-4
    ("gombus-decode_test-0", 4): ("7.5", FACTOR),
    ("gombus-decode_test-0", 6): ("247.8", FACTOR),
    ("gombus-decode_test-0", 7): ("20.0", FACTOR),
    ("gombus-decode_test-0", 9): ("0.994", FACTOR),  # 03e2 = 994
    ("gombus-decode_test-0", 10): ("0.927", FACTOR),
    ("pyMeterBus-test_weptech", 4): ("53.1", "FB 1A is relative humidity in 0.1 % (table 14), unknown to the peer"),
    ("ACW_Itron-BM-plus-m", 2): (None, NO_DATE),
    ("siemens_water", 3): (None, NO_DATE),
}
PEERS_OWN_UNITS = {("sen_pollusonic_2", 0): 3, ("sen_pollusonic_2", 1): -3}  # kWh and l of a fixed structure: 10^n


def decoded(entry: dict[str, Any]) -> telegram.Telegram:
    return telegram.decode(frame.decode(bytes.fromhex(entry["hex"])))


def number_in_base_unit(ours: Record) -> Decimal | None:
    if not isinstance(ours.value, Number):
        return None
    return Decimal(ours.value.integer).scaleb(ours.value.exponent) * SECONDS.get(ours.measurand.unit, 1)


def same(name: str, number: int, ours: Record, theirs: dict[str, Any]) -> bool:
    if (ours.storage, ours.tariff, ours.subunit) != (theirs["storage"], theirs["tariff"], theirs["subunit"]):
        return False
    if theirs["function"] not in FUNCTIONS[ours.function]:
        return False
    if not is_number(theirs["value"]):
        return as_peer(ours.value) in (theirs["value"].split("Z")[0].removesuffix(":00"), theirs["value"].split("Z")[0])
    value = number_in_base_unit(ours)
    wanted = Decimal(theirs["value"]).scaleb(PEERS_OWN_UNITS.get((name, number), 0))
    return value is not None and abs(value - wanted) <= max(Decimal("1.5e-6"), abs(wanted) / 10**6)


def as_peer(value: Value) -> str | None:
    """Bytes last one first, and no control characters: its output is XML."""
    if isinstance(value, bytes):
        return value[::-1].hex(" ").upper()
    return re.sub(r"[\x00-\x1f]", " ", value) if isinstance(value, str) else None


def is_number(text: str | None) -> bool:
    try:
        return text is not None and Decimal(text).is_finite()
    except ArithmeticError:
        return False


def expected(entry: dict[str, Any]) -> list[tuple[int, Record, dict[str, Any]]]:
    """Records of which the peer says anything."""
    found = decoded(entry).records
    assert len(found) == len(entry["records"])
    pairs = zip(found, entry["records"], strict=True)
    return [(number, ours, theirs) for number, (ours, theirs) in enumerate(pairs) if theirs["value"] is not None]


@pytest.mark.parametrize("entry", GOOD, ids=lambda entry: entry["name"])
def test_a_good_frame_has_the_records_the_peer_reads_or_those_derived_by_hand(entry: dict[str, Any]) -> None:
    for number, ours, theirs in expected(entry):
        reviewed = REVIEWED.get((entry["name"], number))
        assert same(entry["name"], number, ours, theirs) == (reviewed is None), (number, ours, theirs)
        if reviewed is not None:
            right = None if reviewed[0] is None else Decimal(reviewed[0])
            assert number_in_base_unit(ours) == right
            assert right is not None or ours.value is None


def test_the_figure_of_agreement_is_the_one_we_report() -> None:
    rows = [(entry["name"], *row) for entry in GOOD for row in expected(entry)]
    agreeing = sum(same(*row) for row in rows)
    assert (agreeing, len(rows)) == (AGREEING, EXPECTED)
    assert agreeing >= 0.98 * len(rows)


@pytest.mark.parametrize("entry", GOOD, ids=lambda entry: entry["name"])
def test_no_two_records_of_a_telegram_share_a_key_and_the_contract_takes_all(entry: dict[str, Any]) -> None:
    keys = record.keys_of(decoded(entry).records)
    assert len(set(keys)) == len(keys)
    values = values_of([decoded(entry)])
    if values:
        contract.check_reading({"thing": "meter", "at": 1, "values": values})
    if entry["name"] == "eastron_sdm630":  # three phases under one VIF: only the manual tells them apart
        assert not {"voltage", "current", "active_power"} & set(values)


@pytest.mark.parametrize(
    "entry",
    [entry for entry in FRAMES if entry["kind"] in ("error", "master_to_slave")],
    ids=lambda entry: entry["name"],
)
def test_what_is_no_good_answer_is_refused_by_name(entry: dict[str, Any]) -> None:
    with pytest.raises(DeviceError, match=r"application error|truncated|more than ten|no RSP_UD"):
        decoded(entry)


def test_every_frame_names_its_source_and_a_licence_we_may_carry() -> None:
    licences = {"BSD-3-Clause", "MIT", "Apache-2.0", "MIT OR Apache-2.0"}
    assert all(entry["source"] and entry["licence"] in licences for entry in FRAMES)
