"""How fast does this gateway decode M-Bus, beside a library for the same? ``python -m edge.bench FRAMES.jsonl``."""

import importlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from edge.mbus import frame, telegram
from edge.mbus.quantity import values_of

_FRAMES = Path(__file__).with_name("tests") / "frames" / "mbus.jsonl"
_SECONDS = 2.0  # of each measurement


class Rates(NamedTuple):
    """Frames a second of work, from bytes to values by key; ``peer`` is 0 without pymeterbus."""

    ours: float
    peer: float


def decode_rates(path: Path, seconds: float = _SECONDS) -> Rates:
    """Both on the same good frames, one after the other, in this process."""
    entries = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    frames = [bytes.fromhex(entry["hex"]) for entry in entries if entry["kind"] == "good"]
    try:
        meterbus = importlib.import_module("meterbus")
    except ImportError:
        return Rates(_rate(_decode, frames, seconds), 0.0)

    def peer(octets: bytes) -> None:
        for record in meterbus.load(octets).records:
            record.interpreted  # noqa: B018 - a property that does the work

    readable = [octets for octets in frames if _is_readable(peer, octets)]
    return Rates(_rate(_decode, readable, seconds), _rate(peer, readable, seconds))


def _decode(octets: bytes) -> None:
    values_of([telegram.decode(frame.decode(octets))])


def _is_readable(decode: Callable[[bytes], None], octets: bytes) -> bool:
    try:
        decode(octets)
    except Exception:  # noqa: BLE001 - whatever a foreign library ends with, this frame is not compared
        return False
    return True


def _rate(decode: Callable[[bytes], None], frames: Sequence[bytes], seconds: float) -> float:
    begun = time.thread_time()  # what else the machine does meanwhile is not counted
    count = 0
    while time.thread_time() - begun < seconds:
        for octets in frames:
            decode(octets)
        count += len(frames)
    return count / (time.thread_time() - begun)


def main() -> int:
    """Print the rates and their ratio."""
    rates = decode_rates(Path(sys.argv[1]) if len(sys.argv) > 1 else _FRAMES)
    lines = [f"M-Bus, bytes to values: {rates.ours:,.0f} frames/s"]
    if rates.peer:
        ratio = rates.ours / rates.peer
        lines.append(f"pymeterbus, load and interpret: {rates.peer:,.0f} frames/s; ours is {ratio:.1f} times that")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
