"""Secondary addresses: written, read, matched and narrowed, and what a selection does to a meter."""

import pytest

from edge.errors import DeviceError
from edge.mbus import address, frame
from edge.mbus.address import ANY, SecondaryAddress
from edge.mbus.frame import Frame
from edge.mbus.session import Answers, Readout

KAMSTRUP = SecondaryAddress("06855817", 0x2C2D, 8, 4)
HEADER = bytes.fromhex("175885062d2c0804040000" + "00")
ANSWER = frame.encode(Frame(0x08, 5, 0x72, HEADER + bytes.fromhex("041301000000")))
FIRST = frame.encode(Frame(0x08, 5, 0x72, HEADER + bytes.fromhex("0413010000001f")))


def test_an_address_is_sixteen_digits_both_ways() -> None:
    assert str(KAMSTRUP) == "068558172d2c0804"
    assert address.parse("068558172D2C0804") == KAMSTRUP
    assert address.parse("06855817") == SecondaryAddress("06855817")


@pytest.mark.parametrize("text", ["", "0685581", "068558172d2c08", "0685581g", "068558172d2c080400"])
def test_an_address_of_another_length_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected 8 or 16"):
        address.parse(text)


def test_the_selection_frame_is_the_standards() -> None:
    assert frame.encode(KAMSTRUP.selection) == bytes.fromhex("680b0b6853fd52175885062d2c08040116")
    assert address.of_selection(KAMSTRUP.selection.payload) == KAMSTRUP
    reversed_ = bytes.fromhex("068558172c2d0804")
    assert address.of_selection(reversed_, is_reversed=True) == KAMSTRUP


@pytest.mark.parametrize(
    ("mask", "does_fit"),
    [
        ("ffffffff", True), ("06855817", True), ("f685581f", True), ("06855818", False), ("068558172d2cffff", True),
        ("ffffffff2d2c0804", True), ("ffffffff2d2c0904", False), ("ffffffffffffff07", False),
        ("ffffffff2c2dffff", False),
    ],
)  # fmt: skip
def test_wildcards_fit_every_digit_manufacturer_version_and_medium(mask: str, does_fit: bool) -> None:
    assert address.parse(mask).fits(KAMSTRUP) == does_fit


def test_narrower_masks_take_every_nibble_then_medium_and_version() -> None:
    first = [mask.identification[0] for mask in ANY.narrower()]
    assert first == list("0123456789abcde")  # f is the wildcard itself
    media = list(SecondaryAddress("06855817").narrower())
    assert SecondaryAddress("06855817", medium=4) in media
    assert len(list(media[0].narrower())) == 255
    assert list(KAMSTRUP.narrower()) == []


def test_both_sides_understand_each_other_over_a_selection_and_two_telegrams() -> None:
    meter, readout = Answers(5, KAMSTRUP), Readout(address.parse("06855817"))
    sent = []
    while not readout.is_done:
        sent.append(readout.request[1])
        readout.received(meter.answer(readout.request, [FIRST, ANSWER]))
    assert sent == [0x0B, 0x7B, 0x5B]  # selection, then FCB 1 and 0
    assert len(readout.telegrams) == 2


def test_a_meter_is_released_by_another_selection_and_by_a_reset() -> None:
    meter = Answers(5, KAMSTRUP)
    ask = frame.encode(Frame(0x7B, 253))
    for release in (SecondaryAddress("11111111").selection, Frame(0x40, 253)):
        assert meter.answer(frame.encode(KAMSTRUP.selection), [ANSWER]) == frame.ACK
        assert meter.answer(ask, [ANSWER]) == ANSWER
        meter.answer(frame.encode(release), [ANSWER])
        assert meter.answer(ask, [ANSWER]) == b""


def test_the_answer_of_a_meter_that_was_not_selected_is_refused() -> None:
    readout = Readout(SecondaryAddress("11111111"))
    readout.received(frame.ACK)
    with pytest.raises(DeviceError, match="answer of 068558172d2c0804, asked 11111111ffffffff"):
        readout.received(ANSWER)


def test_a_selection_without_its_eight_bytes_is_no_request() -> None:
    with pytest.raises(DeviceError, match="selection of 3 bytes"):
        Answers(5, KAMSTRUP).answer(frame.encode(Frame(0x53, 253, 0x52, b"abc")), [ANSWER])


def test_a_meter_takes_a_new_speed_at_every_code() -> None:
    meter = Answers(5, KAMSTRUP, 2400)
    for ci, baud in ((0xB8, 300), (0xBF, 38400)):
        assert meter.answer(frame.encode(Frame(0x53, 5, ci)), []) == frame.ACK
        assert meter.baud == baud
