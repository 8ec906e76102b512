"""A spot is free or occupied when its sensors agree for long enough, and its baseline never learns a car.

Runs on both interpreters.
"""

import struct

from firmware.drivers import qmc5883l
from firmware.nodes import parking
from firmware.spot.baseline import Baseline, magnitude
from firmware.spot.occupancy import FREE, OCCUPIED, UNKNOWN, Occupancy, combined
from firmware.tests.fake_board import Board, Bus, Chip, Wire, finish, has_floats, settings

HOUR_MS = 3600000


def echo(millimetres: int) -> bytes:
    head = bytes((0xFF, millimetres >> 8, millimetres & 0xFF))
    return head + bytes((sum(head) & 0xFF,))


def spot(wires: dict, note: bytes = b"", **changes):
    board = Board(wires)
    return board, parking.make(settings(parking, **changes), board, note)


def look(board: Board, node, times: int = 1, step_ms: int = 1000) -> list:
    """That many samples; what they published."""
    published = []
    for _ in range(times):
        published += finish(node.sample())
        board.ms += step_ms
    return published


# ---- evidence into one answer


def test_the_heavier_side_wins_and_a_tie_is_no_answer():
    assert combined([(2, OCCUPIED), (1, FREE)]) == OCCUPIED
    assert combined([(2, FREE), (2, FREE), (1, OCCUPIED)]) == FREE
    assert combined([(2, FREE), (2, OCCUPIED)]) == UNKNOWN
    assert combined([(2, UNKNOWN), (1, FREE)]) == FREE
    assert combined([]) == UNKNOWN


def test_only_consistent_samples_change_the_answer():
    judged = Occupancy(3, 60000)
    says = [FREE, FREE, OCCUPIED, FREE, FREE, FREE, OCCUPIED, OCCUPIED, FREE, OCCUPIED, OCCUPIED, OCCUPIED]
    states = []
    for one in says:
        judged.judge([(2, one)], 1000)
        states.append(judged.state)
    assert states == [UNKNOWN] * 5 + [FREE] * 6 + [OCCUPIED]


def test_an_answer_stays_for_a_while_without_evidence_and_then_is_unknown():
    judged = Occupancy(1, 5000)
    assert judged.judge([(2, FREE)], 1000)
    assert [judged.judge([], 1000) for _ in range(6)] == [False] * 4 + [True, False]
    assert judged.state == UNKNOWN
    assert judged.judge([(2, FREE)], 1000)


# ---- the baseline


def learnt(**changes) -> Baseline:
    values = {"occupied_nt": 8000, "free_nt": 4000, "drift_nt": 1000, "degree_nt": 50}
    values.update(changes)
    made = Baseline(values["occupied_nt"], values["free_nt"], values["drift_nt"], values["degree_nt"])
    for _ in range(8):
        made.learn((20000, -3000, 43000), 15, 1000)
    return made


def test_a_length_is_exact_where_a_float_of_32_bits_is_not():
    assert magnitude((3, 4, 12)) == 13
    assert magnitude((0, 0, 0)) == 0
    for length in (1, 16777217, 1092267, 1092266 * 3 + 1):
        assert magnitude((length, 0, 0)) == length
    assert magnitude((1000000, 1000000, 1000001)) == 1732051


def test_the_first_baseline_is_the_mean_of_the_first_fields():
    made = Baseline(8000, 4000, 1000, 50)
    for number in range(8):
        assert made.deviation((0, 0, 0)) is None
        made.learn((20000 + number * 2, -3000, 43000), 15, 1000)
    assert made.field == (20007, -3000, 43000)
    assert made.deviation((20007, -3000, 48000)) == 5000


def test_between_its_thresholds_the_field_keeps_the_last_evidence():
    made = learnt()
    assert made.evidence(8001, 15, FREE) == OCCUPIED
    assert made.evidence(8000, 15, FREE) == FREE
    assert made.evidence(4000, 15, OCCUPIED) == OCCUPIED
    assert made.evidence(3999, 15, OCCUPIED) == FREE
    assert made.evidence(None, 15, OCCUPIED) == UNKNOWN


def test_a_free_spot_follows_a_slow_drift_and_no_faster_one():
    made = learnt()
    for _ in range(3600):
        made.learn((21500, -3000, 43000), 15, 1000)
    x, y, z = made.field
    assert 20900 <= x <= 21000
    assert (y, z) == (-3000, 43000)


def test_a_field_that_is_not_near_teaches_nothing():
    made = learnt()
    for _ in range(100000):
        made.learn((20000 + 2001, -3000, 43000), 15, 60000)
    assert made.field == (20000, -3000, 43000)


