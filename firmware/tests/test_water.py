"""Every litre counts once whatever dies, and water that should not run is noticed. Runs on both interpreters."""

from firmware.nodes import water
from firmware.tests.fake_board import Board, Closings, ForgetfulRecorder, Pin, Recorder, finish, has_floats, settings
from firmware.water.leak import BACK_FLOW, BURST, CONTINUOUS, LOST, STUCK, TAMPER, burst_limit
from firmware.water.local_time import DAY_MS, HOUR_MS

MS = 1000
SECOND = 1000 * MS
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
MIDNIGHT = 1792281600000  # 2026-10-18T00:00Z: 02:00 local time, the night begins


def pulses(*times: int) -> Closings:
    """The edges of one pulse at each of these us."""
    return Closings(times)


class Meter:
    """A node at its meter, with a clock that moves both."""

    def __init__(self, recorder: Recorder, utc_ms=None, wires=(), **changes) -> None:
        self.recorder = recorder
        self.wires = {"sensor": recorder}
        self.wires.update(wires)
        self.board = Board(self.wires, utc_ms)
        changes["litres_per_pulse"] = changes.get("litres_per_pulse", (1, 0))
        self.settings = settings(water, **changes)
        self.note = b""
        self.node = water.make(self.settings, self.board, b"")

    def at(self, us: int) -> None:
        for name in ("sensor", "reverse"):
            if name in self.wires:
                self.wires[name].now_us = us
        self.board.ms = us // 1000

    def look(self, us: int, is_durable: bool = True) -> list:
        self.at(us)
        samples = finish(self.node.sample())
        for sample in samples:
            assert len(sample.note) <= 255
            assert not has_floats(sample.values)
        if is_durable and samples:
            self.note = samples[-1].note
            self.node.keep(self.note)
        return samples

    def values(self, us: int) -> dict:
        return self.look(us)[-1].values

    def restart(self) -> None:
        self.node = water.make(self.settings, self.board, self.note)


# ---- counting


def test_later_edges_are_asked_for_only_when_the_note_is_durable():
    meter = Meter(Recorder(pulses(SECOND, 2 * SECOND)))
    assert meter.look(3 * SECOND, is_durable=False)[0].values["water_volume"] == (2, -3)
    assert meter.look(4 * SECOND)[0].values["water_volume"] == (2, -3)
    assert meter.look(5 * SECOND)[0].values["water_volume"] == (2, -3)


