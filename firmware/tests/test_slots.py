"""The board starts the version that is tried, goes back from one that fails, and tries nothing twice."""

import json
import os

from firmware.boot.durable import digest, replace
from firmware.boot.slots import ATTEMPTS, RESTS, Slots


def fresh() -> None:
    for folder in ("a", "b"):
        try:
            for name in os.listdir(folder):
                os.remove(folder + "/" + name)
        except OSError:
            os.mkdir(folder)
    if "slot.json" in os.listdir("."):
        os.remove("slot.json")


def install(slot: str, number: int) -> None:
    with open(slot + "/app.rom", "wb") as file:
        file.write(b"release %d" % number)
    described = {"path": "app.rom", "size": os.stat(slot + "/app.rom")[6], "sha256": digest(slot + "/app.rom")}
    replace(slot + "/manifest.json", json.dumps({"release": number, "files": [described]}).encode())


def started(is_wake: bool = False) -> tuple:
    """A start of the board: (release, how often it was tried or None)."""
    slots = Slots(".")
    return slots.release(slots.start(is_wake)), slots.trial


def tried(number: int) -> None:
    slots = Slots(".")
    install(slots.idle(), number)
    slots.try_idle()


def test_a_new_board_starts_what_stands_in_a():
    fresh()
    install("a", 1)
    assert [started() for _ in range(5)] == [(1, None)] * 5
    assert "slot.json" not in os.listdir(".")


def test_a_version_that_proves_itself_stays():
    fresh()
    install("a", 1)
    tried(2)
    assert started() == (2, 1)
    Slots(".").confirm()
    assert [started() for _ in range(5)] == [(2, None)] * 5
    assert Slots(".").confirmed == 2


def test_a_version_that_does_not_goes_after_three_starts_and_is_remembered():
    fresh()
    install("a", 1)
    tried(2)
    assert [started() for _ in range(ATTEMPTS)] == [(2, 1), (2, 2), (2, 3)]
    assert [started() for _ in range(3)] == [(1, None)] * 3
    slots = Slots(".")
    assert slots.failed == [2]
    assert slots.refusal(2) == "release 2 has failed here before"
    assert slots.refusal(3) == ""
    tried(3)
    assert started() == (3, 1)


def test_starts_that_end_in_sleep_are_no_failures_but_there_is_an_end_to_them():
    fresh()
    install("a", 1)
    tried(2)
    for _ in range(RESTS):
        assert started(is_wake=True) == (2, 1)
        Slots(".").rest()
    assert started(is_wake=True) == (1, None)
    assert Slots(".").failed == [2]
    tried(3)
    assert started() == (3, 1)  # and the next one has all its rests


def test_there_is_no_way_down():
    fresh()
    install("a", 5)
    slots = Slots(".")
    assert [slots.refusal(number) for number in (4, 5)] == ["release 4 is not above 5", "release 5 is not above 5"]
    tried(7)
    Slots(".").confirm()
    assert Slots(".").refusal(6) == "release 6 is not above 7"
    install("b", 0)  # what is damaged does not make room for something older
    assert Slots(".").refusal(6) == "release 6 is not above 7"


def test_a_version_that_is_not_whole_is_never_started():
    for damage in (lambda: os.remove("b/app.rom"), lambda: os.remove("b/manifest.json"), rot, shorten, scribble):
        fresh()
        install("a", 1)
        tried(2)
        damage()
        assert started() == (1, None), damage
        install("b", 3)
        slots = Slots(".")
        slots.try_idle()
        slots.confirm()
        damage()
        assert started() == (1, None), damage


def rot() -> None:
    with open("b/app.rom", "r+b") as file:
        file.write(b"R")


def shorten() -> None:
    with open("b/app.rom", "wb") as file:
        file.write(b"release")


def scribble() -> None:
    with open("b/manifest.json", "wb") as file:
        file.write(b'{"release":2,"files":[{"path":7}]}')


def test_a_wake_from_sleep_reads_no_files():
    fresh()
    install("a", 1)
    os.remove("a/app.rom")
    assert started(is_wake=True) == (1, None)


def test_a_pointer_of_nonsense_means_the_first_slot():
    for text in ("", "{", "[]", '{"active":"c"}', '{"active":"a","trial":"x","confirmed":null,"failed":7,"rests":[]}'):
        fresh()
        install("a", 1)
        with open("slot.json", "w") as file:
            file.write(text)
        assert started() == (1, None), text
        assert Slots(".").refusal(2) == ""


def test_with_both_damaged_the_active_one_is_all_there_is():
    fresh()
    assert started() == (0, None)
