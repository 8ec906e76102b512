"""A configuration is taken whole, once, from who may send it; and one that does not work does not stay."""

import os

from firmware import orders
from firmware.config import ATTEMPTS, Config
from firmware.settings import SettingsError, between, whole
from firmware.tests.fake_board import finish


class Kind:
    KEYS = {"height_mm": whole}
    OPTIONAL = {"threshold_mm": (between(1, 500), 30)}


NODE_JSON = {"period_ms": 1000, "rest": {"height_mm": 3000}, "broker": {"host": "h"}, "thing": "t-1"}
DEFAULT = {"period_ms": 1000, "height_mm": 3000, "threshold_mm": 30}
TRUST = {"center-water": ["command", "config"], "releases": ["update"]}


class Signatures:
    """The signature of a message is ``of <its key>``."""

    async def signed(self, message: dict) -> bool:
        return message.get("signature") == "of " + message["by"].split("/")[0]


def fresh() -> None:
    for name in os.listdir("."):
        if name[:7] == "config.":
            os.remove(name)


def opened(**changes: object) -> Config:
    """As a start of the node does it, but for counting the start."""
    settings = dict(NODE_JSON)
    settings.update(changes)
    return Config(".", lambda: (settings, Kind), TRUST)


def message(number: int, settings: dict, **changes: object) -> bytes:
    made = {"number": number, "settings": settings, "by": "center-water", "signature": "of center-water"}
    made.update(changes)
    return orders.encode_config({key: value for key, value in made.items() if value is not None})


def given(config: Config, number: int, settings: dict, **changes: object) -> bool:
    return came(config, message(number, settings, **changes))


def came(config: Config, payload: bytes) -> bool:
    """As the desk does it."""
    found, name = config.news(payload)
    return found is not None and config.offer(found, name, finish(Signatures().signed(found)))


def confirmed(number: int, settings: dict) -> Config:
    config = opened()
    assert given(config, number, settings)
    config = opened()
    config.start()
    config.confirm()
    return config


def test_without_one_the_node_is_as_node_json_says():
    fresh()
    config = opened()
    assert config.start() == DEFAULT
    assert (config.number, config.error, config.is_trial) == (0, "", False)
    assert [name for name in os.listdir(".") if name[:7] == "config."] == []


def test_an_accepted_one_holds_after_the_next_start_and_all_that_follow():
    fresh()
    assert given(opened(), 4, {"period_ms": 60000, "threshold_mm": 45})
    for _ in range(2):
        config = opened()
        assert config.start() == {"period_ms": 60000, "height_mm": 3000, "threshold_mm": 45}
        assert (config.number, config.error) == (4, "")
        config.confirm()
    assert not opened().is_trial


def test_what_it_does_not_name_is_as_in_node_json_again():
    fresh()
    confirmed(1, {"period_ms": 60000, "threshold_mm": 45})
    confirmed(2, {"height_mm": 2000})
    assert opened().start() == {"period_ms": 1000, "height_mm": 2000, "threshold_mm": 30}


def test_the_retained_message_is_no_news_at_every_connection():
    fresh()
    config = confirmed(4, {"period_ms": 60000})
    before = os.listdir(".")
    assert not given(config, 4, {"period_ms": 60000})
    assert config.error == ""
    assert not given(opened(), 4, {"period_ms": 60000})
    assert sorted(os.listdir(".")) == sorted(before)


def test_a_number_that_is_not_above_the_current_one_is_refused():
    fresh()
    config = confirmed(4, {"period_ms": 60000})
    for number, settings in ((3, {"period_ms": 5000}), (4, {"period_ms": 5000})):
        assert not given(config, number, settings)
        assert config.error == "number " + str(number) + " is not above 4"
    assert opened().start()["period_ms"] == 60000
    assert not given(config, 4, {"period_ms": 60000})
    assert config.error == ""  # what is retained is right again


def test_a_wrong_one_is_refused_whole_and_the_old_one_stays():
    fresh()
    config = confirmed(4, {"period_ms": 60000})
    for settings, said in (
        ({"period_ms": 5000, "threshold_mm": 501}, "threshold_mm: expected a whole number from 1 to 500"),
        ({"period_ms": 0}, "period_ms: expected a whole number over 0"),
        ({"period_ms": "soon"}, "period_ms: expected a whole number over 0"),
        ({"height_mm": None}, "height_mm: expected a whole number over 0"),
        ({"broker": {"host": "elsewhere"}}, "broker: is not for a configuration to change"),
        ({"thing": "t-2"}, "thing: is not for a configuration to change"),
        ({"trust": {"me": ["update"]}}, "trust: is not for a configuration to change"),
        ({"hal": {}}, "hal: is not for a configuration to change"),
        ({"key": "key.der"}, "key: is not for a configuration to change"),
        ({"colour": "red"}, "colour: is not for a configuration to change"),
    ):
        assert not given(config, 5, settings), settings
        assert config.error == said, config.error
        assert config.number == 4
    assert opened().start() == {"period_ms": 60000, "height_mm": 3000, "threshold_mm": 30}
    assert given(config, 5, {"period_ms": 5000})  # the number is still free


def test_one_that_nobody_signed_who_may_is_refused():
    fresh()
    config = opened()
    for changes, said in (
        ({"signature": None}, "not signed by center-water"),
        ({"signature": "of me"}, "not signed by center-water"),
        ({"by": "releases", "signature": "of releases"}, "releases may not configure here"),
        ({"by": "stranger", "signature": "of stranger"}, "stranger may not configure here"),
        ({"by": None}, "nobody may not configure here"),
    ):
        assert not given(config, 5, {"period_ms": 5000}, **changes), changes
        assert config.error == said, config.error
    assert opened().start() == DEFAULT
    assert given(config, 5, {"period_ms": 5000}, by="center-water/ana.kovac")


