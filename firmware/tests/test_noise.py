"""What a noise node makes of a microphone: levels once a period, and an honest word about what it could not hear."""

import math
import struct

from firmware.nodes import noise
from firmware.settings import SettingsError
from firmware.tests.fake_board import Board, finish, settings

KHZ = [round(100000 * math.sin(2 * math.pi * number / 48)) for number in range(48)]
TONE = b"".join([struct.pack("<i", sample << 8) for sample in KHZ])
CLIPPED = struct.pack("<i", 0x7FFFFF00) + bytes(4 * 47)
KHZ_DB = 120 + 20 * math.log10(100000 / 8388608)


class Microphone:
    """Plays ``sound``, 1 ms long, over and over; ``play`` moves the time of its board as long as it lasts."""

    def __init__(self, board: Board, sound: bytes = TONE) -> None:
        self.sound = sound
        self.lost = 0
        self.largest = 10**9  # bytes that one read gives
        self.read = 0  # bytes
        self._board = board

    async def read_into(self, buffer) -> int:
        if not self.sound:
            self._board.ms += 100
            return 0
        size = min(len(buffer), self.largest)
        begun = self.read % len(self.sound)
        played = self.sound * (size // len(self.sound) + 2)
        buffer[:size] = played[begun : begun + size]
        self.read += size
        self._board.ms += size // 192
        return size


def node(sound: bytes = TONE, **changes):
    board = Board({})
    microphone = board._wires["microphone"] = Microphone(board, sound)
    board.microphone = board._opened
    changes.setdefault("calibration_db", (0, 0))
    changes.setdefault("period_ms", 3000)
    return noise.make(settings(noise, **changes), board, b""), microphone


def samples(kind, seconds: int) -> list:
    found = []
    for _ in range(seconds):
        found += finish(kind.sample())
    return found


def tenths(sample, name: str) -> float:
    integer, exponent = sample.values[name]
    assert exponent == -1
    return integer / 10


def test_a_period_is_told_once_with_all_its_levels():
    kind, _ = node()
    told = samples(kind, 6)
    assert len(told) == 2
    for sample in told:
        assert sorted(sample.values) == sorted(noise.QUANTITIES)
        assert (sample.period, sample.quality, sample.urgent) == (3000, {}, False)
        for name in noise.LEVELS:
            assert abs(tenths(sample, name) - KHZ_DB) < 0.11, name
        assert sample.values["measured_time"] == (3000, -3)
        assert (sample.values["overload_count"], sample.values["lost_samples"]) == (0, 0)
    assert kind.faults == {}


def test_seconds_are_told_only_when_they_are_asked_for():
    kind, _ = node(seconds=True)
    told = samples(kind, 3)
    assert [sample.period for sample in told] == [1000, 1000, 1000, 3000]
    assert sorted(told[0].values) == ["laeq"]


def test_a_microphone_that_gives_little_at_a_time_is_heard_all_the_same():
    kind, microphone = node()
    microphone.largest = 148  # no whole milliseconds, no whole blocks
    (told,) = samples(kind, 3)
    assert abs(tenths(told, "laeq") - KHZ_DB) < 0.11


def test_the_calibration_of_the_microphone_is_added():
    kind, _ = node(calibration_db=(-25, -1))
    (told,) = samples(kind, 3)
    assert abs(tenths(told, "laeq") - KHZ_DB + 2.5) < 0.11


def test_what_was_louder_than_full_scale_is_counted_and_suspect():
    kind, microphone = node()
    assert samples(kind, 1) == []
    microphone.sound = CLIPPED
    samples(kind, 1)
    microphone.sound = TONE
    (told,) = samples(kind, 1)
    assert told.values["overload_count"] == 1000
    assert told.quality == {"laeq": "suspect", "lafmax": "suspect", "la10": "suspect"}
    (clean,) = samples(kind, 3)
    assert (clean.values["overload_count"], clean.quality) == (0, {})


def test_lost_samples_belong_to_the_period_and_are_counted_once():
    kind, microphone = node()
    samples(kind, 1)
    microphone.lost = 2400
    (told,) = samples(kind, 2)
    assert told.values["lost_samples"] == 2400
    assert told.values["measured_time"] == (2950, -3)
    assert told.quality == {}  # 98 % of the period
    (clean,) = samples(kind, 3)
    assert clean.values["lost_samples"] == 0


def test_a_period_with_a_hole_is_suspect_and_says_how_much_it_heard():
    kind, microphone = node()
    samples(kind, 1)
    microphone.sound = b""
    samples(kind, 12)  # 100 ms each
    microphone.sound = TONE
    (told,) = samples(kind, 2)
    assert set(told.quality) == set(noise.LEVELS)
    assert told.values["measured_time"][0] < 2000
    assert kind.faults == {"no_answer": 12}


def test_a_microphone_that_was_never_there_gives_no_level():
    kind, _ = node(b"")
    assert samples(kind, 100) == []
    assert kind.faults == {"no_answer": 100}


def test_a_broken_wire_is_no_quiet_street():
    for stuck in (bytes(192), b"\xff\xff\xff\xff" * 48, b"\x00\xff\xff\x7f" * 48):
        kind, _ = node(stuck)
        told = samples(kind, 8)
        assert told == [], stuck[:4]
        assert kind.faults["dead"] >= 6


def test_a_wire_that_breaks_within_a_period_makes_it_suspect():
    kind, microphone = node()
    samples(kind, 2)
    microphone.sound = bytes(192)
    (told,) = samples(kind, 1)
    assert set(told.quality) == set(noise.LEVELS)
    assert kind.faults["dead"] >= 1


def test_a_calibration_is_decibels_and_nothing_else():
    assert noise.calibration("calibration_db", -3) == (-3, 0)
    assert noise.calibration("calibration_db", [15, -1]) == (15, -1)
    for wrong in (31, [301, -1], "1", 1.5, True, [1, 2], [1, -9], [1], None):
        said = ""
        try:
            noise.calibration("calibration_db", wrong)
        except SettingsError as error:
            said = str(error)
        assert said.startswith("calibration_db: expected dB"), wrong


def test_a_period_is_whole_seconds_and_an_hour_at_most():
    for wrong in (500, 1500, 3601000):
        said = ""
        try:
            node(period_ms=wrong)
        except SettingsError as error:
            said = str(error)
        assert said.startswith("period_ms: "), wrong