def test_temperature_since_the_last_learning_widens_what_is_free_up_to_a_bound():
    made = learnt()
    assert made.evidence(4500, 15, OCCUPIED) == OCCUPIED
    assert made.evidence(4500, 26, OCCUPIED) == FREE  # 11 degrees: 550 nT
    assert made.evidence(4500, 4, OCCUPIED) == FREE
    assert made.evidence(5000, -40, OCCUPIED) == OCCUPIED  # a quarter of the way to "occupied" is the most
    assert made.evidence(4500, None, OCCUPIED) == OCCUPIED


def test_a_baseline_survives_as_bytes_whether_it_is_complete_or_not():
    made = Baseline(8000, 4000, 1000, 50)
    for number in range(9):
        again = Baseline(8000, 4000, 1000, 50)
        again.recall(made.remember())
        assert again.remember() == made.remember()
        assert again.field == made.field
        made = again
        made.learn((20000 + number, -300000, 0), None if number < 8 else -12, 1000)
    assert made.field[1:] == (-300000, 0)


# ---- one ultrasonic sensor, as the oldest nodes have it


def test_every_distance_is_published_when_the_heartbeat_is_not_longer_than_the_period():
    sensor = Wire(echo(412), echo(412), echo(1400), echo(1953))
    board, node = spot({"sensor": sensor}, debounce=1, heartbeat_ms=1)
    samples = look(board, node, 4)
    assert [sample.values["occupancy"] for sample in samples] == ["occupied", "occupied", "occupied", "free"]
    assert [sample.urgent for sample in samples] == [True, False, False, True]
    assert samples[0].values["distance"] == (412, -3)
    assert not any(has_floats(sample.values) for sample in samples)


def test_a_change_is_published_at_once_and_else_only_the_heartbeat():
    sensor = Wire(always=echo(2000))
    board, node = spot({"sensor": sensor}, heartbeat_ms=10000)
    times = []
    for second in range(60):
        if second == 30:
            sensor.always = echo(400)
        times += [(second, sample.urgent, sample.values["occupancy"]) for sample in look(board, node)]
    assert times == [
        (2, True, "free"),
        (12, False, "free"),
        (22, False, "free"),
        (32, True, "occupied"),
        (42, False, "occupied"),
        (52, False, "occupied"),
    ]


def test_what_may_be_a_change_is_looked_at_again_soon():
    sensor = Wire(always=echo(2000))
    board, node = spot({"sensor": sensor}, period_ms=60000)
    periods = []
    for second in range(10):
        sensor.always = echo(2000 if second < 5 else 400)
        look(board, node)
        periods.append(node.period_ms)
    assert periods == [5000, 5000, 60000, 60000, 60000, 5000, 5000, 60000, 60000, 60000]
    sensor.always = b""
    look(board, node)
    assert node.period_ms == 60000


def test_a_silent_sensor_gives_no_number_is_counted_and_makes_the_spot_unknown():
    sensor = Wire(echo(400), echo(400), echo(400))
    board, node = spot({"sensor": sensor}, heartbeat_ms=1, unknown_after_ms=5000)
    assert [sample.values["occupancy"] for sample in look(board, node, 3)] == ["unknown", "unknown", "occupied"]
    published = look(board, node, 20)
    assert [(sample.values, sample.urgent) for sample in published] == [({"occupancy": "unknown"}, True)]
    assert node.faults == {"no_answer": 20}


def test_a_sensor_that_never_moves_is_marked_and_not_hidden():
    board, node = spot({"sensor": Wire(always=echo(400))}, heartbeat_ms=1)
    for _ in range(2000):
        assert look(board, node)[0].quality == {}
    assert look(board, node)[0].quality == {"distance": "suspect"}
    assert look(board, node)[0].values["occupancy"] == "occupied"


def test_a_spot_without_a_sensor_is_a_wrong_setting():
    said = ""
    try:
        spot({})
    except KeyError as error:
        said = str(error)
    assert "sensor" in said


# ---- a magnetometer


