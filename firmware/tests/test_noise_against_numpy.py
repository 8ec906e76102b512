"""Levels of noise and bursts against numpy in double precision, in real MicroPython and on CPython."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from firmware.noise.sound_level import SLOTS, SoundLevel

ROOT = Path(__file__).parents[2]
RATE = 48000
SECONDS = 20
START = RATE * 3 // 10
Signal = NDArray[np.float64]


def analytic(frequencies: Signal) -> Signal:
    """The A curve of IEC 61672-1 annex E, 1 at 1 kHz."""
    square = frequencies**2
    high = np.sqrt((square + 107.65265**2) * (square + 737.86223**2))
    curve = 12194.217**2 * square**2 / ((square + 20.598997**2) * high * (square + 12194.217**2))
    return np.asarray(curve * 10 ** (1.9997 / 20))


def reference(samples: Signal) -> dict[str, float]:
    """``samples`` in full scale; levels as if full scale were a sine of 120 dB."""
    padded = np.concatenate([samples, np.zeros(RATE)])
    spectrum = np.fft.rfft(padded) * analytic(np.fft.rfftfreq(len(padded), 1 / RATE))
    power = np.fft.irfft(spectrum)[: len(samples)] ** 2
    factor, fast, fast_levels = 1 - np.exp(-1 / (0.125 * RATE)), float(power[:START].mean()), []
    for value in power.tolist():
        fast += (value - fast) * factor
        fast_levels.append(fast)
    heard = np.array(fast_levels[START:])
    levels = 10 * np.log10(heard * 2) + 120
    eighths = levels[RATE // 8 - 1 :: RATE // 8]
    return {
        "laeq": float(10 * np.log10(power[START:].mean() * 2) + 120),
        "lafmax": float(levels.max()),
        "lafmin": float(levels.min()),
        "la10": float(np.percentile(eighths, 90)),
        "la50": float(np.percentile(eighths, 50)),
        "la90": float(np.percentile(eighths, 10)),
    }


def white(chance: np.random.Generator) -> Signal:
    return chance.standard_normal(SECONDS * RATE) * 0.01


def pink(chance: np.random.Generator) -> Signal:
    spectrum = np.fft.rfft(chance.standard_normal(SECONDS * RATE))
    frequencies = np.fft.rfftfreq(SECONDS * RATE, 1 / RATE)
    frequencies[0] = np.inf
    signal = np.fft.irfft(spectrum / np.sqrt(frequencies))
    return np.asarray(signal / signal.std() * 0.02)


def cars(chance: np.random.Generator) -> Signal:
    """Pink noise that swells and fades by 25 dB, as a street does."""
    time = np.arange(SECONDS * RATE) / RATE
    return pink(chance) * 10 ** (12.5 * (np.cos(2 * np.pi * time / 7) - 1) / 20)


def bursts(chance: np.random.Generator) -> Signal:
    """Tone bursts of 4 kHz, 50 ms every 0.73 s, none in the first 300 ms, 30 dB over a quiet background."""
    time = np.arange(SECONDS * RATE) / RATE
    tone = 0.2 * np.sin(2 * np.pi * 4000 * time) * (abs(time % 0.73 - 0.5) < 0.025)
    return np.asarray(tone + pink(chance) * 0.1)


def quiet(chance: np.random.Generator) -> Signal:
    """A night of about 30 dB(A)."""
    return pink(chance) * 10 ** (-52 / 20)


def slots(samples: Signal) -> bytes:
    """24 bits, on the left of 32."""
    whole = np.clip(np.round(samples * 8388608), -8388608, 8388607).astype(np.int32)
    return (whole << 8).astype("<i4").tobytes()


def on_cpython(sound: Path) -> dict[str, float]:
    level, words = SoundLevel(0.0), memoryview(sound.read_bytes()).cast("I")
    for first in range(0, len(words) - SLOTS + 1, SLOTS):
        level.hear(words[first : first + SLOTS])
    found = [level.equivalent(), level.highest(), level.lowest(), *level.exceeded(10, 50, 90)]
    return dict(zip(("laeq", "lafmax", "lafmin", "la10", "la50", "la90"), found, strict=True))


SCRIPT = """
import json, sys
from firmware.noise.sound_level import SLOTS, SoundLevel
level, buffer = SoundLevel(0.0), bytearray(4 * SLOTS)
with open(sys.argv[1], "rb") as file:
    while file.readinto(buffer) == len(buffer):
        level.hear(buffer)
found = [level.equivalent(), level.highest(), level.lowest()] + level.exceeded(10, 50, 90)
print(json.dumps(dict(zip(("laeq", "lafmax", "lafmin", "la10", "la50", "la90"), found))))
"""


def on_micropython(sound: Path) -> dict[str, float]:
    beside = Path(sys.executable).with_name("micropython")
    found = str(beside) if beside.exists() else shutil.which("micropython")
    if found is None:
        pytest.skip("micropython: no wheel for this platform on PyPI")
    script = sound.with_suffix(".py")
    script.write_text(SCRIPT, "utf-8")
    command = [found, "-X", "heapsize=64wK", str(script), str(sound)]
    environment = {"MICROPYPATH": f".frozen:{ROOT}"}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    levels: dict[str, float] = json.loads(ran.stdout)
    return levels


@pytest.fixture(params=[on_cpython, on_micropython])
def measure(request: pytest.FixtureRequest) -> Callable[[Path], dict[str, float]]:
    chosen: Callable[[Path], dict[str, float]] = request.param
    return chosen


@pytest.mark.parametrize("make", [white, pink, cars, bursts, quiet])
def test_every_level_is_within_two_tenths_of_numpy(
    make: Callable[[np.random.Generator], Signal], measure: Callable[[Path], dict[str, float]], tmp_path: Path
) -> None:
    samples = make(np.random.default_rng(20261123))
    sound = tmp_path / "sound"
    sound.write_bytes(slots(samples))
    expected, found = reference(samples), measure(sound)
    errors = {name: found[name] - level for name, level in expected.items()}
    print(f"\n{make.__name__} {measure.__name__}:", *(f"{n} {expected[n]:.1f} {e:+.2f}" for n, e in errors.items()))
    assert max(map(abs, errors.values())) < 0.2, errors
