"""Radio telegrams: public ones, and our own in every security mode."""

import json
from pathlib import Path

import pytest

from edge.errors import DeviceError
from edge.keys import Keys
from edge.mbus.value import Number
from edge.wmbus import frame, security
from edge.wmbus.compact import compact
from edge.wmbus.frame import SND_NR, Frame
from edge.wmbus.telegram import Heard, Listener

FRAMES = [json.loads(line) for line in (Path(__file__).with_name("frames") / "wmbus.jsonl").read_text().splitlines()]
KEY, OTHER = bytes(range(16)), bytes(16)
ADDRESS = frame.address("KAM", "76348799", 0x1B, 0x16)
IDENTIFICATION = "76348799"
RECORDS = bytes.fromhex("0413e80300004413d0070000")  # 1.000 m3 now, 2.000 m3 stored
BLOCK = b"\x2f\x2f" + RECORDS + b"\x2f\x2f"

# What the public expectation has and we do not say, each with its reason.
REVIEWED = {
    "mbp-06": "CI A0 belongs to the manufacturer: no standard records (the peer knows Techem's layout)",
    "mbp-13": "a manufacturer block (DIF 0F) only: no standard records (the peer knows Apator's layout)",
    "mbp-16": "the last record has 2 of its 4 bytes: a truncated telegram is an error and not a shorter one",
}


def heard(payload: bytes, key: bytes | None = KEY, listener: Listener | None = None) -> Heard:
    listener = listener or Listener(Keys({IDENTIFICATION: key} if key else {}))
    return listener.hear(Frame(SND_NR, ADDRESS, payload))


def volumes(found: Heard) -> list[str]:
    return [f"{one.value.integer}e{one.value.exponent}" for one in found.telegram.records]  # type: ignore[union-attr]  # numbers


TWO_VOLUMES = ["1000e-3", "2000e-3"]


@pytest.mark.parametrize("entry", FRAMES, ids=lambda entry: str(entry["name"]))
def test_a_public_telegram_says_who_sent_it_and_what(entry: dict) -> None:  # type: ignore[type-arg]  # JSON
    if entry["name"] == "mbp-16":
        with pytest.raises(DeviceError, match="record 7 at byte 37: truncated"):
            Listener(Keys()).hear(frame.decode(bytes.fromhex(entry["telegram"])))
        return
    found = Listener(Keys()).hear(frame.decode(bytes.fromhex(entry["telegram"])))
    expected, telegram = entry["expected"], found.telegram
    if entry["name"] != "mbp-06":  # the peer reads its own layout here
        assert int(telegram.identification) == expected["identification_number"]
        assert (telegram.manufacturer, telegram.version) == (expected["manufacturer"], expected["version"])
        assert telegram.access_number == expected["access_number"]
    if entry["name"] in REVIEWED or found.state == "no_key":
        assert telegram.records == ()
        return
    said = {_digits(one.value.integer) for one in telegram.records if isinstance(one.value, Number)}
    for one in expected["data_records"]:
        assert _digits(one["value"]) in said, one


def _digits(integer: int) -> str:
    """The peer's exponents belong to other units than it names, so they are derived by hand below."""
    return str(integer).rstrip("0") or "0"


# VIF 03: 10^0 Wh; VIF 0E: 10^6 J (EN 13757-3 table 10). The peer says kWh and GJ digits under the names Wh and kJ.
BY_HAND = {"mbp-05": Number(15694050, 0), "mbp-14": Number(9652220, 0), "mbp-15": Number(16059, 6)}


@pytest.mark.parametrize("name", BY_HAND)
def test_energies_are_what_the_standard_says(name: str) -> None:
    entry = next(one for one in FRAMES if one["name"] == name)
    records = Listener(Keys()).hear(frame.decode(bytes.fromhex(entry["telegram"]))).telegram.records
    energy = next(one for one in records if one.measurand.name == "energy")
    assert energy.value == BY_HAND[name]
    assert energy.measurand.unit == ("J" if name == "mbp-15" else "Wh")


def test_mode_5_is_read_with_the_key_and_counted_without() -> None:
    hidden = security.hide_mode5(KEY, ADDRESS, 0x2A, BLOCK)
    payload = bytes.fromhex("7a2a001005") + hidden
    assert heard(payload).state == "decrypted"
    assert volumes(heard(payload)) == TWO_VOLUMES
    for key, state in ((None, "no_key"), (OTHER, "wrong_key")):
        found = heard(payload, key)
        assert (found.state, found.telegram.records) == (state, ())


def test_mode_5_behind_a_long_header_uses_the_meters_own_address() -> None:
    meter = frame.address("ELS", "12345678", 0x33, 0x03)
    hidden = security.hide_mode5(KEY, meter, 0x2A, BLOCK)
    payload = b"\x72" + meter[2:6] + meter[:2] + meter[6:] + bytes.fromhex("2a001005") + hidden
    found = heard(payload, listener=Listener(Keys({"12345678": KEY})))
    assert (found.state, found.telegram.identification, found.telegram.medium) == ("decrypted", "12345678", "gas")
    assert volumes(found) == TWO_VOLUMES


def test_plain_records_behind_the_encrypted_blocks_are_read() -> None:
    hidden = security.hide_mode5(KEY, ADDRESS, 1, BLOCK)
    assert len(heard(bytes.fromhex("7a01001005") + hidden + bytes.fromhex("02fd170000")).telegram.records) == 3


def test_a_telegram_that_somebody_has_decrypted_already_is_read_as_it_is() -> None:
    found = heard(bytes.fromhex("7a2a001005") + BLOCK, key=None)
    assert (found.state, volumes(found)) == ("open", TWO_VOLUMES)


