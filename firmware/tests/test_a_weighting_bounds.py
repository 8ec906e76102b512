"""No intermediate of the filter leaves 32 bits: not by proof, and not when the worst sounds are played to it."""

import math
import operator
from collections.abc import Callable

import pytest

from firmware.noise import a_weighting as a

FULL_SCALE = a.FULL_SCALE
LONG = 1 << 14  # samples: the slowest pole has forgotten all but 1e-19 of its past


def high_pass(sound: list[float], factor: float) -> list[float]:
    output, y, before = [], 0.0, 0.0
    for x in sound:
        y, before = y + x - before - factor * y, x
        output.append(y)
    return output


def low_pass(sound: list[float], zero: float) -> list[float]:
    output, y, before = [], 0.0, 0.0
    for x in sound:
        y, before = x + zero * before + a._POLE / 512 * y, x
        output.append(y)
    return output


SECTIONS: list[tuple[str, Callable[[list[float]], list[float]], int]] = [
    ("a", lambda sound: high_pass(sound, a._A / 2**17), a._A),
    ("b", lambda sound: high_pass(sound, a._A / 2**17), a._A),
    ("c", lambda sound: high_pass(sound, a._C / 2**14), a._C),
    ("d", lambda sound: high_pass(sound, a._D / 2**12), a._D),
    ("e", lambda sound: low_pass(sound, 0.0), a._POLE + a._ZERO),
    ("f", lambda sound: low_pass(sound, a._ZERO / 512), a._POLE),
]


def impulse_responses() -> dict[str, list[float]]:
    """From the input to the output of each section."""
    responses, sound = {}, [1.0] + [0.0] * (LONG - 1)
    for name, section, _ in SECTIONS:
        sound = responses[name] = section(sound)
    return responses


RESPONSES = impulse_responses()


def bounds(full_scale: int) -> dict[str, float]:
    """The largest amount of every intermediate, for any sound: the sum of a response's amounts is its worst gain."""
    outputs = {name: sum(map(abs, response)) * full_scale + 100 for name, response in RESPONSES.items()}
    products = {f"{factor} * y{name}": factor * outputs[name] + 2**17 for name, _, factor in SECTIONS}
    products["151 * ye + 98 * yf"] = a._ZERO * outputs["e"] + a._POLE * outputs["f"] + 512
    high, low = outputs["f"] / 2048 + 1, 2047
    sums = {"high": high * high, "mixed": high * low, "low": low * low}
    return products | {name: a.BLOCK * square for name, square in sums.items()}


def test_no_sound_can_drive_an_intermediate_out_of_32_bits() -> None:
    found = bounds(FULL_SCALE)
    for name, bound in found.items():
        print(f"{name:20} 2**{math.log2(bound):.2f}")
    assert max(found.values()) < 2**30
    assert sum(map(abs, RESPONSES["f"])) < 3.7


def test_the_bound_would_find_a_filter_that_overflows() -> None:
    assert max(bounds(8 * FULL_SCALE).values()) > 2**31


class Watched(int):
    """An integer that notes the largest amount it or its descendants ever had."""

    largest = 0


def watched(operation: Callable[[int, int], int]) -> Callable[[Watched, int], Watched]:
    def calculate(left: Watched, right: int) -> Watched:
        result = Watched(operation(int(left), int(right)))
        Watched.largest = max(Watched.largest, abs(result))
        return result

    return calculate


for word in ("add", "sub", "mul", "rshift", "and_", "xor"):
    method = word.rstrip("_")
    forward = getattr(operator, word)
    setattr(Watched, f"__{method}__", watched(forward))
    setattr(Watched, f"__r{method}__", watched(lambda left, right, forward=forward: forward(right, left)))
Watched.__neg__ = lambda number: Watched(-int(number))  # type: ignore[method-assign]


def play(samples: list[int]) -> tuple[int, list[int]]:
    """The largest amount of anything while the filter weighs these samples of 21 bits, and its last state."""
    Watched.largest = 0
    state = [Watched(word) for word in a.silence()]
    words = [Watched((sample << 11) & 0xFFFFFFFF) for sample in samples]
    for first in range(0, len(words) - a.BLOCK + 1, a.BLOCK):
        a.weigh(words, first, state)  # type: ignore[arg-type]  # anything that can be indexed
    return Watched.largest, [int(word) for word in state]


@pytest.mark.parametrize("name", "abcdef")
def test_the_worst_sound_for_each_section_stays_in_32_bits(name: str) -> None:
    """The response backwards, full scale with its signs: it meets the bound of that section at its end."""
    response = RESPONSES[name][: 12 * a.BLOCK]
    samples = [FULL_SCALE - 1 if weight >= 0 else -FULL_SCALE for weight in reversed(response)]
    largest, state = play(samples)
    output = state["abcdef".index(name) + 1] - a._BIAS
    bound = sum(map(abs, RESPONSES[name])) * FULL_SCALE
    print(f"{name}: output {output} of {bound:.0f}, largest 2**{math.log2(largest):.2f}")
    assert 0.99 * bound < output < bound + 100
    assert largest < 2**30


def test_a_square_wave_at_full_scale_stays_in_32_bits() -> None:
    for half in (1, 7, 24, 223, 1165):
        samples = [FULL_SCALE - 1 if number // half % 2 else -FULL_SCALE for number in range(10 * a.BLOCK)]
        largest, _ = play(samples)
        assert largest < 2**31
