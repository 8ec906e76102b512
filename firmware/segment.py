"""How does one file of the outbox hold records, and how are they found again after damage?

A record is a 14-byte head (magic, kind, size of the body, sequence number, CRC-32 over all of it) and its body. A torn
or rotten stretch is skipped to the next record whose CRC is right; nothing in a file can make reading it fail.
"""

import binascii
import struct

from firmware.boot.durable import sync

# A final message is published as it is; a pending one waits for its stamp. Readings, and results of commands.
HEADER, FINAL, PENDING, FINAL_RESULT, PENDING_RESULT = 1, 2, 3, 4, 5
HEAD_SIZE = 14

_MAGIC = 0xA5
_HEAD = "<BBHQH"  # magic, kind, size of the body, seq, CRC (low half); the high half ends the body
_LARGEST = 12288  # bytes of one body: two forms of a 4 KiB message and the note of a node kind


def pack(kind: int, seq: int, body: bytes) -> bytes:
    """One record, ready to append."""
    crc = _crc(kind, seq, body)
    return struct.pack(_HEAD, _MAGIC, kind, len(body) + 2, seq, crc & 0xFFFF) + body + struct.pack("<H", crc >> 16)


def _crc(kind: int, seq: int, body: bytes) -> int:
    return binascii.crc32(body, binascii.crc32(struct.pack("<BQ", kind, seq))) & 0xFFFFFFFF


def append(path: str, record: bytes) -> None:
    """Write ``record`` at the end of the file; when this returns it is durable. Raises OSError when it is not."""
    with open(path, "ab") as file:
        file.write(record)
        sync(file)


def next_record(path: str, start: int) -> tuple | None:
    """Return (offset, end, kind, seq, body) of the first sound record at or after ``start``, or None at the end."""
    try:
        with open(path, "rb") as file:
            return scan(file, start)
    except OSError:  # a flash that can't be read holds nothing
        return None


def scan(file, start: int) -> tuple | None:
    """As ``next_record``, of an open file."""
    offset = start
    while True:
        file.seek(offset)
        head = file.read(HEAD_SIZE)
        if len(head) < HEAD_SIZE:
            return None
        magic, kind, size, seq, low = struct.unpack(_HEAD, head)
        if magic == _MAGIC and HEADER <= kind <= PENDING_RESULT and 2 <= size <= _LARGEST:
            body = file.read(size)
            if len(body) == size:
                high = body[-2] | body[-1] << 8
                body = body[:-2]
                if _crc(kind, seq, body) == high << 16 | low:
                    return offset, offset + HEAD_SIZE + size, kind, seq, body
        step = head.find(bytes((_MAGIC,)), 1)
        offset += step if step > 0 else HEAD_SIZE
