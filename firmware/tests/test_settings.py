"""Every missing or wrong key of node.json is one line that names it."""

import json

from firmware import node_json
from firmware.nodes import water
from firmware.settings import SettingsError, whole

GOOD = {
    "city": "koper",
    "publisher": "park-0001",
    "thing": "spot-0001",
    "kind": "parking",
    "period_ms": 1000,
    "broker": {"host": "127.0.0.1", "port": 8883, "server_name": "localhost"},
    "certificate": "cert.der",
    "key": "key.der",
    "ca": "ca.der",
    "hal": {"sensor": "127.0.0.1:20001"},
}


def load(text: str) -> dict:
    with open("node_under_test.json", "w") as file:
        file.write(text)
    return node_json.load("node_under_test.json")


def changed(**changes: object) -> str:
    made = dict(GOOD)
    made.update(changes)
    return json.dumps({key: value for key, value in made.items() if value != "absent"})


def refusal(text: str) -> str:
    try:
        load(text)
    except SettingsError as error:
        return str(error)
    raise AssertionError("accepted: " + text)


def test_good_settings_are_taken_as_they_are():
    loaded = load(changed(outbox_bytes=4096, litres_per_pulse=10))
    for key, value in GOOD.items():
        assert loaded[key] == value, key
    assert loaded["outbox_bytes"] == 4096
    assert loaded["rest"] == {"litres_per_pulse": 10}


def test_each_missing_key_is_named():
    for key in GOOD:
        assert refusal(changed(**{key: "absent"})) == key + ": missing"
    for key in GOOD["broker"]:
        broker = {other: value for other, value in GOOD["broker"].items() if other != key}
        assert refusal(changed(broker=broker)) == "broker." + key + ": missing"


def test_each_wrong_value_is_named():
    assert refusal(changed(city="Koper!")) == "city: expected 1 to 64 of a-z 0-9 -"
    assert refusal(changed(thing=7)).startswith("thing: expected")
    assert refusal(changed(period_ms=0)) == "period_ms: expected a whole number over 0"
    assert refusal(changed(period_ms=True)) == "period_ms: expected a whole number over 0"
    assert refusal(changed(kind="")) == "kind: expected text"
    assert refusal(changed(hal=[])) == "hal: expected an object"
    port = {"host": "h", "port": 70000, "server_name": "s"}
    assert refusal(changed(broker=port)) == "broker.port: expected a port, 1 to 65535"
    port["prot"] = 1
    assert refusal(changed(broker=port)) == "broker.prot: unknown key"


def test_a_file_that_is_none_is_one_clear_line():
    assert refusal("{") == "node_under_test.json: not JSON"
    assert refusal("[]") == "node_under_test.json: expected an object"
    said = ""
    try:
        node_json.load("nowhere.json")
    except SettingsError as error:
        said = str(error)
    assert said == "nowhere.json: can't be read"


def of_kind(text: str) -> str:
    try:
        node_json.of_kind(load(text), water.KEYS, {})
    except SettingsError as error:
        return str(error)
    raise AssertionError("accepted: " + text)


def test_a_kind_asks_for_its_own_keys_and_knows_no_others():
    for given, taken in (([5, -1], (5, -1)), (10, (10, 0))):
        loaded = load(changed(litres_per_pulse=given))
        assert node_json.of_kind(loaded, water.KEYS, {}) == {"litres_per_pulse": taken}
    assert of_kind(changed()) == "litres_per_pulse: missing"
    assert of_kind(changed(litres_per_pulse=0.5)).startswith("litres_per_pulse: expected a whole number")
    assert of_kind(changed(litres_per_pulse=1, colour="red")) == "colour: unknown key"


def test_an_optional_key_has_a_default_and_is_checked_when_it_is_given():
    optional = {"debounce": (whole, 3)}
    assert node_json.of_kind(load(changed()), {}, optional) == {"debounce": 3}
    assert node_json.of_kind(load(changed(debounce=1)), {}, optional) == {"debounce": 1}
    said = ""
    try:
        node_json.of_kind(load(changed(debounce="often")), {}, optional)
    except SettingsError as error:
        said = str(error)
    assert said == "debounce: expected a whole number over 0"


def test_a_battery_says_how_often_it_reports_and_how_long_it_waits():
    battery = {"report_ms": 3600000, "receipt_ms": 8000}
    assert load(changed(battery=battery))["battery"] == battery
    assert refusal(changed(battery={"report_ms": 1})) == "battery.receipt_ms: missing"
    assert refusal(changed(battery=3)) == "battery: expected an object"
