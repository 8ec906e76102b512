"""Vehicles that pass two beams are counted once each, in the right direction. Runs on both interpreters."""

import random

from firmware.entry.passage import IN, NONE, OUT, Passage
from firmware.nodes import counting
from firmware.settings import SettingsError
from firmware.tests.fake_board import Board, Recorder, Wire, finish, settings

MS, SECOND = 1000, 1000000
WHOLE, A, B, BOTH = (False, False), (True, False), (False, True), (True, True)


def passed(*states: tuple) -> list:
    passage = Passage()
    return [one for one in [passage.step(a, b) for a, b in states] if one != NONE]


# ---- the way through two beams


def test_a_before_b_is_in_and_b_before_a_is_out():
    assert passed(A, BOTH, B, WHOLE) == [IN]
    assert passed(B, BOTH, A, WHOLE) == [OUT]


def test_vehicles_that_follow_each_other_closely_count_each():
    assert passed(*[A, BOTH, B, WHOLE] * 3) == [IN, IN, IN]
    assert passed(A, BOTH, B, WHOLE, B, BOTH, A, WHOLE) == [IN, OUT]


def test_a_vehicle_that_reverses_undoes_its_steps():
    assert passed(A, WHOLE) == []
    assert passed(A, BOTH, A, WHOLE) == []
    assert passed(A, BOTH, B, BOTH, A, WHOLE) == []
    assert passed(B, BOTH, A, BOTH, B, WHOLE) == []
    assert passed(A, BOTH, A, BOTH, B, BOTH, B, WHOLE) == [IN]


def test_a_person_breaks_one_beam_after_the_other():
    assert passed(A, WHOLE, B, WHOLE) == []
    assert passed(B, WHOLE, A, WHOLE) == []


def test_beams_that_change_together_say_nothing_until_both_are_whole():
    assert passed(BOTH, B, WHOLE) == []
    assert passed(A, B, WHOLE) == []
    assert passed(BOTH, B, WHOLE, A, BOTH, B, WHOLE) == [IN]


# ---- vehicles as edges


def vehicle(begun: int, direction: int, bounce: int = 0) -> tuple:
    """Edges of beam A and of beam B for a vehicle of 4 m at 2 m/s; the beams are 0.5 m apart."""
    first, second = begun, begun + 250 * MS
    edges = []
    for start in (first, second):
        one = []
        for at, level in ((start, 0), (start + 2 * SECOND, 1)):
            for number in range(bounce):
                one += [(at + number * 7 * MS, level), (at + number * 7 * MS + 3 * MS, 1 - level)]
            one.append((at + bounce * 7 * MS, level))
        edges.append(one)
    return (edges[0], edges[1]) if direction == IN else (edges[1], edges[0])


class Later(Recorder):
    """A recorder after ``before``, whose edges it does not keep."""

    def __init__(self, before: Recorder) -> None:
        super().__init__([])
        self._offset = len(before.edges) + getattr(before, "_offset", 0)

    async def since(self, cursor: int, timeout_ms: int, most: int):
        first, now_us, edges = await super().since(cursor - self._offset, timeout_ms, most)
        return first + self._offset, now_us, edges


class Entry:
    """A car park's entry and its node."""

    def __init__(self, **changes) -> None:
        self.beams = Recorder([]), Recorder([])
        self.board = Board({"beam_a": self.beams[0], "beam_b": self.beams[1]})
        changes["capacity"] = changes.get("capacity", 100)
        self.changes = changes
        self.note = b""
        self.start()

    def start(self, **changes) -> None:
        self.changes.update(changes)
        self.node = counting.make(settings(counting, **self.changes), self.board, self.note)

    def drives(self, begun: int, direction: int, bounce: int = 0) -> None:
        for recorder, edges in zip(self.beams, vehicle(begun, direction, bounce)):
            recorder.edges += edges

    def forget(self) -> None:
        """Start again with recorders that number on, and keep nothing of what was read."""
        self.beams = Later(self.beams[0]), Later(self.beams[1])
        self.board = Board({"beam_a": self.beams[0], "beam_b": self.beams[1]})
        self.start()

    def look(self, us: int, is_durable: bool = True) -> list:
        self.board.ms = us // 1000
        for recorder in self.beams:
            recorder.now_us = us
        samples = finish(self.node.sample())
        if samples and is_durable:
            self.note = samples[-1].note
            self.node.keep(self.note)
        return samples

    def counts(self, us: int) -> tuple:
        samples = self.look(us)
        values = samples[-1].values
        return values["vehicle_count_in"], values["vehicle_count_out"], values["occupied_count"]


def test_a_passage_is_published_at_once_and_else_only_the_heartbeat():
    entry = Entry(heartbeat_ms=20000)
    entry.drives(5 * SECOND, IN)
    said = {}
    for tenth in range(300):
        for sample in entry.look(tenth * 100 * MS):
            said[tenth] = sample.urgent, sample.values["occupied_count"]
    assert said == {0: (False, 0), 73: (True, 1), 273: (False, 1)}  # 7.25 s, and 30 ms of settling


