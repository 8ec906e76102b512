"""How loud is it? One second of sound after the other, and a report at the end of each period."""

from firmware.nodes import Sample
from firmware.noise import a_weighting
from firmware.noise.sound_level import SLOTS, SoundLevel
from firmware.noise.viper import words

LEVELS = ("laeq", "lafmax", "lafmin", "la10", "la50", "la90")
_SECOND = a_weighting.RATE  # samples
# Every microphone hisses 20 dB louder: 25 ms of less than 10 dB(A), before the calibration, are a broken wire.
_DEAD = a_weighting.FULL_SCALE_SQUARE // 10**11 * SLOTS
_BUFFER = bytearray(4 * SLOTS)  # taken when this is loaded: later the heap of a chip has no such piece left
_WHOLE_PERCENT = 95  # a period of which less was measured is doubtful


class Noise:
    """``period_ms`` is short: there is always more sound, and what is not read in time is lost."""

    def __init__(self, microphone, settings: dict, monotonic_ms) -> None:
        self.period_ms = 1
        self.faults = {}
        self._microphone = microphone
        self._monotonic_ms = monotonic_ms
        self._heard_ms = monotonic_ms()
        self._seconds = settings["seconds"]
        self._period_ms = settings["period_ms"]
        self._period = settings["period_ms"] * (a_weighting.RATE // 1000)
        integer, exponent = settings["calibration_db"]
        self._sound = SoundLevel(integer / 10**-exponent)
        self._view = memoryview(_BUFFER)
        self._slots = words(_BUFFER)
        self._passed = 0  # samples of this period, heard or lost
        self._lost = 0
        self._lost_before = 0  # by the microphone's count
        self._dead = 0  # samples
        self._energy = 0  # of this second

    async def sample(self) -> list:
        """One second of sound; what it was like, and at the end of a period what that was like."""
        self._energy = heard = 0
        dead = self._dead
        while heard < _SECOND and self._passed < self._period:
            if not await self._fill():
                self._silent()
                break
            self._heard_ms = self._monotonic_ms()
            energy = self._sound.hear(self._slots)
            if energy is not None:
                self._energy += energy
                heard += SLOTS
                self._passed += SLOTS
                if energy < _DEAD:
                    self._dead += SLOTS
        self._count_lost()
        if self._dead > dead:
            self._fault("dead")
            heard = 0
        return self._told(heard)

    def _told(self, heard: int) -> list:
        samples = []
        if self._seconds and heard == _SECOND:
            samples.append(Sample({"laeq": tenths(self._sound.level(self._energy, heard))}, False, None, 1000))
        if self._passed >= self._period:
            samples += self._report()
        return samples

    async def _fill(self) -> bool:
        got = 0
        while got < len(_BUFFER):
            size = await self._microphone.read_into(self._view[got:])
            if not size:
                return False
            got += size
        return True

    def _silent(self) -> None:
        """The time without samples is a part of the period."""
        self._fault("no_answer")
        now = self._monotonic_ms()
        missing = (now - self._heard_ms) * (a_weighting.RATE // 1000)
        self._heard_ms = now
        self._lost += missing
        self._passed += missing

    def _count_lost(self) -> None:
        lost = self._microphone.lost - self._lost_before
        self._lost_before += lost
        self._lost += lost
        self._passed += lost

    def _report(self) -> list:
        sound = self._sound
        samples = []
        if sound.samples > self._dead:
            levels = [sound.equivalent(), sound.highest(), sound.lowest()] + sound.exceeded(10, 50, 90)
            values = {"overload_count": sound.overloads, "lost_samples": self._lost}
            values["measured_time"] = (sound.samples // (a_weighting.RATE // 1000), -3)
            for name, level in zip(LEVELS, levels):
                values[name] = tenths(level)
            samples.append(Sample(values, False, None, self._period_ms, self._quality()))
        sound.clear()
        self._passed = self._lost = 0
        self._dead = 0
        return samples

    def _quality(self) -> dict:
        """What was louder than the microphone can say is suspect, and a period with gaps or a dead microphone."""
        if self._dead or self._sound.samples * 100 < self._period * _WHOLE_PERCENT:
            return dict.fromkeys(LEVELS, "suspect")
        return dict.fromkeys(("laeq", "lafmax", "la10"), "suspect") if self._sound.overloads else {}

    def keep(self, note: bytes) -> None:
        """Noise needs no memory."""

    def _fault(self, name: str) -> None:
        self.faults[name] = self.faults.get(name, 0) + 1


def tenths(level: float) -> tuple:
    return int(level * 10 + 0.5), -1
