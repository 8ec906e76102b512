"""A street that is heard: ``microphone`` streams the slots of an I2S microphone.

sound = "/…/sound"     # slots of 32 bits, little endian: played once, as fast as it is read; then nothing comes
amplitude = 0.01       # without a sound: white noise, as a share of full scale, as fast as time goes

The sound itself is the truth here: what its levels are is for a test to say. The truth file has how much was given.
"""

import asyncio
import itertools
import random
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from hil_tests.instruments.scenario import Strict
from hil_tests.instruments.virtual import Connected, Site

RATE = 48_000
_SLOTS = 4_800  # 100 ms


class Settings(Strict):
    sound: Path | None = None
    amplitude: float = Field(default=0.01, gt=0, le=0.2)

    @model_validator(mode="after")
    def _sound_is_there(self) -> Self:
        if self.sound is not None and not self.sound.is_file():
            raise ValueError(f"sound: there is no file {self.sound}")
        return self


def serve(settings: Settings, site: Site) -> Mapping[str, Connected]:
    given = 0  # bytes, by all connections: a node that starts again hears the rest

    async def play(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal given
        begun, before = site.seconds(), given
        for first, slots in _pieces(settings, site.seed):
            if first < before and settings.sound is not None:
                continue
            given += len(slots)
            site.gave({"measured_time": given / 4 / RATE})
            writer.write(slots)
            await writer.drain()
            ahead = (given - before) / 4 / RATE - (site.seconds() - begun)
            if settings.sound is None and ahead > 0:
                await asyncio.sleep(ahead / site.clock.speed)
        await asyncio.Event().wait()

    return {"microphone": play}


def _pieces(settings: Settings, seed: int) -> Iterator[tuple[int, bytes]]:
    """(first byte, slots)."""
    if settings.sound is not None:
        with settings.sound.open("rb") as file:
            while slots := file.read(40 * _SLOTS):
                yield file.tell() - len(slots), slots
        return
    chance, loud = random.Random(seed), settings.amplitude * 2**23
    for piece in itertools.count():
        yield 4 * _SLOTS * piece, array("i", [int(chance.gauss(0, loud)) << 8 for _ in range(_SLOTS)]).tobytes()
