"""The link layer's turns: reset, frame count bit, repetition, and both sides against each other."""

import pytest

from edge.errors import DeviceError
from edge.mbus import frame
from edge.mbus.frame import Frame
from edge.mbus.session import Answers, Readout

LAST = frame.encode(Frame(0x08, 5, 0x78, bytes.fromhex("041301000000")))
FIRST = frame.encode(Frame(0x08, 5, 0x78, bytes.fromhex("0413020000001f")))


def test_a_readout_resets_the_link_then_asks_with_fcb_one() -> None:
    readout = Readout(5)
    assert readout.request == bytes.fromhex("1040054516")
    readout.received(b"\xe5")
    assert readout.request == bytes.fromhex("107b058016")
    readout.received(LAST)
    assert readout.is_done


def test_the_frame_count_bit_toggles_only_after_a_valid_answer() -> None:
    readout = Readout(5)
    readout.received(b"\xe5")
    with pytest.raises(DeviceError, match="checksum"):
        readout.received(FIRST[:-2] + b"\x00\x16")
    readout.failed("checksum")
    assert readout.request[1] == 0x7B
    readout.received(FIRST)
    assert readout.request[1] == 0x5B
    readout.received(LAST)
    assert [len(telegram.records) for telegram in readout.telegrams] == [1, 1]


def test_a_request_is_repeated_twice_and_then_given_up() -> None:
    readout = Readout(5)
    readout.failed("no answer")
    readout.failed("no answer")
    with pytest.raises(DeviceError, match="no answer"):
        readout.failed("no answer")


def test_an_answer_of_another_meter_is_refused() -> None:
    readout = Readout(6)
    readout.received(b"\xe5")
    with pytest.raises(DeviceError, match="answer of address 5, asked 6"):
        readout.received(LAST)


def test_noise_instead_of_an_acknowledgement_is_refused() -> None:
    with pytest.raises(DeviceError, match="expected e5"):
        Readout(5).received(LAST)


def test_a_chain_that_never_ends_is_given_up_and_not_asked_for_again() -> None:
    readout = Readout(5)
    readout.received(b"\xe5")
    for _ in range(15):
        readout.received(FIRST)
    with pytest.raises(DeviceError, match="more than 16"):
        readout.received(FIRST)
    with pytest.raises(DeviceError, match="more than 16"):
        readout.failed("more than 16")


def test_both_sides_understand_each_other_even_when_an_answer_is_lost() -> None:
    meter, readout = Answers(5), Readout(5)
    turns = 0
    while not readout.is_done:
        octets = meter.answer(readout.request, [FIRST, LAST])
        turns += 1
        if turns == 2:
            readout.failed("lost")  # the meter repeats the same telegram, as the bit has not toggled
            continue
        readout.received(octets)
    assert [telegram.records[0].value.integer for telegram in readout.telegrams] == [2, 1]  # type: ignore[union-attr]


def test_a_meter_is_silent_when_another_one_or_another_thing_is_asked() -> None:
    assert Answers(5).answer(frame.encode(Frame(0x5B, 6)), [LAST]) == b""
    assert Answers(5).answer(frame.encode(Frame(0x53, 5, 0x51)), [LAST]) == b""
