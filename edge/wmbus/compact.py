"""What was the format of a compact frame? Meters that save bytes send DIF and VIF now and then, and values always.

A full frame (CI 78 behind an extended link layer) teaches the format; a compact one (CI 79) names it by its signature
and carries the CRC that the full frame would have (EN 13757-3 annex on compact frames).
"""

from collections import OrderedDict

from edge.errors import DeviceError
from edge.mbus import record
from edge.mbus.value import LVAR, SIZES, variable_size
from edge.wmbus.frame import crc

_MOST = 500  # formats kept: a model has a handful
_HEADER = 4  # signature and CRC of the full frame


class Formats:
    """Formats by signature, learnt from full frames; bounded."""

    def __init__(self) -> None:
        self._formats: OrderedDict[int, tuple[bytes, ...]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._formats)

    def learn(self, octets: bytes) -> None:
        """From the records of a full frame."""
        headers = tuple(octets[one.start : one.offset - (one.coding == LVAR)] for one in record.decode(octets).records)
        self._formats[crc(b"".join(headers))] = headers
        if len(self._formats) > _MOST:
            self._formats.popitem(last=False)

    def full(self, octets: bytes) -> bytes | None:
        """The records that a compact frame stands for; None when its format is not known yet.

        DeviceError when the values do not fit the format, or the CRC says that they are not these.
        """
        if len(octets) < _HEADER:
            raise DeviceError(f"compact frame: truncated, {len(octets)} bytes")
        headers = self._formats.get(int.from_bytes(octets[:2], "little"))
        if headers is None:
            return None
        full, at = b"", _HEADER
        for header in headers:
            size = _value_size(header[0] & 0x0F, octets[at : at + 1])
            full += header + octets[at : at + size]
            at += size
        full += octets[at:]
        expected = int.from_bytes(octets[2:4], "little")
        if crc(full) != expected:
            raise DeviceError(f"compact frame: CRC {crc(full):04x} of the full frame, the meter says {expected:04x}")
        return full


def _value_size(coding: int, first: bytes) -> int:
    """Bytes of a value, its LVAR included."""
    if coding != LVAR:
        return SIZES[coding]
    return 1 + (variable_size(first[0]) or 0) if first else 1


def compact(octets: bytes) -> bytes:
    """The compact frame of these records, for the virtual radio."""
    found = record.decode(octets).records
    headers = b"".join(octets[one.start : one.offset - (one.coding == LVAR)] for one in found)
    values = b"".join(octets[one.offset - (one.coding == LVAR) : one.offset + one.size] for one in found)
    return crc(headers).to_bytes(2, "little") + crc(octets).to_bytes(2, "little") + values
