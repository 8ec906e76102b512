"""What did the starts before this one leave in the outbox? Its files, read once from end to end."""

import os
import struct

from firmware.record import HEAD_FORMAT, HEADER_FORMAT, is_pending
from firmware.segment import HEADER, scan


def recover(folder: str, lanes: dict, stamps, is_over) -> dict:
    """Fill ``lanes`` with the segments and ``stamps`` with the times that are found.

    ``is_over(seq)``: whether that number needs no receipt any more. Returns what else the files say: ``id`` (empty:
    nothing sound is left), ``boot``, ``next_seq``, ``note`` and ``lost_bytes``, those in damaged stretches.
    """
    found = {"id": "", "boot": 0, "next_seq": 1, "note": b"", "lost_bytes": 0}
    newest = -1
    for name in sorted(os.listdir(folder)):
        if name[:1] not in lanes or not name[1:-4].isdigit() or name[-4:] != ".log":
            continue
        path = folder + "/" + name
        waiting = end = 0
        with open(path, "rb") as file:
            record = scan(file, 0)
            while record is not None:
                offset, after, kind, seq, body = record
                found["lost_bytes"] += offset - end
                end = after
                found["next_seq"] = max(found["next_seq"], seq + 1)
                if kind == HEADER:
                    at, found["id"], note = _header(body)
                    stamps.found(at)
                else:
                    boot, note = _take(kind, body, stamps)
                    found["boot"] = max(found["boot"], boot)
                    waiting += 0 if is_over(seq) else 1
                if seq >= newest:
                    newest, found["note"] = seq, note
                record = scan(file, end)
        size = os.stat(path)[6]
        found["lost_bytes"] += size - end
        if end:
            lanes[name[0]].append([int(name[1:-4]), size, waiting, size == end])
        else:
            _remove(path)
    return found


def _take(kind: int, body: bytes, stamps) -> tuple:
    """(boot, note)."""
    size = struct.calcsize(HEAD_FORMAT)
    time, boot, note_size, _ = struct.unpack(HEAD_FORMAT, body[:size])
    if is_pending(kind):
        stamps.found_pending(boot, time)
    else:
        stamps.found(time)
    return boot, body[size : size + note_size]


def _header(body: bytes) -> tuple:
    """(Newest stamp, id, note) of the first record of a file."""
    size = struct.calcsize(HEADER_FORMAT)
    at, id_size, _note_size = struct.unpack(HEADER_FORMAT, body[:size])
    return at, str(body[size : size + id_size], "ascii"), body[size + id_size :]


def _remove(path: str) -> None:
    try:
        os.remove(path)
    except OSError:
        pass  # nothing sound is in it either way
