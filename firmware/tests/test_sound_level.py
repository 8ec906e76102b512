"""Levels are energy means, Fast and Slow have the standard's burst responses, and 32-bit floats are enough."""

import math
import struct
from array import array

from firmware.noise import a_weighting
from firmware.noise.sound_level import FAST, SLOTS, SLOW, SoundLevel, TimeWeighting

KHZ = [round(100000 * math.sin(2 * math.pi * number / 48)) for number in range(48)]  # whole periods of 1 kHz
KHZ_DB = 120 + 20 * math.log10(100000 / 8388608)


def buffer(factor: float) -> array:
    """25 ms of a sine of 1 kHz."""
    return array("I", [int(sample * factor) << 8 & 0xFFFFFFFF for sample in KHZ] * (SLOTS // 48))


SOUND, QUIET, NONE = buffer(1), buffer(0.1), buffer(0)


def started(calibration_db: float = 0.0, slots: array = SOUND) -> SoundLevel:
    sound = SoundLevel(calibration_db)
    for _ in range(12):
        assert sound.hear(slots) is None
    return sound


def test_the_first_300_ms_are_thrown_away():
    sound = started()
    assert sound.samples == 0
    assert sound.hear(SOUND) is not None
    assert sound.samples == SLOTS


def test_a_steady_tone_has_one_level():
    sound = started()
    for _ in range(200):
        sound.hear(SOUND)
    for level in (sound.equivalent(), sound.highest(), sound.lowest()):
        assert abs(level - KHZ_DB) < 0.03, level
    for level in sound.exceeded(10, 50, 90):
        assert abs(level - KHZ_DB) < 0.1


def test_calibration_is_added_to_every_level():
    plain, calibrated = started(), started(-2.5)
    for _ in range(40):
        plain.hear(SOUND)
        calibrated.hear(SOUND)
    assert abs(plain.equivalent() - calibrated.equivalent() - 2.5) < 0.001
    assert abs(plain.highest() - calibrated.highest() - 2.5) < 0.001
    assert abs(plain.exceeded(50)[0] - calibrated.exceeded(50)[0] - 2.5) < 0.05


def test_the_mean_is_one_of_energies():
    sound = started()
    for _ in range(100):
        sound.hear(SOUND)
    for _ in range(900):
        sound.hear(QUIET)
    expected = KHZ_DB + 10 * math.log10((100 + 900 * 0.01) / 1000)
    assert abs(sound.equivalent() - expected) < 0.02
    loud, quiet = sound.exceeded(5, 90)
    assert abs(loud - KHZ_DB) < 0.1
    assert abs(quiet - (KHZ_DB - 20)) < 0.1


def test_a_new_period_forgets_the_levels_of_the_last():
    sound = started()
    for _ in range(40):
        sound.hear(SOUND)
    sound.clear()
    assert (sound.samples, sound.overloads) == (0, 0)
    for _ in range(200):
        sound.hear(QUIET)
    assert abs(sound.exceeded(50)[0] - (KHZ_DB - 20)) < 0.1
    assert sound.highest() > KHZ_DB - 2  # Fast itself goes on: it was loud a moment ago


def burst(factor: int, blocks: int) -> float:
    """Highest level of a burst of so many blocks, below that of the steady sound."""
    weighting, highest = TimeWeighting(factor), 0
    for block in range(blocks + 400):
        highest = max(highest, weighting.add(1000000 if block < blocks else 0))
    return 10 * math.log10(highest / 65536 / 1000000)


def test_bursts_read_what_the_standard_says():
    # IEC 61672-1, table 4 (2013), which is 10 lg(1 - exp(-duration / time constant))
    for milliseconds, level in (
        (1000, 0.0),
        (500, -0.1),
        (200, -1.0),
        (100, -2.6),
        (50, -4.8),
        (20, -8.3),
        (10, -11.1),
    ):
        assert abs(burst(FAST, milliseconds // 5) - level) < 0.1, milliseconds
    for milliseconds, level in ((1000, -2.0), (500, -4.1), (200, -7.4), (100, -10.2), (50, -13.1)):
        assert abs(burst(SLOW, milliseconds // 5) - level) < 0.1, milliseconds


def test_fast_falls_by_34_7_db_in_a_second_and_slow_by_4_3():
    for factor, rate in ((FAST, 34.7), (SLOW, 4.34)):
        weighting = TimeWeighting(factor)
        weighting.begin(1 << 40)
        before = weighting.energy
        for _ in range(200):
            weighting.add(0)
        assert abs(10 * math.log10(before / weighting.energy) - rate) < 0.1


def test_fast_does_not_stick_below_a_quiet_sound():
    weighting = TimeWeighting(FAST)
    for _ in range(2000):
        weighting.add(1000)  # 5 dB(A)
    assert abs(weighting.energy / 65536 / 1000 - 1) < 0.001


def test_overloads_of_a_period_are_counted():
    sound = started()
    loud = array("I", [0x7FFFFF00, 0x80000000] + [0] * (SLOTS - 2))
    sound.hear(loud)
    sound.hear(loud)
    assert sound.overloads == 4


def test_no_sound_at_all_has_a_level_far_below_any_and_nothing_divides_by_zero():
    sound = started(0.0, NONE)
    for _ in range(10):
        sound.hear(NONE)
    for level in (sound.equivalent(), sound.highest(), sound.lowest()):
        assert level < 0
    assert sound.exceeded(50)[0] <= 10.1


def single(number: float) -> float:
    """As the chip keeps it: 32 bits."""
    return struct.unpack("<f", struct.pack("<f", number))[0]


def test_a_level_is_right_with_floats_of_32_bits():
    sound = SoundLevel(-1.5)
    offset = single(120 + single(-1.5))
    for exponent in range(4, 70):
        energy, samples = (1 << exponent) * 3 + 1, 48000 * 900
        mean = single(single(single(energy) / single(samples)) / single(a_weighting.FULL_SCALE_SQUARE))
        chip = single(single(10 * single(math.log10(mean))) + offset)
        assert abs(chip - sound.level(energy, samples)) < 0.001, exponent