class Street:
    """The field above a QMC5883L at a spot: what stands there, and noise in the lowest bits."""

    def __init__(self) -> None:
        self.field = (20000, -3000, 43000)
        self.hundredths = 2000
        self._noise = 0

    def measure(self, chip: Chip) -> None:
        self._noise = (self._noise * 13 + 7) % 61
        raw = [axis * 3 // 100 + self._noise % 3 for axis in self.field]
        chip.put(0, struct.pack("<hhhBh", raw[0], raw[1], raw[2], 1, self.hundredths))

    def bus(self) -> Bus:
        return Bus({qmc5883l.ADDRESS: Chip({0x0D: 0xFF}, qmc5883l.MEASURE, self.measure)})


CAR = (26000, -14000, 52000)
EMPTY = (20000, -3000, 43000)


def occupancies(samples: list) -> list:
    return [sample.values["occupancy"] for sample in samples if sample.urgent]


def test_a_magnetometer_learns_its_empty_spot_and_sees_cars_come_and_go():
    street = Street()
    board, node = spot({"magnetometer": street.bus()})
    assert occupancies(look(board, node, 20)) == ["free"]
    street.field = CAR
    changes = look(board, node, 20)
    assert occupancies(changes) == ["occupied"]
    assert changes[0].values["magnetic_field.s1"][0] // 1000 == 47
    assert changes[0].values["magnetic_deviation"][0] // 100 == 154
    assert not has_floats(changes[0].values)
    street.field = EMPTY
    assert occupancies(look(board, node, 20)) == ["free"]


def test_a_car_that_stays_for_ten_hours_does_not_become_the_baseline():
    street = Street()
    board, node = spot({"magnetometer": street.bus()})
    look(board, node, 20)
    street.field = CAR
    assert occupancies(look(board, node, 3600, 10000)) == ["occupied"]
    street.hundredths = -500  # and it has become cold
    street.field = (21500, -3000, 43000)
    assert occupancies(look(board, node, 20)) == ["free"]


def test_a_car_does_not_become_the_baseline_of_a_restart_either():
    street = Street()
    board, node = spot({"magnetometer": street.bus()})
    look(board, node, 20)
    street.field = CAR
    note = look(board, node, 5)[-1].note
    board, node = spot({"magnetometer": street.bus()}, note)
    assert occupancies(look(board, node, 20)) == ["occupied"]


def test_a_new_number_for_relearning_makes_this_field_the_empty_one():
    street = Street()
    board, node = spot({"magnetometer": street.bus()})
    note = look(board, node, 20)[-1].note
    street.field = CAR
    board, node = spot({"magnetometer": street.bus()}, note, relearn=1)
    assert occupancies(look(board, node, 20)) == ["free"]


def test_a_note_of_another_kind_is_no_baseline():
    street = Street()
    for note in (b"\x01", b"\x01" * 17, b"\x02" + bytes(30)):
        board, node = spot({"magnetometer": street.bus()}, note)
        assert occupancies(look(board, node, 20)) == ["free"]


def test_with_another_sensor_only_a_free_spot_teaches_the_magnetometer():
    street = Street()
    street.field = CAR
    sensor = Wire(always=echo(400))
    board, node = spot({"magnetometer": street.bus(), "ultrasonic": sensor}, heartbeat_ms=1)
    published = look(board, node, 20)
    assert occupancies(published) == ["occupied"]
    assert "magnetic_deviation" not in published[-1].values
    street.field, sensor.always = EMPTY, echo(2000)
    assert occupancies(look(board, node, 3)) == ["free"]
    look(board, node, 10)
    published = look(board, node)
    assert published[-1].values["magnetic_deviation"][0] < 100


def test_sensors_that_contradict_each_other_are_marked_and_at_last_unknown():
    street = Street()
    sensor = Wire(always=echo(2000))
    board, node = spot({"magnetometer": street.bus(), "ultrasonic": sensor}, heartbeat_ms=1, unknown_after_ms=30000)
    assert occupancies(look(board, node, 30)) == ["free"]
    street.field = CAR
    published = look(board, node, 40)
    assert published[0].quality == {"occupancy": "suspect"}
    assert published[0].values["occupancy"] == "free"
    assert occupancies(published) == ["unknown"]
    assert node.faults == {"sensors_disagree": 40}


def test_a_magnetometer_that_dies_leaves_the_others_to_answer():
    street = Street()
    bus = street.bus()
    sensor = Wire(always=echo(2000))
    board, node = spot({"magnetometer": bus, "ultrasonic": sensor}, heartbeat_ms=1)
    look(board, node, 20)
    chip = bus.chips.pop(qmc5883l.ADDRESS)
    published = look(board, node, 5)
    assert [sample.values["occupancy"] for sample in published] == ["free"] * 5
    assert "magnetic_field" not in published[0].values
    assert node.faults == {"magnetometer_no_answer": 5}
    bus.chips[qmc5883l.ADDRESS] = chip
    assert "magnetic_field" in look(board, node)[0].values


# ---- sleep


def test_a_board_that_sleeps_between_samples_goes_on_where_it_was():
    street = Street()
    awake_board, awake = spot({"magnetometer": street.bus()}, heartbeat_ms=20000)
    asleep, memory, changes = Street(), None, []
    for second in range(60):
        street.field = asleep.field = CAR if 20 <= second < 40 else EMPTY
        expected = look(awake_board, awake)
        _board, node = spot({"magnetometer": asleep.bus()}, heartbeat_ms=20000)
        if memory is not None:
            node.recall(memory)
        found = finish(node.sample())
        memory = node.remember()
        assert len(memory) <= 64
        assert [(one.urgent, one.values["occupancy"]) for one in found] == [
            (one.urgent, one.values["occupancy"]) for one in expected
        ], second
        changes += occupancies(found)
        assert node.period_ms == awake.period_ms
    assert changes == ["free", "occupied", "free"]
    node.recall(b"")  # a memory that was lost
    assert node.remember() == memory
