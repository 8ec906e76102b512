"""A message is taken from those who signed it and may ask for it; anything else is refused by name."""

import asyncio
import binascii
import os

from firmware import signature as rights_of
from firmware.node_json import RIGHTS, trust
from firmware.settings import SettingsError
from firmware.signature import Keys, digest, may

# SubjectPublicKeyInfo of two keys, and what the first signed; made with the Python package cryptography.
WATER = (
    "3059301306072a8648ce3d020106082a8648ce3d030107034200"
    "041ffd22a4b101a4a1b1f6778b38724a78768a1bf1aa1236ba73bed600bf621a"
    "c0f83b1868911afa484b71b37d7e6e91dfd30132c359542f3482e96bbdfbfd4222"
)
OTHER = (
    "3059301306072a8648ce3d020106082a8648ce3d030107034200"
    "0471647c40ecc502f59ed1c2a583d46b7a4f5daede2555c60562e86dcd5d2afd"
    "d9c8048a8e5727b75a564cef03463a0ab44ace378c0e9b3f8e3e2c00bab7c91f5a"
)
COMMAND = {
    "id": "c-1",
    "thing": "valve-0042",
    "name": "close",
    "arguments": {},
    "expires": 1795392060000,
    "by": "center-water",
    "reason": "poplava pri ribji tržnici",
    "signature": "sRmr1kKV5PsU91M8jEl50mpPeCOOS1wdTTxo-QWxAS1Zz0USs4jLIOSXaLIc20QZ0212BskAG7mueS-CPFRw8g",
}
TRUST = {"center-water": ["command", "config"], "releases": ["update"]}


def keys(**texts: str) -> Keys:
    try:
        os.mkdir("keys")
    except OSError:
        pass  # it is there
    for name in os.listdir("keys"):
        os.remove("keys/" + name)
    for name, text in texts.items():
        with open("keys/" + name.replace("_", "-") + ".der", "wb") as file:
            file.write(binascii.unhexlify(text))
    return Keys("keys")


def is_signed(found: Keys, message: dict) -> bool:
    return asyncio.run(found.signed(message))


def changed(**changes: object) -> dict:
    message = dict(COMMAND)
    message.update(changes)
    return {key: value for key, value in message.items() if value != "absent"}


def test_a_command_that_its_center_signed_is_signed():
    assert is_signed(keys(center_water=WATER), COMMAND)


def test_every_altered_part_is_seen():
    found = keys(center_water=WATER)
    for change in (
        {"name": "open"},
        {"thing": "valve-0043"},
        {"expires": COMMAND["expires"] + 1},
        {"arguments": {"position": 1}},
        {"id": "c-2"},
        {"by": "center-water/ana.kovac"},
        {"reason": "because"},
        {"reason": "absent"},
    ):
        assert not is_signed(found, changed(**change)), change


def test_a_signature_that_is_none_is_refused():
    found = keys(center_water=WATER)
    right = COMMAND["signature"]
    other = "A" if right[0] != "A" else "B"
    wrong = ("absent", "", 7, None, right[:-1], right + "A", right + "==", other + right[1:], "é" * 86, "+" * 86)
    for signature in wrong:
        assert not is_signed(found, changed(signature=signature)), signature


def test_nobody_signs_for_another():
    assert not is_signed(keys(center_water=OTHER), COMMAND)
    assert not is_signed(keys(center_water=WATER, center_noise=OTHER), changed(by="center-noise"))


def test_a_name_that_is_none_opens_no_file():
    found = keys(center_water=WATER)
    for by in ("absent", "", "/", 7, None, "../keys/center-water", "center-water.der", "Center-Water", "center_noise"):
        assert not is_signed(found, changed(by=by)), by


def test_a_key_that_is_missing_or_none_signs_nothing():
    assert not is_signed(keys(), COMMAND)
    for text in ("", WATER[:-2], WATER + "00", "31" + WATER[2:], WATER.replace("03010703420004", "03010703420002")):
        assert not is_signed(keys(center_water=text), COMMAND), text
    assert not is_signed(keys(center_water=WATER[:-2] + "00"), COMMAND)  # a point off the curve


def test_a_right_belongs_to_a_center_and_its_people():
    assert may(TRUST, COMMAND, "command")
    assert may(TRUST, COMMAND, "config")
    assert not may(TRUST, COMMAND, "update")
    assert may(TRUST, changed(by="center-water/ana.kovac"), "command")
    for by in ("center-waters", "ana.kovac", "", 7, None, "absent"):
        assert not may(TRUST, changed(by=by), "command"), by


def test_the_digest_leaves_out_the_signature_and_nothing_else():
    assert digest(COMMAND) == digest(changed(signature="absent")) == digest(changed(signature="x"))
    assert digest(COMMAND) != digest(changed(name="open"))


def test_what_can_not_be_written_is_not_signed():
    found = keys(center_water=WATER)
    nested = []
    for _ in range(700):
        nested = [nested]
    for arguments in ({"position": float("inf")}, {"position": "\ud800"}, {"position": nested}):
        assert not is_signed(found, changed(arguments=arguments)), arguments.keys()


def test_a_wrong_trust_is_named():
    assert trust("trust", TRUST) == TRUST
    assert RIGHTS == (rights_of.COMMAND, rights_of.CONFIG, rights_of.UPDATE)
    for wrong, said in (
        ([], "trust: expected an object"),
        ({"Center": ["command"]}, "trust.Center: expected 1 to 64 of a-z 0-9 -"),
        ({"../x": ["command"]}, "trust.../x: expected 1 to 64 of a-z 0-9 -"),
        ({"a": []}, "trust.a: expected a list of command config update"),
        ({"a": "command"}, "trust.a: expected a list of command config update"),
        ({"a": ["replay"]}, "trust.a: expected a list of command config update"),
    ):
        assert refusal(wrong) == said


def refusal(wrong: object) -> str:
    try:
        trust("trust", wrong)
    except SettingsError as error:
        return str(error)
    raise AssertionError(wrong)