def mode7(counter: int, key: bytes = KEY, proof_key: bytes = KEY) -> bytes:
    octets = counter.to_bytes(4, "little")
    encryption, _ = security.mode7_keys(key, ADDRESS[2:6], octets)
    _, authentication = security.mode7_keys(proof_key, ADDRESS[2:6], octets)
    transport = bytes.fromhex("7a2a00100710") + security.hide_mode7(encryption, BLOCK)
    mac = security.cmac(authentication, b"\x25" + octets + transport)[:8]
    return bytes.fromhex("900f002c25") + octets + mac + transport


def test_mode_7_is_read_and_its_proof_checked() -> None:
    found = heard(mode7(7))
    assert (found.state, volumes(found)) == ("decrypted", TWO_VOLUMES)
    assert heard(mode7(7), OTHER).state == "wrong_key"
    assert heard(mode7(7), None).state == "no_key"
    assert heard(mode7(7, proof_key=OTHER)).state == "wrong_key"
    altered = bytearray(mode7(7))
    altered[-1] ^= 1
    assert heard(bytes(altered)).state == "wrong_key"


def test_a_counter_of_mode_7_that_does_not_rise_is_a_repetition() -> None:
    listener = Listener(Keys({IDENTIFICATION: KEY}))
    assert heard(mode7(9), listener=listener).state == "decrypted"
    assert heard(mode7(8), listener=listener).state == "repeated_counter"
    assert heard(mode7(9), listener=listener).state == "repeated_counter"
    assert heard(mode7(10), listener=listener).state == "decrypted"


def test_aes_cmac_is_that_of_rfc_4493() -> None:
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    assert security.cmac(key, b"").hex() == "bb1d6929e95937287fa37d129b756746"
    assert security.cmac(key, bytes.fromhex("6bc1bee22e409f96e93d7e117393172a")).hex() == (
        "070a16b46b4d4144f79bdd9dd04a287c"
    )


def extended(application: bytes, key: bytes | None) -> bytes:
    session = bytes.fromhex("d37cac21")  # its three highest bits say: AES-CTR
    plain = frame.crc(application).to_bytes(2, "little") + application
    if key is None:
        return bytes.fromhex("8d2091") + bytes.fromhex("d37cac01") + plain
    return bytes.fromhex("8d2091") + session + security.extended_link(key, ADDRESS, 0x20, session, plain)


def test_the_extended_link_layer_is_opened_with_the_key() -> None:
    application = b"\x78" + RECORDS
    assert volumes(heard(extended(application, KEY))) == TWO_VOLUMES
    assert volumes(heard(extended(application, None), None)) == TWO_VOLUMES
    assert heard(extended(application, OTHER)).state == "wrong_key"
    assert heard(extended(application, KEY), None).state == "no_key"


def test_a_repeaters_change_of_the_control_field_is_seen_through() -> None:
    repeated = bytearray(extended(b"\x78" + RECORDS, KEY))
    repeated[1] |= 0x12
    assert volumes(heard(bytes(repeated))) == TWO_VOLUMES


def test_a_short_extended_link_layer_carries_the_access_number() -> None:
    found = heard(bytes.fromhex("8c2091") + b"\x78" + RECORDS)
    assert (found.telegram.access_number, volumes(found)) == (0x91, TWO_VOLUMES)


def test_a_compact_frame_is_read_once_its_format_was_heard() -> None:
    listener = Listener(Keys({IDENTIFICATION: KEY}))
    later = bytes.fromhex("0413e90300004413d0070000")
    small = extended(b"\x79" + compact(later), KEY)
    assert heard(small, listener=listener).state == "unknown_format"
    heard(extended(b"\x78" + RECORDS, KEY), listener=listener)
    found = heard(small, listener=listener)
    assert volumes(found) == ["1001e-3", "2000e-3"]
    with pytest.raises(DeviceError, match="compact frame: CRC"):
        heard(extended(b"\x79" + compact(later)[:-1] + b"\x01", KEY), listener=listener)


BROKEN = {
    "no CI field behind the link layer": bytes.fromhex("8c2091"),
    "extended link layer: truncated, 2 of 3 bytes": bytes.fromhex("8c20"),
    "extended link layer: truncated, 3 of 9 bytes": bytes.fromhex("8d2091"),
    "extended link layer: the CRC of the payload is wrong": bytes.fromhex("8d2091d37cac010000780401"),
    "AFL: truncated": bytes.fromhex("900f002c"),
    "AFL: fragmented messages are not read": bytes.fromhex("90020040"),
    "CI field 55 is not known": bytes.fromhex("5500"),
    "header truncated, 2 of 4 bytes": bytes.fromhex("7a2a00"),
    "5 bytes of 1 encrypted blocks": bytes.fromhex("7a2a0010050102030405"),
    "mode 7 without an AFL message counter": bytes.fromhex("7a2a001007") + bytes(17),
    "mode 7 without a MAC": bytes.fromhex("9007000825000000007a2a0010070f") + bytes(16),
    "compact frame: truncated, 1 bytes": bytes.fromhex("8c20917901"),
}


@pytest.mark.parametrize("message", BROKEN)
def test_a_broken_telegram_says_where(message: str) -> None:
    with pytest.raises(DeviceError, match=message):
        heard(BROKEN[message])


def test_an_unknown_mode_has_no_records() -> None:
    assert heard(bytes.fromhex("7a2a00100d") + bytes(16)).state == "unknown_mode"
    assert heard(bytes.fromhex("8d2091d37cac61") + bytes(8)).state == "unknown_mode"
