"""Every byte of every recorded frame is in exactly one row, and the rows say what the decoder reads."""

import json
import random
from pathlib import Path

import pytest

from edge import explain
from edge.explain import Row, as_json, as_text
from edge.mbus import frame
from edge.mbus.frame import Frame

FRAMES = [json.loads(line) for line in (Path(__file__).with_name("frames") / "mbus.jsonl").read_text().splitlines()]
KAMSTRUP = next(bytes.fromhex(entry["hex"]) for entry in FRAMES if entry["name"] == "kamstrup_multical_601")
COUNTERS = bytes.fromhex("785634120a00e97e0100000035010000")


def meanings(rows: list[Row]) -> dict[str, str]:
    return {row.field: row.meaning for row in reversed(rows)}


@pytest.mark.parametrize("entry", FRAMES, ids=lambda entry: entry["name"])
def test_every_byte_of_a_frame_is_in_exactly_one_row(entry: dict[str, str]) -> None:
    octets = bytes.fromhex(entry["hex"])
    rows = explain.explain(octets)
    assert b"".join(row.octets for row in rows) == octets
    at = 0
    for row in rows:
        assert row.at == at
        at += len(row.octets)
    assert json.loads(json.dumps(as_json(rows)))
    assert as_text(rows)


def test_a_record_is_explained_from_dif_to_value() -> None:
    rows = explain.explain(KAMSTRUP)
    text = as_text(rows)
    assert "volume in m3 times 10^-2" in text
    assert "volume = 561.08 m3" in text
    assert "energy.s1 = 33361000 Wh" in text
    assert meanings(rows)["manufacturer"] == "KAM"
    assert meanings(rows)["C field"] == "RSP_UD, data from the meter"


def test_both_directions_and_every_kind_of_frame_are_explained() -> None:
    cases = [
        (b"\xe5", "acknowledgement", "E5"),
        (bytes.fromhex("105b015c16"), "C field", "REQ_UD2, ask for data, FCB 0"),
        (bytes.fromhex("680b0b6853fd52175885062d2c0804" + "0116"), "identification", "06855817, f fits every digit"),
        (frame.encode(Frame(0x53, 1, 0xBB)), "CI field", "speak at 2400 baud"),
        (frame.encode(Frame(0x53, 1, 0x51, b"\x7f")), "DIF", "every record is asked for"),
        (bytes.fromhex("68040468080170088116"), "state", "application too busy"),
        (frame.encode(Frame(0x08, 1, 0x73, COUNTERS)), "counter", "volume = 0.001 m3"),
        (frame.encode(Frame(0x08, 1, 0x78, bytes.fromhex("0413ffffff"))), "error", "record 0 at byte 0: truncated"),
        (frame.encode(Frame(0x08, 1, 0x7A, bytes.fromhex("04040000" + "0c13aaaaaaaa"))), "value", "volume = invalid"),
        (b"\x12\x34", "error", "frame: no start character in 12 34"),
    ]  # fmt: skip
    for octets, field, meaning in cases:
        assert meanings(explain.explain(octets))[field] == meaning


def test_hidden_records_are_one_row() -> None:
    header = bytes.fromhex("175885062d2c08040400") + b"\x10\x05"
    rows = explain.explain(frame.encode(Frame(0x08, 1, 0x72, header + bytes(range(16)))))
    assert meanings(rows)["encrypted"] == "mode 5, AES-CBC"


def test_what_is_no_wired_frame_is_offered_to_the_other_explainers() -> None:
    def radio(octets: bytes) -> list[Row]:
        return [Row(0, octets, "radio", "mine")]

    assert explain.explain(b"\x2e\x44", [lambda _: [], radio]) == [Row(0, b"\x2e\x44", "radio", "mine")]


def test_broken_payloads_are_explained_without_an_exception() -> None:
    chance = random.Random(42)
    for _ in range(3000):
        content = frame.decode(KAMSTRUP)
        payload = bytearray(content.payload[: chance.randrange(len(content.payload))])
        for _ in range(3):
            if payload:
                payload[chance.randrange(len(payload))] = chance.randrange(256)
        octets = frame.encode(
            content._replace(payload=bytes(payload), ci=chance.choice((0x72, 0x76, 0x78, 0x7A, 0x73)))
        )
        assert b"".join(row.octets for row in explain.explain(octets)) == octets
