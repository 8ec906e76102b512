"""Can a line carry its plan? How long each readout takes on the wire, against how often it is wanted."""

from typing import NamedTuple

from edge import profile
from edge.config import LineConfig, Meter
from edge.line import CHARACTER
from edge.modbus.model import ModbusProfile
from edge.modbus.sunspec import SunspecProfile

_MBUS_QUESTIONS = 3 * 5  # characters: SND_NKE with its acknowledgement, and REQ_UD2
_MBUS_ANSWER = 103  # characters, the mean of 73 recorded telegrams
_MBUS_TURNAROUNDS = 2 * (330 / 11)  # characters of silence before an answer (EN 13757-2 5.7.1), at the most
_TURNAROUND = 0.05  # s that a device takes before it answers
_MODBUS_FRAMES = 8 + 5 + 7  # characters: a request, the head and checksum of its answer, two silences of 3.5
_SUNSPEC_REGISTERS = 52
_NETWORK = 0.02  # s for a request over TCP


class Budget(NamedTuple):
    """``load``: line time per time (1 is all there is); ``round``: seconds to read each meter once."""

    load: float
    round: float

    @property
    def is_met(self) -> bool:
        return self.load <= 1


def seconds(line: LineConfig, meter: Meter) -> float:
    """How long one readout of this meter keeps the line busy."""
    if line.kind == "mbus":
        characters = _MBUS_QUESTIONS + _MBUS_TURNAROUNDS + _MBUS_ANSWER
        return characters * CHARACTER / line.baud + 2 * _TURNAROUND
    model = profile.load(meter.profile or "")
    counts = [_SUNSPEC_REGISTERS] if isinstance(model, SunspecProfile) else []
    if isinstance(model, ModbusProfile):
        counts = [block.count for block in model.blocks()]
    if line.port.startswith("tcp:") and line.kind == "modbus-tcp":
        return len(counts) * (_NETWORK + _TURNAROUND)
    return sum((_MODBUS_FRAMES + 2 * count) * CHARACTER / line.baud + _TURNAROUND for count in counts)


def of(line: LineConfig) -> Budget:
    """What the plan of this line takes."""
    times = [(seconds(line, meter), meter.period) for meter in line.meter]
    return Budget(sum(time / period for time, period in times), sum(time for time, _ in times))
