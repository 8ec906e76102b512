"""Which messages has nobody confirmed yet? Readings and results wait here, on flash, until a receipt names them.

Two lanes (urgent, normal) of append-only segment files. ``append`` returns when the message is durable. A segment is
deleted when each of its records has a receipt and a newer segment exists, so the newest sequence number, stamp and
note survive everything that survives in the file system; what was receipted but not yet deleted is published again
after a restart, which is harmless. One task owns an outbox.
"""

import os
from errno import EEXIST

from firmware.passport import Passport
from firmware.record import pack_header, pack_reading, pack_result, read_message
from firmware.segment import HEADER, append, next_record, pack
from firmware.stamps import Stamps

URGENT, NORMAL = "u", "n"


class Outbox:
    """``limit`` bounds the files in bytes (urgent readings may use an eighth more); a segment has ``segment`` bytes.

    ``done`` is (id of the outbox, lowest number without a receipt), as the last start knew it: what a node remembers
    over a sleep saves it from publishing the newest segment again.
    """

    def __init__(self, folder: str, limit: int = 262144, segment: int = 4096, done: tuple = ("", 0)) -> None:
        self._folder = folder
        self._limit = limit
        self._segment = segment
        self._lanes = {URGENT: [], NORMAL: []}  # each: segments as [number, size, records without a receipt, sound]
        self._cursor = {URGENT: (0, 0), NORMAL: (0, 0)}  # next to take: (segment number, offset)
        self._taken = {}  # seq: place, as _place gives it, of what was published and has no receipt
        self._newest = None  # (seq, lane, segment number, offset) of what was kept last in this boot
        self._ahead = {}  # seq: (lane, segment number) of what was taken before its turn: the cursor passes over it
        self._next_seq = 1
        self.note = b""  # what the node kind last kept beside a reading
        self.lost_bytes = 0  # in damaged stretches, found at start
        _make_folder(folder)
        self._passport = Passport(folder)
        self._done_below = done[1] if done[0] == self._passport.id else 0
        self._stamps = Stamps(self._passport)
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

    def has_urgent(self) -> bool:
        """Whether an urgent message waits for its receipt."""
        return any(segment[2] > 0 for segment in self._lanes[URGENT])

    def oldest_seq(self) -> int:
        """The lowest sequence number without a receipt; ``next_seq`` when there is none."""
        oldest = min(self._taken) if self._taken else self._next_seq
        for lane in (URGENT, NORMAL):
            found = self._peek(lane)
            if found is not None:
                oldest = min(oldest, found[1][3])
        return oldest

    # ---- in

    def append(self, reading: dict, now: int | None, mono: int, urgent: bool = False, note: bytes | None = None) -> int:
        """Keep a reading and return its sequence number, or 0 when there is no room (then it counts as dropped).

        ``reading`` has no ``at``: it gets ``now`` (ms UTC), or, while the clock is not valid (None), a stamp later,
        from ``mono`` (ms since boot). ``note`` becomes durable in the same write. Raises ContractError.
        """
        return self._keep(pack_reading, reading, (now, mono), URGENT if urgent else NORMAL, note)

    def append_result(self, result: dict, now: int | None, mono: int) -> int:
        """Keep what became of a command, as ``append`` keeps an urgent reading; ``result`` has no ``at``."""
        return self._keep(pack_result, result, (now, mono), URGENT, None)

    def _keep(self, pack_message, message: dict, clocks: tuple, lane: str, note: bytes | None) -> int:
        note = self.note if note is None else note
        seq = self._next_seq
        time = self._stamps.give(*clocks)
        kind, body = pack_message(self.id, seq, message, time, note)
        record = pack(kind, seq, body)
        self._next_seq = seq + 1
        if not self._room(len(record), lane == URGENT) or not self._write(lane, record, seq):
            self._passport.drop(seq)
            return 0
        self.note = note
        self._stamps.kept(time)
        return seq

    def set_clock(self, now: int, mono: int) -> None:
        """Time has arrived: stamp what waited for it. Once given, a stamp never changes."""
        self._stamps.set_clock(now, mono)

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
        self._newest = (seq, lane, segments[-1][0], segments[-1][1])
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
        record = pack(HEADER, seq - 1, pack_header(self._stamps.last, self.id, self.note))
        try:
            append(self._path(lane, number), record)
        except OSError:
            _remove(self._path(lane, number))  # what is left of it would only fill the disk
            raise
        segments.append([number, len(record), 0, True])

    # ---- out

    def take(self, urgent: bool) -> tuple | None:
        """The next message of a lane as (seq, channel, payload), or None; given once, ``read`` gives it again."""
        lane = URGENT if urgent else NORMAL
        taken = sum(1 for place in self._taken.values() if place & 1 == urgent)
        if sum(segment[2] for segment in self._lanes[lane]) <= taken:
            return None  # asked often: don't open files for nothing
        found = self._peek(lane)
        if found is None:
            return None
        number, (offset, end, kind, seq, body) = found
        message = read_message(kind, body, self._passport.offsets)
        if message is None:
            return None
        self._cursor[lane] = (number, end)
        self._taken[seq] = _place(lane, number, offset)
        return seq, message[0], message[1]

    def take_newest(self) -> tuple | None:
        """The newest message of this boot, though older ones wait: enough to ask a silent collector whether it lives.

        None when this boot kept none, or when it has been taken already.
        """
        if self._newest is None:
            return None
        seq, lane, number, offset = self._newest
        cursor = self._cursor[lane]
        if seq in self._taken or seq in self._ahead or cursor > (number, offset):
            return None
        self._taken[seq] = _place(lane, number, offset)
        message = self.read(seq)
        if message is None:  # no stamp yet: it keeps its turn. (What the flash lost, read has declared dropped.)
            self._taken.pop(seq, None)
        else:
            self._ahead[seq] = (lane, number)
        return message

    def read(self, seq: int) -> tuple | None:
        """A message that was taken, as ``take`` gave it, the same bytes every time.

        None when it has a receipt, and when the flash no longer holds it: then it counts as dropped.
        """
        place = self._taken.get(seq)
        if place is None:
            return None
        lane, number = _segment_of(place)
        found = next_record(self._path(lane, number), place >> 1 & 0xFFFFFFFF)
        if found is not None and found[3] == seq:
            message = read_message(found[2], found[4], self._passport.offsets)
            return message and (seq, message[0], message[1])
        self.receipt([[seq, seq]])
        self._passport.drop(seq)
        return None

    def receipt(self, ranges: list) -> list:
        """Forget the taken messages that ``ranges`` ([[first, last], ...]) name; return their numbers."""
        done = [seq for seq in self._taken if any(first <= seq <= last for first, last in ranges)]
        for seq in done:
            lane, number = _segment_of(self._taken.pop(seq))
            for segment in self._lanes[lane]:
                if segment[0] == number:
                    segment[2] -= 1
        if not self._taken:
            self._taken = {}  # a table never shrinks
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
                if found[2] != HEADER and found[3] not in self._ahead and not self._is_over(found[3]):
                    return segment[0], found
                found = next_record(self._path(lane, segment[0]), found[1])
        return None

    def _is_over(self, seq: int) -> bool:
        """Whether it had its receipt, or was declared dropped: a failed write may have reached the disk after all."""
        return seq < self._done_below or any(first <= seq <= last for first, last in self.dropped)

    def _delete_finished(self, lane: str) -> None:
        segments = self._lanes[lane]
        for segment in segments[:-1]:
            if segment[2] <= 0 and _remove(self._path(lane, segment[0])):
                segments.remove(segment)
                for seq in [seq for seq, place in self._ahead.items() if place == (lane, segment[0])]:
                    del self._ahead[seq]

    def _path(self, lane: str, number: int) -> str:
        return "%s/%s%08d.log" % (self._folder, lane, number)

    # ---- start

    def _open(self) -> None:
        from firmware.recovery import recover

        found = recover(self._folder, self._lanes, self._stamps, self._is_over)
        self.note, self.lost_bytes = found["note"], found["lost_bytes"]
        self._passport.begin(found["id"], found["boot"], self._stamps.pending, self._done_below > 0)
        self._next_seq = max([found["next_seq"]] + [last + 1 for _, last in self.dropped])


def _place(lane: str, number: int, offset: int) -> int:
    """Where a record is, as one number: there may be 64 of them."""
    return (number << 32 | offset) << 1 | (lane == URGENT)


def _segment_of(place: int) -> tuple:
    """(lane, segment number)."""
    return URGENT if place & 1 else NORMAL, place >> 33


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
