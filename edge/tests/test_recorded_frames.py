"""Every recorded frame of real meters: the same records as the peer reads, or a reason why not."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from edge.errors import DeviceError
from edge.mbus import frame, telegram
from edge.mbus.quantity import values_of
from edge.mbus.value import Number
from firmware import contract

FRAMES = [json.loads(line) for line in (Path(__file__).with_name("frames") / "mbus.jsonl").read_text().splitlines()]
GOOD = [entry for entry in FRAMES if entry["kind"] == "good"]
FUNCTIONS = {
    "instantaneous": ("Instantaneous value", "Actual value", None),
    "maximum": ("Maximum value",),
    "minimum": ("Minimum value",),
    "error": ("Value during error state",),
}
SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}

# Where the peer is wrong, or gives another unit than the base unit: (frame, record) -> reason.
REVIEWED = {
    ("abb_f95", 2): "BCD digits above nine: invalid, the peer adds them up",
    ("abb_f95", 3): "BCD digits above nine: invalid, the peer adds them up",
    ("pyMeterBus-test_hyd", 7): "BCD digits above nine: invalid, the peer adds them up",
    ("pyMeterBus-test_hyd", 8): "BCD digits above nine: invalid, the peer adds them up",
    ("gombus-decode_test-0", 3): "VIFE 7x scales also what the peer calls reserved",
    ("gombus-decode_test-0", 4): "VIFE 7x scales also what the peer calls reserved",
    ("gombus-decode_test-0", 6): "VIFE 7x scales also what the peer calls reserved",
    ("gombus-decode_test-0", 7): "VIFE 7x scales also what the peer calls reserved",
    ("gombus-decode_test-0", 9): "VIFE 7x scales also the dimensionless",
    ("gombus-decode_test-0", 10): "VIFE 7x scales also the dimensionless",
    ("pyMeterBus-test_weptech", 4): "FB 1A is relative humidity in 0.1 %, unknown to the peer",
    ("sen_pollusonic_2", 0): "the peer leaves the kWh of the fixed structure unconverted",
    ("sen_pollusonic_2", 1): "the peer leaves the litre of the fixed structure unconverted",
}


def decoded(entry: dict[str, Any]) -> telegram.Telegram:
    return telegram.decode(frame.decode(bytes.fromhex(entry["hex"])))


def same(ours: Any, theirs: dict[str, Any]) -> bool:
    if not isinstance(ours.value, Number):
        return False
    value = Decimal(ours.value.integer).scaleb(ours.value.exponent) * SECONDS.get(ours.measurand.unit, 1)
    wanted = Decimal(theirs["value"])
    return (
        abs(value - wanted) <= max(Decimal("1.5e-6"), abs(wanted) / 10**6)
        and (ours.storage, ours.tariff, ours.subunit) == (theirs["storage"], theirs["tariff"], theirs["subunit"])
        and theirs["function"] in FUNCTIONS[ours.function]
    )


def is_number(text: str | None) -> bool:
    try:
        return text is not None and Decimal(text).is_finite()
    except ArithmeticError:
        return False


@pytest.mark.parametrize("entry", GOOD, ids=lambda entry: entry["name"])
def test_a_good_frame_has_the_records_the_peer_reads(entry: dict[str, Any]) -> None:
    found = decoded(entry).records
    assert len(found) == len(entry["records"])
    for number, (ours, theirs) in enumerate(zip(found, entry["records"], strict=True)):
        if is_number(theirs["value"]):
            assert same(ours, theirs) != ((entry["name"], number) in REVIEWED), (number, ours, theirs)


def test_the_figure_of_agreement_is_the_one_we_report() -> None:
    pairs = [pair for entry in GOOD for pair in zip(decoded(entry).records, entry["records"], strict=True)]
    numeric = [pair for pair in pairs if is_number(pair[1]["value"])]
    assert (sum(same(*pair) for pair in numeric), len(numeric)) == (560, 573)


@pytest.mark.parametrize("entry", GOOD, ids=lambda entry: entry["name"])
def test_no_two_records_of_a_telegram_share_a_key_and_the_contract_takes_all(entry: dict[str, Any]) -> None:
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
