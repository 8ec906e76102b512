"""What was done, in a log that cannot be changed unseen? Each line carries the hash of all before it.

One JSON object per line, ``{"n":1,"at":...,"previous":"<hash>","event":{...},"hash":"<hash>"}``; the hash is SHA-256
over the line without its own hash. A crash may tear the last line: it is cut off when the log is opened again, and
the cut stands in the log. Any other line that does not fit is tampering. Cutting off whole lines at the end can be
seen only by someone who kept a later hash: tell ``head`` to others.

Runs unchanged on CPython and on MicroPython. The caller opens the file and brings ``sync``.
"""

import hashlib
import json

from firmware.wire_json import write

START = "0" * 64


class ChainError(Exception):
    """The log was changed; the text names the line."""


def verify(lines) -> tuple:
    """Return (count, last hash) of a whole log given as an iterable of bytes; raise ChainError at what does not fit."""
    number, head = 0, START
    for line in lines:
        record = _record(line, number + 1, head)
        if record is None:
            raise ChainError("line " + str(number + 1) + " does not fit the one before")
        number, head = number + 1, record["hash"]
    return number, head


class Chain:
    """An open log. ``file`` is opened for reading and writing in binary, and ``sync`` makes it durable."""

    def __init__(self, file, sync, at: int) -> None:
        self._file = file
        self._sync = sync
        self.number, self.head = 0, START
        torn = self._read()
        if torn:
            self.append({"event": "repaired", "bytes": torn}, at)

    def _read(self) -> int:
        """Bytes that a crash left of a last line; they are cut off."""
        self._file.seek(0)
        end = 0
        line = self._file.readline()
        while line:
            following = self._file.readline()
            record = _record(line, self.number + 1, self.head)
            if record is None:
                if following:
                    raise ChainError("line " + str(self.number + 1) + " does not fit the one before")
                if line[-1:] == b"\n" and _is_whole(line):
                    raise ChainError("the last line does not fit the one before")
                self._file.seek(end)
                self._file.truncate()
                self._sync()
                return len(line)
            self.number, self.head = self.number + 1, record["hash"]
            end += len(line)
            line = following
        self._file.seek(end)
        return 0

    def append(self, event: dict, at: int) -> None:
        """Durable when it returns; ``at`` in ms UTC."""
        record = {"n": self.number + 1, "at": at, "previous": self.head, "event": event}
        record["hash"] = _hash(record)
        self._file.write(write(record).encode() + b"\n")
        self._file.flush()
        self._sync()
        self.number, self.head = record["n"], record["hash"]


def _record(line: bytes, number: int, head: str):
    """The record of a line that fits, else None."""
    try:
        record = json.loads(str(line, "utf-8"))
    except (ValueError, RuntimeError):
        return None
    if type(record) is not dict or line[-1:] != b"\n":
        return None
    fits = record.get("n") == number and record.get("previous") == head and record.get("hash") == _hash(record)
    return record if fits else None


def _is_whole(line: bytes) -> bool:
    try:
        return type(json.loads(str(line, "utf-8"))) is dict
    except (ValueError, RuntimeError):
        return False


def _hash(record: dict) -> str:
    octets = write({key: value for key, value in record.items() if key != "hash"}).encode()
    return "".join(["%02x" % octet for octet in hashlib.sha256(octets).digest()])
