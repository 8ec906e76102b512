"""A flood is told at once, a single outlier is not, and a doubt is not hidden. Runs on both interpreters."""

from firmware.nodes import level
from firmware.tests.fake_board import Board, Pin, Wire, finish, has_floats, settings

HEIGHT = 3000


def echo(level_mm: int) -> bytes:
    distance = HEIGHT - level_mm
    head = bytes((0xFF, distance >> 8, distance & 0xFF))
    return head + bytes((sum(head) & 0xFF,))


class Underpass:
    """A node with a float and an ultrasonic sensor, or one of them; the contact closes to ground when it is wet."""

    def __init__(self, has_float: bool = True, has_echo: bool = True, **changes) -> None:
        self.float, self.echo = Pin(1), Wire(always=echo(0))
        wires = {}
        if has_float:
            wires["float"] = self.float
        if has_echo:
            wires["sensor"] = self.echo
        changes["height_mm"] = HEIGHT
        changes["period_ms"] = changes.get("period_ms", 60000)
        self.node = level.make(settings(level, **changes), Board(wires), b"")

    def look(self, level_mm=None, is_up=False):
        """One look; its sample, or None."""
        self.echo.always = b"" if level_mm is None else echo(level_mm)
        self.float.level = None if is_up is None else int(not is_up)
        samples = finish(self.node.sample())
        assert len(samples) <= 1
        assert not samples or not has_floats(samples[0].values)
        return samples[0] if samples else None

    def states(self, *levels) -> list:
        return [self.look(one).values["flood_state"] for one in levels]


def calm(**changes) -> Underpass:
    made = Underpass(**changes)
    assert made.states(0, 0)[-1] == "dry"
    for _ in range(10):
        made.look(0)
    return made


def test_depth_is_what_the_height_leaves():
    sample = calm().look(1)
    assert sample.values == {
        "level": (1, -3),
        "distance": (2999, -3),
        "float_switch": "off",
        "flood_state": "dry",
    }
    assert sample.quality == {}


def test_float_and_echo_together_are_a_flood_at_once():
    sample = calm().look(250, is_up=True)
    assert sample.urgent
    assert sample.values["flood_state"] == "flooded"
    assert sample.quality == {}


def test_two_echoes_are_a_flood_without_a_float():
    underpass = calm(has_float=False)
    first, second = underpass.look(250), underpass.look(260)
    assert (first.urgent, first.values["flood_state"], first.quality) == (False, "dry", {"level": "suspect"})
    assert (second.urgent, second.values["flood_state"], second.quality) == (True, "flooded", {})


def test_outliers_that_agree_with_nothing_are_no_flood():
    underpass = calm(has_float=False)
    assert underpass.states(900, 1500, 2100, 400, 0, 700, 0, 0) == ["dry"] * 8


def test_one_outlier_is_no_flood():
    underpass = calm()
    assert underpass.states(900, 0, 0, 1500, 0, 300, 0) == ["dry"] * 7


def test_a_float_alone_is_a_flood_at_the_second_look_and_is_marked():
    underpass = calm()
    first, second = underpass.look(0, is_up=True), underpass.look(0, is_up=True)
    assert (first.urgent, first.values["flood_state"]) == (False, "dry")
    assert (second.urgent, second.values["flood_state"]) == (True, "flooded")
    assert set(second.quality.values()) == {"suspect"}
    assert set(second.quality) == set(second.values)
    assert underpass.node.faults["sensors_disagree"] == 2


def test_an_echo_alone_against_its_float_is_a_flood_and_is_marked():
    underpass = calm()
    underpass.look(400)
    sample = underpass.look(400)
    assert sample.values["flood_state"] == "flooded"
    assert sample.quality["flood_state"] == "suspect"


def test_water_that_rises_slowly_is_wet_then_rising_then_flooded():
    underpass = calm()
    states = underpass.states(10, 20, 28, 40, 40, 40, 40, 70, 100, 130, 160, 190, 220, 230)
    assert states == ["dry"] * 3 + ["rising"] * 2 + ["wet"] * 2 + ["rising"] * 6 + ["flooded"]