def test_vehicles_are_counted_exactly_though_beams_bounce_and_nodes_die():
    random.seed(3)
    entry, now, entered, left = Entry(capacity=1000), SECOND, 0, 0
    for number in range(400):
        direction = IN if random.random() < 0.6 else OUT
        if direction == OUT and entered == left:
            direction = IN
        entry.drives(now, direction, bounce=random.randrange(3))
        entered += direction == IN
        left += direction == OUT
        for _ in range(1 + number % 4):
            now += random.randrange(700 * MS)
            entry.look(now, is_durable=number % 3 > 0)
            if number % 5 == 0:
                entry.start()
        now += 3 * SECOND
        if number % 20 == 19:
            assert entry.counts(now + SECOND) == (entered, left, entered - left)
            entry.forget()
    assert entry.node.faults == {}


def test_vehicles_inside_stay_between_none_and_the_capacity():
    entry = Entry(capacity=2, start=1)
    for number, direction in enumerate((OUT, OUT, IN, IN, IN)):
        entry.drives((1 + 5 * number) * SECOND, direction)
    assert entry.counts(60 * SECOND) == (3, 2, 2)
    assert entry.node.faults == {"below_empty": 1, "above_capacity": 1}


def test_a_correction_is_taken_once():
    entry = Entry(start=5)
    assert entry.counts(SECOND) == (0, 0, 5)
    entry.start(correction=(1, 42))
    assert entry.counts(2 * SECOND) == (0, 0, 42)
    entry.drives(3 * SECOND, IN)
    assert entry.counts(9 * SECOND) == (1, 0, 43)
    entry.start()
    entry.drives(10 * SECOND, OUT)
    assert entry.counts(19 * SECOND) == (1, 1, 42)
    entry.start(correction=(2, 200))
    assert entry.counts(20 * SECOND) == (1, 1, 100)  # not more than fit in


def test_a_correction_that_is_none_is_refused():
    for wrong in (5, [1], [1, -1], [1, 2, 3], [True, 1], ["1", 2]):
        said = ""
        try:
            counting.correction("correction", wrong)
        except SettingsError as error:
            said = str(error)
        assert said == "correction: expected [number, vehicles inside]"
    assert counting.correction("correction", [3, 7]) == (3, 7)


def test_who_was_away_takes_what_waits_in_pieces():
    """One heap has no room for all that a street does in an hour."""
    entry = Entry()
    for number in range(12):
        entry.drives((1 + 5 * number) * SECOND, IN if number % 4 else OUT, bounce=2)
    entry.start()
    now, taken = 90 * SECOND, [0, 0]
    there = sum([len(recorder.edges) for recorder in entry.beams])
    assert there > 200
    while sum(taken) < there:
        before, now = taken, now + 2 * SECOND
        last = entry.look(now)[-1].values
        taken = list(entry.node._cursors)
        assert max(taken[0] - before[0], taken[1] - before[1]) <= 30
    assert (last["vehicle_count_in"], last["vehicle_count_out"]) == (9, 3)


def test_a_long_passage_is_taken_in_pieces():
    entry = Entry()
    entry.drives(SECOND, IN)
    a = entry.beams[0]
    wobble = [(1500 * MS + number * 2 * MS, (1 + number) % 2) for number in range(120)]
    a.edges = a.edges[:1] + wobble + a.edges[1:]
    for _ in range(5):
        entry.look(1900 * MS)
    a._memory = 30  # what was taken is forgotten
    entry.start()
    assert entry.counts(4 * SECOND) == (1, 0, 1)
    assert entry.node.faults == {}


def test_edges_that_were_lost_are_told_and_the_next_vehicle_counts():
    entry = Entry()
    entry.beams[0]._memory = 2
    entry.drives(1 * SECOND, IN)
    entry.drives(11 * SECOND, IN)
    entry.drives(21 * SECOND, IN)
    entry.look(24 * SECOND)
    assert entry.node.faults["edges_lost"] == 1
    before = entry.counts(900 * SECOND + 24 * SECOND)
    entry.drives(1000 * SECOND, IN)
    assert entry.counts(1010 * SECOND)[0] == before[0] + 1


def test_a_dead_input_gives_no_number():
    entry = Entry()
    entry.beams[1].is_dead = True
    assert entry.look(SECOND) == []
    assert entry.node.faults == {"no_answer": 1}


def test_a_note_of_another_form_begins_anew():
    entry = Entry()
    for note in (b"\x01\x02", b"\x07" * 41):
        entry.note = note
        entry.start(start=3)
        assert entry.counts(SECOND) == (0, 0, 3)


# ---- ultrasound


def echo(millimetres: int) -> bytes:
    head = bytes((0xFF, millimetres >> 8, millimetres & 0xFF))
    return head + bytes((sum(head) & 0xFF,))


def test_two_ultrasonic_sensors_count_vehicles_that_crawl():
    a, b = Wire(always=echo(3000)), Wire(always=echo(3000))
    board = Board({"ultrasonic_a": a, "ultrasonic_b": b})
    node = counting.make(settings(counting, capacity=9), board, b"")
    near, far, published = echo(800), echo(3000), []
    for states in ((near, far), (near, near), (far, near), (far, far), (far, b""), (near, near), (far, far)):
        a.always, b.always = states
        for _ in range(3):
            board.ms += 200
            for sample in finish(node.sample()):
                node.keep(sample.note)
                published.append(sample.values["occupied_count"])
    assert published == [0, 1]
    assert node.faults == {"no_answer": 3, "order_lost": 1}