def test_what_is_no_configuration_is_refused():
    fresh()
    config = opened()
    for payload, said in (
        (b"{", "not JSON"),
        (b"[]", "expected an object"),
        (b'{"number":0,"settings":{}}', "number: expected a whole number from 1 to 9007199254740992"),
        (b'{"number":1,"settings":[]}', "settings: expected an object"),
        (b'{"number":1,"settings":{},"expires":1}', "expires: unknown key"),
        (b'{"number":1,"settings":{"period_ms":1e999}}', "message: can't be signed"),
    ):
        assert not came(config, payload)
        assert config.error == said, config.error


def test_one_that_fails_three_starts_is_given_up_and_not_tried_again():
    fresh()
    confirmed(4, {"period_ms": 60000})
    assert given(opened(), 5, {"period_ms": 1})
    for _ in range(ATTEMPTS):
        config = opened()
        assert config.start()["period_ms"] == 1
        assert config.is_trial
    config = opened()
    assert config.start()["period_ms"] == 60000
    assert (config.number, config.is_trial) == (4, False)
    assert config.error == "number 5 was given up: failed 3 starts"
    config = opened()
    config.start()
    assert not given(config, 5, {"period_ms": 1})  # it is still retained
    assert config.error == "number 5 was given up: failed 3 starts"
    assert not given(config, 5, {"period_ms": 2})
    assert config.error == "number 5 is not above 5"
    assert given(config, 6, {"period_ms": 2})
    assert opened().error == ""


def test_the_first_of_all_that_fails_leaves_node_json():
    fresh()
    assert given(opened(), 1, {"period_ms": 1})
    for _ in range(ATTEMPTS):
        opened().start()
    config = opened()
    assert config.start() == DEFAULT
    assert (config.number, config.error) == (0, "number 1 was given up: failed 3 starts")


def test_one_that_the_sensors_refuse_is_given_up_at_once():
    fresh()
    confirmed(4, {"period_ms": 60000})
    assert given(opened(), 5, {"height_mm": 9})
    config = opened()
    config.start()
    config.give_up("hal: no such height")
    config = opened()
    assert config.start()["height_mm"] == 3000
    assert (config.number, config.error) == (4, "number 5 was given up: hal: no such height")


def test_a_second_one_during_the_trial_of_the_first_goes_back_to_what_was_confirmed():
    fresh()
    confirmed(4, {"period_ms": 60000})
    assert given(opened(), 5, {"period_ms": 5})
    config = opened()
    config.start()
    assert given(config, 6, {"period_ms": 6})
    for _ in range(ATTEMPTS):
        assert opened().start()["period_ms"] == 6
    config = opened()
    assert config.start()["period_ms"] == 60000
    assert config.number == 4


def test_a_newer_firmware_that_does_not_know_a_key_starts_without_the_configuration():
    fresh()
    confirmed(4, {"threshold_mm": 45})

    class Newer:
        KEYS = {"height_mm": whole}
        OPTIONAL = {}

    config = Config(".", lambda: (NODE_JSON, Newer), TRUST)
    assert config.start() == {"period_ms": 1000, "height_mm": 3000}
    assert config.error == "number 4 was given up: threshold_mm: is not for a configuration to change"


def test_a_wrong_node_json_is_said_as_such():
    fresh()
    try:
        opened(rest={}).start()
    except SettingsError as error:
        said = str(error)
    assert said == "height_mm: missing"


def test_a_damaged_file_means_the_one_before_and_that_damaged_too_means_none():
    fresh()
    confirmed(3, {"period_ms": 3000})
    confirmed(4, {"period_ms": 4000})
    with open("config.json", "rb") as file:
        whole_file = file.read()
    for damaged in (b"", whole_file[:-1], whole_file[:7], b"zz" + whole_file[2:], _flipped(whole_file)):
        with open("config.json", "wb") as file:
            file.write(damaged)
        config = opened()
        assert config.start()["period_ms"] == 3000, damaged
        assert (config.number, config.is_trial) == (3, False)
        assert config.error == "config.json: damaged, the one before is back"
    with open("config.old", "wb") as file:
        file.write(b"00000000{}")
    config = opened()
    assert config.start() == DEFAULT
    assert config.number == 0
    assert given(config, 4, {"period_ms": 4000})
    assert opened().start()["period_ms"] == 4000


def _flipped(octets: bytes) -> bytes:
    middle = len(octets) // 2
    return octets[:middle] + bytes([octets[middle] ^ 4]) + octets[middle + 1 :]


def test_a_flash_that_is_full_keeps_the_old_one():
    fresh()
    config = confirmed(4, {"period_ms": 60000})
    import firmware.config as owner

    before, owner.replace = owner.replace, full
    try:
        assert not given(config, 5, {"period_ms": 5000})
    finally:
        owner.replace = before
    assert config.error.startswith("flash: ")
    assert (config.number, opened().number) == (4, 4)
    assert given(config, 5, {"period_ms": 5000})


def full(_path: str, _octets: bytes) -> None:
    raise OSError(28, "no space left on device")


def test_a_retained_message_that_is_taken_away_changes_nothing():
    fresh()
    config = confirmed(4, {"period_ms": 60000})
    assert not came(config, b"")
    assert (config.number, config.error) == (4, "")
