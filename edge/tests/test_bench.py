"""The promise of the bench: decoding is at least twice as fast as the peer's load and interpret, in the same run."""

from pathlib import Path

import pytest

from edge.bench import decode_rates

FRAMES = Path(__file__).with_name("frames") / "mbus.jsonl"


def test_m_bus_is_decoded_twice_as_fast_as_pymeterbus_does() -> None:
    pytest.importorskip("meterbus", reason="pymeterbus is not installed")
    rates = decode_rates(FRAMES, seconds=0.3)
    assert rates.ours >= 2 * rates.peer > 0
