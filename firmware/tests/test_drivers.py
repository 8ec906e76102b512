"""Bytes and edges in, values out; noise never becomes a number."""

import os

from firmware.drivers.jsn_sr04t import EchoError, distance_mm
from firmware.drivers.reed_contact import count_pulses
from firmware.nodes.parking import Parking, occupancy
from firmware.nodes.water import Water


def fault(answer: bytes) -> str:
    try:
        distance_mm(answer)
    except EchoError as error:
        return str(error)
    raise AssertionError("taken for a number")


def test_a_distance_is_read_from_its_frame():
    assert distance_mm(bytes((0xFF, 0x01, 0x9C, 0x9C))) == 412
    assert distance_mm(bytes((0xFF, 0x07, 0xA1, 0xA7))) == 1953


def test_silence_a_wrong_sum_and_no_echo_are_no_number():
    assert fault(b"") == "no_answer"
    assert fault(b"\xff\x01") == "no_answer"
    assert fault(b"\xff\x01\x9c\x9d") == "bad_checksum"
    assert fault(b"\xfe\x01\x9c\x9b") == "bad_checksum"
    assert fault(b"\xff\x00\x00\xff") == "no_echo"


def test_no_random_frame_with_a_wrong_sum_is_taken():
    for _ in range(2000):
        noise = os.urandom(4)
        right = noise[0] == 0xFF and (noise[0] + noise[1] + noise[2]) & 0xFF == noise[3] and noise[1] | noise[2]
        if not right:
            assert fault(noise) in ("bad_checksum", "no_echo")


def test_occupancy_keeps_the_last_answer_between_the_thresholds():
    assert occupancy(1199, "free") == "occupied"
    assert occupancy(1200, "free") == "free"
    assert occupancy(1600, "occupied") == "occupied"
    assert occupancy(1601, "occupied") == "free"
    assert occupancy(1400, "unknown") == "unknown"


MS = 1000


def test_a_clean_pulse_counts_once():
    edges = [(100 * MS, 0), (160 * MS, 1)]
    assert count_pulses(edges, 200 * MS, False) == (1, 2, False)


def test_bounces_do_not_count():
    edges = [(0, 0), (300, 1), (5 * MS, 0), (65 * MS, 1), (66 * MS, 0), (70 * MS, 1)]
    assert count_pulses(edges, 100 * MS, False) == (1, 6, False)


def test_a_closure_that_is_briefly_broken_counts_once():
    edges = [(0, 0), (50 * MS, 1), (52 * MS, 0), (110 * MS, 1)]
    assert count_pulses(edges, 200 * MS, False) == (1, 4, False)


def test_a_spark_is_no_pulse():
    assert count_pulses([(0, 0), (10 * MS, 1)], 100 * MS, False) == (0, 2, False)


def test_an_edge_that_has_not_settled_is_given_again():
    assert count_pulses([(0, 0)], 19 * MS, False) == (0, 0, False)
    assert count_pulses([(0, 0)], 20 * MS, False) == (1, 1, True)
    assert count_pulses([], 10**9, True) == (0, 0, True)


def train(pulses: int) -> list:
    """Edges of that many pulses, each with random bounces of 0.1 to 8 ms on both sides."""
    edges, now = [], 0
    for _ in range(pulses):
        for level in (0, 1):
            for _ in range(os.urandom(1)[0] % 3):
                edges += [(now, level), (now + 100 + os.urandom(1)[0] * 15, 1 - level)]
                now += 8 * MS
            edges.append((now, level))
            now += 60 * MS
    return edges


def test_a_bouncing_train_is_counted_exactly_however_it_is_cut():
    for size in (2, 3, 7, 50):
        edges, total, low, cursor = train(50), 0, False, 0
        end = edges[-1][0] + 60 * MS
        while cursor < len(edges):
            part = edges[cursor : cursor + size]
            now = end if cursor + size >= len(edges) else part[-1][0]
            pulses, consumed, low = count_pulses(part, now, low)
            assert consumed, "no progress"
            total += pulses
            cursor += consumed
        assert total == 50, size


class Wire:
    """A sensor that gives the answers it was told, then silence."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked = []

    async def exchange(self, request: bytes, _size: int, _timeout_ms: int) -> bytes:
        self.asked.append(request)
        return self.answers.pop(0) if self.answers else b""

    async def since(self, cursor: int, _timeout_ms: int):
        self.asked.append(cursor)
        return self.answers.pop(0) if self.answers else None


def finish(coroutine):
    """Run a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as stopped:
        return stopped.value
    raise AssertionError("it waited")


def test_a_parking_node_publishes_each_distance_and_hurries_with_a_change():
    spot = Parking(Wire(b"\xff\x01\x9c\x9c", b"\xff\x01\x9c\x9c", b"\xff\x07\xa1\xa7"))
    samples = [finish(spot.sample()) for _ in range(3)]
    assert [sample.values["occupancy"] for sample in samples] == ["occupied", "occupied", "free"]
    assert [sample.urgent for sample in samples] == [True, False, True]
    assert samples[0].values["distance"] == (412, -3)


def test_a_silent_sensor_gives_no_number_and_is_counted():
    spot = Parking(Wire())
    assert finish(spot.sample()) is None
    assert finish(spot.sample()) is None
    assert spot.faults == {"no_answer": 2}


def test_a_water_node_asks_for_later_edges_only_when_its_note_is_durable():
    clock = [1000]
    edges = [(100 * MS, 0), (160 * MS, 1)]
    wire = Wire((0, 200 * MS, edges), (0, 200 * MS, edges), (2, 300 * MS, []))
    meter = Water(wire, (10, 0), lambda: clock[0], b"")
    assert finish(meter.sample()).values == {"water_volume": (10, -3)}
    clock[0] = 3000
    again = finish(meter.sample())  # the first was never kept
    assert again.values["water_volume"] == (10, -3)
    meter.keep(again.note)
    clock[0] = 5000
    assert finish(meter.sample()).values == {"water_volume": (10, -3), "water_flow": (0, -3)}
    assert wire.asked == [0, 0, 2]


def test_a_water_node_goes_on_from_its_note_after_a_restart():
    meter = Water(Wire((0, 200 * MS, [(100 * MS, 0), (160 * MS, 1)])), (5, -1), lambda: 1, b"")
    note = finish(meter.sample()).note
    wire = Wire((2, 500 * MS, [(400 * MS, 0)]))
    again = Water(wire, (5, -1), lambda: 1, note)
    assert finish(again.sample()).values == {"water_volume": (10, -4)}
    assert wire.asked == [2]


def test_a_water_node_tells_the_flow_between_two_readings():
    clock = [0]
    wire = Wire((0, 0, []), (0, 200 * MS, [(100 * MS, 0), (160 * MS, 1)]))
    meter = Water(wire, (1, 0), lambda: clock[0], b"")
    finish(meter.sample())
    clock[0] = 3600
    assert finish(meter.sample()).values["water_flow"] == (1000, -3)  # 1 L in 3.6 s


def test_a_pulse_input_that_fails_or_forgets_is_counted():
    meter = Water(Wire(None, (7, 0, [])), (1, 0), lambda: 1, b"")
    assert finish(meter.sample()) is None
    finish(meter.sample())
    assert meter.faults == {"no_answer": 1, "edges_lost": 1}
