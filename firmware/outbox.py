"""Which readings has nobody confirmed yet? They wait here, on the file system, until a receipt names them.

Two lanes (urgent, normal) of append-only segment files. ``append`` returns when the reading is durable. A segment is
deleted when each of its records has a receipt and a newer segment exists, so the newest sequence number, stamp and
note survive everything that survives in the file system; what was receipted but not yet deleted is published again
after a restart, which is harmless. One task owns an outbox.
"""

import os
import struct
from errno import EEXIST

from firmware.contract import NODE_LIMIT, ContractError, check_reading, encode_reading
from firmware.passport import Passport
from firmware.segment import FINAL, HEADER, PENDING, append, next_record, pack, records

URGENT, NORMAL = "u", "n"

_BODY = "<QIHH"  # time (ms UTC; of a pending record ms since boot), boot, size of the note, size of the first form
_BODY_SIZE = 16
_HEADER = "<QHH"  # newest time, size of the id, size of the note
_HEADER_SIZE = 12
_UNSTAMPED = '[{"at":1,'  # keys are sorted: this is where the stamp of the only reading stands


class Outbox:
    """``limit`` bounds the files in bytes (urgent readings may use an eighth more); a segment has ``segment`` bytes."""

    def __init__(self, folder: str, limit: int = 262144, segment: int = 4096) -> None:
        self._folder = folder
        self._limit = limit
        self._segment = segment
        self._lanes = {URGENT: [], NORMAL: []}  # each: segments as [number, size, records without a receipt, sound]
        self._cursor = {URGENT: (0, 0), NORMAL: (0, 0)}  # next to take: (segment number, offset)
        self._taken = {}  # seq: (lane, segment number, offset), published and without a receipt
        self._pending = {}  # boot: last ms since boot of its records without a stamp
        self._last_at = 0
        self._last_mono = -1
        self._next_seq = 1
        self.note = b""  # what the node kind last kept beside a reading
        self.lost_bytes = 0  # in damaged stretches, found at start
        _make_folder(folder)
        self._passport = Passport(folder)
        self._open()

    # ---- what the state message tells

    @property
    def id(self) -> str:
        return self._passport.id

    @property
    def boot(self) -> int:
        return self._passport.boot

    @property
    def next_seq(self) -> int:
        return self._next_seq

    @property
    def dropped(self) -> list:
        """Inclusive ranges of sequence numbers whose readings could not be kept."""
        return self._passport.dropped

    def depth(self) -> int:
        """How many messages wait for a receipt."""
        return sum(segment[2] for lane in self._lanes.values() for segment in lane)

    def oldest_seq(self) -> int:
        """The lowest sequence number without a receipt; ``next_seq`` when there is none."""
        seqs = list(self._taken)
        for lane in (URGENT, NORMAL):
            found = self._peek(lane)
            if found is not None:
                seqs.append(found[1][3])
        return min(seqs) if seqs else self._next_seq

    # ---- in

    def append(self, reading: dict, now: int | None, mono: int, urgent: bool = False, note: bytes | None = None) -> int:
        """Keep a reading and return its sequence number, or 0 when there is no room (then it counts as dropped).

        ``reading`` has no ``at``: it gets ``now`` (ms UTC), or, while the clock is not valid (None), a stamp later,
        from ``mono`` (ms since boot). ``note`` becomes durable in the same write. Raises ContractError.
        """
        note = self.note if note is None else note
        seq = self._next_seq
        stamp, mono = self._stamps(now, mono)
        kind, body = self._body(reading, seq, stamp, mono, note)
        record = pack(kind, seq, body)
        self._next_seq = seq + 1
        lane = URGENT if urgent else NORMAL
        if not self._room(len(record), urgent) or not self._write(lane, record, seq):
            self._passport.drop(seq)
            return 0
        self.note = note
        self._last_mono = mono
        if stamp is None:
            self._pending[self.boot] = mono
            if self.boot in self._passport.offsets:
                self._last_at = max(self._last_at, self._passport.offsets[self.boot][0] + mono)
        else:
            self._last_at = stamp
        return seq

    def set_clock(self, now: int, mono: int) -> None:
        """Time has arrived: stamp what waited for it. Once given, a stamp never changes."""
        offsets = self._passport.offsets
        missing = sorted([boot for boot in self._pending if boot not in offsets])
        if not missing:
            return
        starts, start = {}, now - mono
        for boot in reversed(missing):
            if boot != self.boot:  # a boot that never got time is taken to have ended when the next one began
                start -= self._pending[boot] + 1
            starts[boot] = start
        for boot in missing:
            offsets[boot] = [max(starts[boot], self._last_at + 1), boot != self.boot]
            self._last_at = offsets[boot][0] + self._pending[boot]
        self._passport.save()

    def _stamps(self, now: int | None, mono: int) -> tuple:
        """A clock that steps back yields the last stamp + 1 ms: no two readings share one."""
        mono = max(mono, self._last_mono + 1)
        if now is None:
            return None, mono
        self.set_clock(now, mono)
        return max(now, self._last_at + 1), mono

    def _body(self, reading: dict, seq: int, stamp: int | None, mono: int, note: bytes) -> tuple:
        reading = dict(reading)
        reading["at"] = 1 if stamp is None else stamp
        check_reading(reading)
        limit = NODE_LIMIT if stamp is not None else NODE_LIMIT - 16  # room for the stamp
        first, second = encode_reading(self.id, seq, [reading], limit), b""
        if stamp is None:  # the form it takes if this boot never gets time
            reading["quality"] = dict.fromkeys(reading["values"], "estimated")
            second = encode_reading(self.id, seq, [reading], limit)
        if len(note) > 255:
            raise ContractError("note: at most 255 bytes are kept beside a reading")
        head = struct.pack(_BODY, mono if stamp is None else stamp, self.boot, len(note), len(first))
        return (PENDING if stamp is None else FINAL), head + note + first + second

    def _room(self, size: int, urgent: bool) -> bool:
        used = sum(segment[1] for lane in self._lanes.values() for segment in lane)
        return used + size <= (self._limit + self._limit // 8 if urgent else self._limit)

    def _write(self, lane: str, record: bytes, seq: int) -> bool:
        segments = self._lanes[lane]
        try:
            if not segments or self._full(segments[-1], len(record)):
                self._begin_segment(lane, seq)
            append(self._path(lane, segments[-1][0]), record)
        except OSError:  # a full or failing disk: what is there stays, nothing follows a half record
            if segments:
                segments[-1][3] = False
            return False
        segments[-1][1] += len(record)
        segments[-1][2] += 1
        self._delete_finished(lane)
        return True

    def _full(self, segment: list, size: int) -> bool:
        _number, used, waiting, sound = segment
        return not sound or used + size > self._segment or (not waiting and used > self._segment // 2)

    def _begin_segment(self, lane: str, seq: int) -> None:
        segments = self._lanes[lane]
        number = segments[-1][0] + 1 if segments else 1
        name = self.id.encode()
        body = struct.pack(_HEADER, self._last_at, len(name), len(self.note)) + name + self.note
        record = pack(HEADER, seq - 1, body)
        try:
            append(self._path(lane, number), record)
        except OSError:
            _remove(self._path(lane, number))  # what is left of it would only fill the disk
            raise
        segments.append([number, len(record), 0, True])

    # ---- out

    def take(self, urgent: bool) -> tuple | None:
        """The next message of a lane as (seq, payload), or None; it is given once, ``read`` gives it again."""
        lane = URGENT if urgent else NORMAL
        taken = sum(1 for place in self._taken.values() if place[0] == lane)
        if sum(segment[2] for segment in self._lanes[lane]) <= taken:
            return None  # asked often: don't open files for nothing
        found = self._peek(lane)
        if found is None:
            return None
        number, (offset, end, kind, seq, body) = found
        payload = self._payload(kind, body)
        if payload is None:
            return None
        self._cursor[lane] = (number, end)
        self._taken[seq] = (lane, number, offset)
        return seq, payload

    def read(self, seq: int) -> bytes | None:
        """The payload of a message that was taken, the same bytes every time.

        None when it has a receipt, and when the flash no longer holds it: then it counts as dropped.
        """
        place = self._taken.get(seq)
        if place is None:
            return None
        lane, number, offset = place
        found = next_record(self._path(lane, number), offset)
        if found is not None and found[3] == seq:
            return self._payload(found[2], found[4])
        self.receipt([[seq, seq]])
        self._passport.drop(seq)
        return None

    def receipt(self, ranges: list) -> list:
        """Forget the taken messages that ``ranges`` ([[first, last], ...]) name; return their numbers."""
        done = [seq for seq in self._taken if any(first <= seq <= last for first, last in ranges)]
        for seq in done:
            lane, number, _ = self._taken.pop(seq)
            for segment in self._lanes[lane]:
                if segment[0] == number:
                    segment[2] -= 1
        for lane in (URGENT, NORMAL):
            self._delete_finished(lane)
        return done

    def _peek(self, lane: str) -> tuple | None:
        number, offset = self._cursor[lane]
        for segment in self._lanes[lane]:
            if segment[0] < number:
                continue
            start = offset if segment[0] == number else 0
            found = next_record(self._path(lane, segment[0]), start)
            while found is not None:
                if found[2] != HEADER and not self._was_dropped(found[3]):
                    return segment[0], found
                found = next_record(self._path(lane, segment[0]), found[1])
        return None

    def _was_dropped(self, seq: int) -> bool:
        """Whether it was declared dropped: a failed write may have reached the disk after all."""
        return any(first <= seq <= last for first, last in self.dropped)

    def _payload(self, kind: int, body: bytes) -> bytes | None:
        time, boot, note_size, first_size = struct.unpack(_BODY, body[:_BODY_SIZE])
        start = _BODY_SIZE + note_size
        if kind == FINAL:
            return body[start : start + first_size]
        offset = self._passport.offsets.get(boot)
        if offset is None:
            return None
        text = str(body[start + first_size :] if offset[1] else body[start : start + first_size], "utf-8")
        return text.replace(_UNSTAMPED, '[{"at":' + str(offset[0] + time) + ",", 1).encode()

    def _delete_finished(self, lane: str) -> None:
        segments = self._lanes[lane]
        for segment in segments[:-1]:
            if segment[2] <= 0 and _remove(self._path(lane, segment[0])):
                segments.remove(segment)

    def _path(self, lane: str, number: int) -> str:
        return "%s/%s%08d.log" % (self._folder, lane, number)

    # ---- start

    def _open(self) -> None:
        known_id, known_boot, newest = "", 0, -1
        for name in sorted(os.listdir(self._folder)):
            if name[:1] not in self._lanes or not name[1:-4].isdigit() or name[-4:] != ".log":
                continue
            lane, path = name[0], self._folder + "/" + name
            waiting = end = 0
            for offset, after, kind, seq, body in records(path):
                self.lost_bytes += offset - end
                end = after
                self._next_seq = max(self._next_seq, seq + 1)
                if kind == HEADER:
                    known_id, note = self._read_header(body)
                else:
                    boot, note = self._read_record(kind, body)
                    known_boot = max(known_boot, boot)
                    waiting += 0 if self._was_dropped(seq) else 1
                if seq >= newest:
                    newest, self.note = seq, note
            size = os.stat(path)[6]
            self.lost_bytes += size - end
            if end:
                self._lanes[lane].append([int(name[1:-4]), size, waiting, size == end])
            else:
                _remove(path)
        self._passport.begin(known_id, known_boot, self._pending)
        for _, last in self.dropped:
            self._next_seq = max(self._next_seq, last + 1)

    def _read_header(self, body: bytes) -> tuple:
        at, id_size, note_size = struct.unpack(_HEADER, body[:_HEADER_SIZE])
        self._last_at = max(self._last_at, at)
        start = _HEADER_SIZE + id_size
        return str(body[_HEADER_SIZE:start], "ascii"), body[start : start + note_size]

    def _read_record(self, kind: int, body: bytes) -> tuple:
        time, boot, note_size, _ = struct.unpack(_BODY, body[:_BODY_SIZE])
        if kind == PENDING:
            self._pending[boot] = max(self._pending.get(boot, 0), time)
            offset = self._passport.offsets.get(boot)
            time = 0 if offset is None else offset[0] + time
        self._last_at = max(self._last_at, time)
        return boot, body[_BODY_SIZE : _BODY_SIZE + note_size]


def _make_folder(path: str) -> None:
    try:
        os.mkdir(path)
    except OSError as error:
        if error.errno != EEXIST:
            raise


def _remove(path: str) -> bool:
    """False when it could not be removed now; the next receipt tries again."""
    try:
        os.remove(path)
    except OSError:
        return False
    return True
