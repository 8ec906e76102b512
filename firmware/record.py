"""What does one record of the outbox hold? A message as it will be published, when it was made, and a note.

A message that was made without a valid clock is kept in two forms: the one that gets its stamp when time arrives, and
the one for a boot that never got time (a reading is marked ``estimated``, a result has no ``at``).
"""

import struct

from firmware.contract import NODE_LIMIT, ContractError, check_reading, encode_reading
from firmware.segment import FINAL, FINAL_RESULT, PENDING, PENDING_RESULT

READING, RESULT = "reading", "result"

# Time (ms UTC; of a pending record ms since boot), boot, size of the note, size of the first form. They follow.
HEAD_FORMAT = "<QIHH"
_HEAD_SIZE = 16
HEADER_FORMAT = "<QHH"  # newest stamp, size of the id, size of the note; id and note follow
_UNSTAMPED = '{"at":1,'  # keys are sorted: this is where the stamp of the only reading, or of the result, stands
_STAMP_SIZE = 16  # bytes that a stamp adds to that


def pack_reading(outbox: str, seq: int, reading: dict, time: tuple, note: bytes) -> tuple:
    """Return (kind, body). ``time`` is (stamp or None, ms since boot, boot). Raises ContractError."""
    stamp = time[0]
    reading = dict(reading)
    reading["at"] = 1 if stamp is None else stamp
    check_reading(reading)
    first, second = encode_reading(outbox, seq, [reading], _limit(stamp)), b""
    if stamp is None:
        marks = dict.fromkeys(reading["values"], "estimated")
        marks.update(reading.get("quality", {}))
        reading["quality"] = marks
        second = encode_reading(outbox, seq, [reading], _limit(stamp))
    return FINAL if stamp is not None else PENDING, _body(time, note, first, second)


def pack_result(outbox: str, seq: int, result: dict, time: tuple, note: bytes) -> tuple:
    """As ``pack_reading``, for what became of a command."""
    from firmware.orders import encode_result

    stamp = time[0]
    result = dict(result)
    result.update({"outbox": outbox, "seq": seq, "at": 1 if stamp is None else stamp})
    first, second = _within(encode_result(result), _limit(stamp)), b""
    if stamp is None:
        del result["at"]
        second = encode_result(result)
    return FINAL_RESULT if stamp is not None else PENDING_RESULT, _body(time, note, first, second)


def pack_header(at: int, outbox: str, note: bytes) -> bytes:
    """The body of the first record of a file: the newest stamp, the id and the note, as they were when it began."""
    name = outbox.encode()
    return struct.pack(HEADER_FORMAT, at, len(name), len(note)) + name + note


def is_pending(kind: int) -> bool:
    """Whether the record waits for a stamp."""
    return kind in (PENDING, PENDING_RESULT)


def read_message(kind: int, body: bytes, offsets: dict) -> tuple | None:
    """Return (channel, payload), the same bytes every time; None while the boot of the record has no time."""
    time, boot, note_size, first_size = struct.unpack(HEAD_FORMAT, body[:_HEAD_SIZE])
    start = _HEAD_SIZE + note_size
    channel = RESULT if kind in (FINAL_RESULT, PENDING_RESULT) else READING
    if not is_pending(kind):
        return channel, body[start : start + first_size]
    offset = offsets.get(boot)
    if offset is None:
        return None
    text = str(body[start + first_size :] if offset[1] else body[start : start + first_size], "utf-8")
    return channel, text.replace(_UNSTAMPED, '{"at":' + str(offset[0] + time) + ",", 1).encode()


def _limit(stamp: int | None) -> int:
    return NODE_LIMIT if stamp is not None else NODE_LIMIT - _STAMP_SIZE


def _within(payload: bytes, limit: int) -> bytes:
    if len(payload) > limit:
        raise ContractError("message: " + str(len(payload)) + " bytes, at most " + str(limit) + " fit")
    return payload


def _body(time: tuple, note: bytes, first: bytes, second: bytes) -> bytes:
    stamp, mono, boot = time
    if len(note) > 255:
        raise ContractError("note: at most 255 bytes are kept beside a reading")
    head = struct.pack(HEAD_FORMAT, mono if stamp is None else stamp, boot, len(note), len(first))
    return head + note + first + second