def test_waves_at_the_threshold_do_not_make_a_change_each():
    underpass = calm()
    assert underpass.states(150, 205, 205)[-1] == "flooded"
    assert underpass.states(195, 204, 190, 199, 203, 185) == ["flooded"] * 6
    assert underpass.states(170, 165)[-1] != "flooded"


def test_the_node_looks_often_while_water_rises_and_calms_down_after():
    underpass = calm(fast_ms=1000)
    assert underpass.node.period_ms == 60000
    periods = []
    for level_mm in list(range(0, 241, 30)) + [250] * 12:
        underpass.look(level_mm)
        periods.append(underpass.node.period_ms)
    assert periods[0] == 60000
    assert periods[1:11] == [1000] * 10
    assert periods[11:] == [2000, 4000, 8000, 16000, 32000] + [60000] * 5


def test_a_doubt_is_looked_at_again_soon():
    underpass = calm(fast_ms=1000)
    underpass.look(700)
    assert underpass.node.period_ms == 1000
    underpass = calm(fast_ms=1000)
    underpass.look(0, is_up=True)
    assert underpass.node.period_ms == 1000


def test_a_sensor_under_water_does_not_end_the_flood():
    underpass = calm()
    underpass.look(2700, is_up=True)
    sample = underpass.look(2850, is_up=True)  # 150 mm below the sensor: it can't tell how near
    assert (sample.values["flood_state"], sample.quality["level"]) == ("flooded", "suspect")
    for _ in range(20):
        assert underpass.look(None, is_up=True).values["flood_state"] == "flooded"
    assert underpass.node.faults["no_answer"] == 20


def test_when_only_the_float_is_left_it_decides_after_a_while():
    underpass = calm()
    underpass.look(300, is_up=True)
    states = [underpass.look(None).values["flood_state"] for _ in range(4)]
    assert states == ["flooded", "flooded", "dry", "dry"]


def test_without_any_sensor_nothing_is_known():
    underpass = calm()
    assert underpass.look(None, is_up=None) is None
    assert underpass.look(None, is_up=None) is None
    sample = underpass.look(None, is_up=None)
    assert (sample.urgent, sample.values) == (True, {"flood_state": "unknown"})
    assert underpass.look(None, is_up=None) is None
    assert underpass.node.faults == {"float_no_answer": 4, "no_answer": 4}


def test_a_float_that_opens_its_contact_is_up_when_a_wire_breaks():
    underpass = Underpass(has_echo=False, level_when_up=1)
    underpass.float.level = 0
    assert finish(underpass.node.sample())[0].values == {"float_switch": "off", "flood_state": "dry"}
    underpass.float.level = 1
    finish(underpass.node.sample())
    assert finish(underpass.node.sample())[0].values == {"float_switch": "on", "flood_state": "flooded"}


def test_an_echo_from_below_the_floor_is_none():
    underpass = calm()
    sample = underpass.look(-300)
    assert sample.quality == {"level": "suspect", "distance": "suspect"}
    assert sample.values["flood_state"] == "dry"
    assert underpass.node.faults == {"below_floor": 1}
    assert underpass.look(-20).quality == {}


def test_a_node_without_a_sensor_is_a_wrong_setting():
    said = ""
    try:
        Underpass(has_float=False, has_echo=False)
    except KeyError as error:
        said = str(error)
    assert "float, sensor" in said


def test_a_board_that_sleeps_between_samples_goes_on_where_it_was():
    awake, memory = Underpass(), None
    for level_mm in (0, 0, 10, 60, 90, 150, 900, 190, 210, 220, 230, 100, 90, 0, 0):
        expected, asleep = awake.look(level_mm), Underpass()
        if memory is not None:
            asleep.node.recall(memory)
        found = asleep.look(level_mm)
        memory = asleep.node.remember()
        assert len(memory) <= 64
        assert (found.values, found.urgent, found.quality) == (expected.values, expected.urgent, expected.quality)
        assert asleep.node.period_ms == awake.node.period_ms