def test_a_half_litre_is_exact_and_the_flow_is_that_between_two_readings():
    meter = Meter(Recorder(pulses(*[second * SECOND for second in range(1, 100)])), litres_per_pulse=(5, -1))
    assert "water_flow" not in meter.values(10 * SECOND + SECOND // 2)
    values = meter.values(46 * SECOND + SECOND // 2)
    assert values["water_volume"] == (46 * 5, -4)
    assert values["water_flow"] == (18000, -4)  # 36 pulses of 0.5 L in 36 s: 1.8 m3/h


def test_a_node_goes_on_from_its_note_after_it_was_killed_at_any_moment():
    times = [second * SECOND for second in range(1, 60)]
    for killed in range(1, 60, 7):
        meter = Meter(Recorder(pulses(*times)))
        for second in range(1, 62):
            if second == killed:
                meter.look(second * SECOND + 30 * MS, is_durable=False)  # killed before the write
                meter.restart()
            values = meter.values(second * SECOND + 500 * MS)
        assert values["water_volume"] == (59, -3)
        assert values["pulse_epoch"] == 0
        assert values["water_flags"] == 0


def test_what_an_input_that_dies_with_the_node_can_lose_is_bounded_and_counted():
    recorder = ForgetfulRecorder(Closings(range(1, 600 * SECOND, SECOND)))
    meter, lost, cuts = Meter(recorder, period_ms=10000), 0, 0
    for second in range(1, 600):
        us = second * SECOND + 500 * MS
        if second % 47 == 0:  # the power fails
            lost += (second - 1) % 10 + 1  # what came since the last reading
            cuts += 1
            meter.at(us)
            recorder.restart()
            meter.restart()
        elif second % 10 == 0:
            values = meter.values(us)
            assert values["water_volume"] == (second + 1 - lost, -3)
    values = meter.values(600 * SECOND)
    assert values["pulse_epoch"] == cuts == 12
    assert 600 - values["water_volume"][0] == lost == 66
    assert lost <= cuts * 10  # a period's pulses each time


def test_the_first_reading_after_a_loss_says_so():
    recorder = ForgetfulRecorder(pulses(SECOND))
    meter = Meter(recorder)
    assert meter.values(2 * SECOND)["water_flags"] == 0
    meter.restart()
    recorder.restart()
    (sample,) = meter.look(3 * SECOND)
    assert sample.urgent
    assert (sample.values["water_flags"], sample.values["pulse_epoch"]) == (LOST, 1)
    assert "water_flow" not in sample.values
    (sample,) = meter.look(4 * SECOND)
    assert (sample.values["water_flags"], sample.values["pulse_epoch"]) == (0, 1)
    assert meter.node.faults == {"edges_lost": 1}


def test_an_input_that_fails_or_forgets_is_counted():
    recorder = Recorder(pulses(*[second * SECOND for second in range(1, 30)]), memory=10)
    meter = Meter(recorder)
    recorder.is_dead = True
    assert meter.look(SECOND) == []
    recorder.is_dead = False
    assert meter.values(29 * SECOND + 500 * MS)["water_volume"] == (5, -3)
    assert meter.node.faults == {"no_answer": 1, "edges_lost": 1}


def test_a_note_of_another_form_begins_anew():
    recorder = Recorder(pulses(SECOND))
    meter = Meter(recorder)
    for note in (b"\x01" * 17, b"\x09" * 128):
        meter.note = note
        meter.restart()
        assert meter.values(2 * SECOND)["water_volume"] == (1, -3)


def test_a_node_that_is_behind_hurries_until_it_has_caught_up():
    recorder = Recorder(Closings(range(SECOND, 400 * SECOND, SECOND)), answer=100)
    meter = Meter(recorder, period_ms=3600000)
    periods = []
    while not periods or periods[-1] == 1:
        values = meter.values(400 * SECOND)
        periods.append(meter.node.period_ms)
    assert periods == [1] * 8 + [3600000]
    assert values["water_volume"] == (399, -3)


# ---- flags


def test_flow_without_a_rest_for_a_day_is_continuous():
    drip = [minute * 30 * MINUTE for minute in range(1, 60)]
    meter = Meter(Recorder(pulses(*drip)), continuous_ms=DAY_MS, rest_ms=HOUR_MS)
    flags = [meter.values(hour * HOUR + MINUTE)["water_flags"] for hour in range(1, 32)]
    assert flags == [0] * 24 + [CONTINUOUS] * 6 + [0]  # the last drip is at 29:30


def test_one_rest_ends_continuous_flow():
    drip = [minute * 30 * MINUTE for minute in range(1, 100) if minute not in (40, 41)]
    meter = Meter(Recorder(pulses(*drip)))
    assert [meter.values(hour * HOUR + MINUTE)["water_flags"] for hour in range(1, 45)] == [0] * 44


def test_more_flow_than_the_limit_is_a_burst_until_a_window_is_calm():
    burst = [10 * MINUTE + number * SECOND for number in range(400)]
    calm = [number * 20 * SECOND for number in range(1, 120)]
    meter = Meter(Recorder(Closings(sorted(set(calm + burst)))), burst_flow=(25, -1))  # 2.5 m3/h is 208 L in 5 min
    flags = {}
    for minute in range(1, 35):
        (sample,) = meter.look(minute * MINUTE + 30 * SECOND)
        flags[minute] = sample.values["water_flags"]
        assert sample.urgent == (minute == 13)
    assert [minute for minute, bits in flags.items() if bits == BURST] == list(range(13, 20))


def test_the_limit_of_a_burst_is_exact():
    assert burst_limit((25, -1), 300000, (1, 0)) == 208
    assert burst_limit((3, 0), 3600000, (1, 0)) == 3000
    assert burst_limit((3, 0), 3600000, (5, -1)) == 6000
    assert burst_limit((3, 0), 3600000, (1, 2)) == 30
    assert burst_limit(None, 300000, (1, 0)) is None


def test_water_that_flows_backwards_is_flagged_until_as_much_came_forwards():
    backwards, forwards = (
        Recorder(pulses(SECOND, 2 * SECOND, 3 * SECOND)),
        Recorder(pulses(*range(HOUR, HOUR + 9 * MINUTE, MINUTE))),
    )
    meter = Meter(forwards, wires={"reverse": backwards})
    assert meter.values(SECOND + 500 * MS)["water_flags"] == 0  # one may be an oscillation
    values = meter.values(4 * SECOND)
    assert (values["water_flags"], values["water_volume.reverse"], values["water_volume"]) == (
        BACK_FLOW,
        (3, -3),
        (0, -3),
    )
    meter.restart()
    assert meter.values(HOUR - 1)["water_flags"] == BACK_FLOW
    assert meter.values(HOUR + 90 * SECOND)["water_flags"] == 0


def test_a_second_channel_that_is_silent_is_counted_and_loses_nothing():
    backwards = Recorder(pulses(SECOND))
    meter = Meter(Recorder(pulses(SECOND)), wires={"reverse": backwards})
    backwards.is_dead = True
    assert meter.look(2 * SECOND) == []
    backwards.is_dead = False
    values = meter.values(3 * SECOND)
    assert (values["water_volume"], values["water_volume.reverse"]) == ((1, -3), (1, -3))
    assert meter.node.faults == {"reverse_no_answer": 1}


def test_an_opened_tamper_loop_is_told_at_once():
    loop = Pin(0)
    meter = Meter(Recorder(), wires={"tamper": loop})
    assert meter.values(SECOND)["water_flags"] == 0
    loop.level = 1
    (sample,) = meter.look(2 * SECOND)
    assert sample.urgent
    assert sample.values["water_flags"] == TAMPER
    assert not meter.look(3 * SECOND)[0].urgent
    loop.level = None
    assert meter.values(4 * SECOND)["water_flags"] == 0
    assert meter.node.faults == {"tamper_no_answer": 1}


def test_an_input_without_any_edge_for_long_is_stuck():
    meter = Meter(Recorder(pulses(HOUR)), stuck_ms=10 * HOUR_MS)
    assert [meter.values(hour * HOUR + SECOND)["water_flags"] for hour in range(13)] == [0] * 11 + [STUCK] * 2


# ---- the night


def night_of(times: list, look_every: int, utc_ms: int = MIDNIGHT - 2 * HOUR_MS, hours: int = 9) -> list:
    """Begin two hours before the night; (when, values, period) of what a meter says of nights."""
    meter = Meter(Recorder(pulses(*times)), utc_ms)
    found = []
    for us in range(0, hours * HOUR, look_every):
        found += [
            (us // HOUR, sample.values, sample.period) for sample in meter.look(us) if "night_flow" in sample.values
        ]
    return found


def test_the_least_hour_of_the_night_is_its_flow_however_often_the_node_looks():
    early = [2 * HOUR + number * MINUTE for number in range(75)]  # until 03:15
    late = [3 * HOUR + 16 * MINUTE + number * 10 * MINUTE for number in range(5)]
    for every in (MINUTE, 7 * MINUTE, HOUR):
        ((_, values, period),) = night_of(early + late, every)
        assert values == {"night_flow": (15 + 5, -3)}, every  # from 03:00 to 04:00; from 02:00 to 03:00 it is 60
        assert period == 2 * HOUR_MS


def test_a_night_without_water_says_zero():
    ((hour, values, _),) = night_of([], 10 * MINUTE)
    assert (hour, values) == (4, {"night_flow": (0, -3)})


def test_nights_of_one_and_of_three_hours_are_measured_too():
    spring, autumn = 1774742400000, 1792886400000
    even = [number * 6 * MINUTE for number in range(100)]
    ((_, values, period),) = night_of(even, 10 * MINUTE, spring - HOUR_MS)
    assert (values, period) == ({"night_flow": (10, -3)}, HOUR_MS)
    ((_, values, period),) = night_of(even, 10 * MINUTE, autumn - 2 * HOUR_MS)
    assert (values, period) == ({"night_flow": (10, -3)}, 3 * HOUR_MS)


def test_a_night_that_was_not_watched_from_its_beginning_says_nothing():
    assert night_of([], 10 * MINUTE, MIDNIGHT + 1) == []


def test_a_night_with_a_restart_is_whole_where_the_input_remembers():
    even = [number * 6 * MINUTE for number in range(100)]
    for recorder, expected in ((Recorder(pulses(*even)), [(10, -3)]), (ForgetfulRecorder(pulses(*even)), [])):
        meter, found = Meter(recorder, MIDNIGHT - 2 * HOUR_MS), []
        for minute in range(5, 500, 10):
            if minute == 175:
                meter.restart()
                if expected == []:
                    recorder.restart()
            samples = meter.look(minute * MINUTE)
            found += [sample.values["night_flow"] for sample in samples if "night_flow" in sample.values]
        assert found == expected


def test_answers_that_come_late_move_no_pulse_into_another_hour():
    even = Closings(range(15 * SECOND, 9 * HOUR, 30 * SECOND))
    meter, found = Meter(Recorder(even), MIDNIGHT - 2 * HOUR_MS), []
    for number in range(50):
        us = number * 10 * MINUTE
        meter.at(us)
        meter.board.ms += number * 37 % 25 * 1000  # the answer was on its way for so long
        samples = finish(meter.node.sample())
        meter.node.keep(samples[-1].note)
        found += [sample.values["night_flow"] for sample in samples if "night_flow" in sample.values]
    assert found == [(120, -3)]


def test_a_clock_that_is_set_later_is_followed():
    for step_ms in (-5 * HOUR_MS, 7 * HOUR_MS):
        meter, found = Meter(Recorder(), MIDNIGHT - 8 * HOUR_MS - step_ms), []
        for hour in range(14):
            if hour == 1:
                meter.board.utc_ms += step_ms
            found += [hour for sample in meter.look(hour * HOUR + MINUTE) if "night_flow" in sample.values]
        assert found == [10], step_ms


def test_without_a_clock_there_is_no_night():
    meter = Meter(Recorder(), None)
    assert [len(meter.look(hour * HOUR)) for hour in range(30)] == [1] * 30


# ---- pressure


def test_the_pressure_of_the_main_comes_with_the_reading():
    gauge = Pin(2500)
    meter = Meter(Recorder(), wires={"pressure": gauge})
    assert meter.values(SECOND)["pressure"] == (5000, -3)
    gauge.level = 10
    assert "pressure" not in meter.values(2 * SECOND)
    gauge.level = None
    assert "pressure" not in meter.values(3 * SECOND)
    assert meter.node.faults == {"pressure_broken_wire": 1, "pressure_no_answer": 1}
