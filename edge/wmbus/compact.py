"""What was the format of a compact frame? Meters that save bytes send DIF and VIF now and then, and values always.

A full frame (CI 78 behind an extended link layer) teaches the format; a compact one (CI 79) names it by its signature
and carries the CRC that the full frame would have (EN 13757-3 annex on compact frames).
"""

from collections import OrderedDict
from collections.abc import Iterator

from edge.errors import DeviceError
from edge.mbus import record
from edge.mbus.value import LVAR, SIZES, variable_size
from edge.mbus.vif import PLAIN_TEXT
from edge.wmbus.frame import crc
from edge.wmbus.security import CHECK

_MOST = 500  # formats kept: a model has a handful
_FILLERS = bytes((record.FILLER,))
_HEADER = 4  # signature and CRC of the full frame
_FIELDS = 3  # of a format frame: length and signature come before them


class Formats:
    """Formats by signature, learnt from full frames; bounded."""

    def __init__(self) -> None:
        self._formats: OrderedDict[int, tuple[bytes, ...]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._formats)

    def learn(self, octets: bytes) -> None:
        """From the records of a full frame."""
        headers = tuple(octets[one.start : one.offset - (one.coding == LVAR)] for one in record.decode(octets).records)
        self._keep(headers)

    def learn_format(self, octets: bytes) -> bytes:
        """From a format frame: a length, the signature, then DIF and VIF of every record. It has no records itself.

        DeviceError when the signature is not that of the fields.
        """
        octets = _opened(octets)
        fields = octets[_FIELDS : 1 + octets[0]] if octets else b""
        if len(octets) < _FIELDS or crc(fields) != int.from_bytes(octets[1:_FIELDS], "little"):
            raise DeviceError(f"format frame: the signature is not that of its {len(fields)} bytes")
        self._keep(tuple(_headers(fields)))
        return b""

    def _keep(self, headers: tuple[bytes, ...]) -> None:
        self._formats[crc(b"".join(headers))] = headers
        if len(self._formats) > _MOST:
            self._formats.popitem(last=False)

    def full(self, octets: bytes) -> bytes | None:
        """The records that a compact frame stands for; None when its format is not known yet.

        DeviceError when the values do not fit the format, or the CRC says that they are not these.
        """
        octets = _opened(octets)
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
        expected = int.from_bytes(octets[2:4], "little")
        rest = octets[at:]
        full += rest if crc(full + rest) == expected else rest.rstrip(_FILLERS)  # encryption fills up its last block
        if crc(full) != expected:
            raise DeviceError(f"compact frame: CRC {crc(full):04x} of the full frame, the meter says {expected:04x}")
        return full


def _opened(octets: bytes) -> bytes:
    """Without the check that encryption put in front."""
    return octets.removeprefix(CHECK)


def _headers(fields: bytes) -> Iterator[bytes]:
    """DIF to last VIFE of every record; DeviceError when the last is cut off."""
    at = 0
    while at < len(fields):
        start = at
        for _ in ("DIF", "VIF"):
            is_text = at > start and at < len(fields) and fields[at] & 0x7F == PLAIN_TEXT
            while at < len(fields) and fields[at] & record.EXTENSION:
                at += 1
            at += 1
            if is_text:
                raise DeviceError(f"format frame: plain text at byte {start} is not read")
        if at > len(fields):
            raise DeviceError(f"format frame: truncated in the record at byte {start}")
        yield fields[start:at]


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
