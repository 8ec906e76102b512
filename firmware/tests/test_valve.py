"""A valve goes where it is told, says what was seen, and is safe when nobody knows."""

from firmware.drivers.valve_feedback import seen_by_mv, seen_by_switches
from firmware.nodes import valve
from firmware.tests.fake_board import finish


class Works:
    """A valve with its board: it travels while time passes, a tenth of its way in each 100 ms."""

    def __init__(
        self, parts=("relay", "end_open", "end_closed"), percent: int = 0, reset: str = "soft", **changes
    ) -> None:
        self.now = 0
        self.percent = percent
        self.is_stuck = self.is_blind = self.are_both_closed = False
        self.relays = {name: 0 for name in parts if name.startswith("relay")}
        if percent and "relay" in self.relays:
            self.relays["relay"] = 1
        self.locked = 1
        self.writes = []
        self._reset = reset
        settings = {key: default for key, (_, default) in valve.OPTIONAL.items()}
        settings["period_ms"] = 1000
        settings["travel_ms"] = 3000
        settings.update(changes)
        self._names = parts
        self.valve = valve.make(settings, self, b"")

    # ---- the board

    def has(self, name: str) -> bool:
        return name in self._names

    def output(self, name: str) -> "Relay":
        return Relay(self, name)

    def input(self, name: str) -> "Contact":
        return Contact(self, name)

    def analog(self, name: str) -> "Contact":
        return Contact(self, name)

    def reset_cause(self) -> str:
        return self._reset

    def monotonic_ms(self) -> int:
        return self.now

    async def sleep_ms(self, duration: int) -> None:
        self.now += duration
        if self.is_stuck:
            return
        way = {"relay": 1 if self.relays.get("relay") else -1}.get(self._names[0], 0)
        if "relay_open" in self.relays:
            way = self.relays["relay_open"] - self.relays["relay_close"]
        self.percent = min(max(self.percent + way * 10, 0), 100)

    # ---- what a test asks

    def sample(self) -> list:
        self.now += 1000
        return finish(self.valve.sample())

    def command(self, name: str, **arguments) -> tuple:
        return finish(self.valve.command(name, arguments))


class Relay:
    def __init__(self, works: Works, name: str) -> None:
        self._works = works
        self._name = name

    async def write(self, level: int) -> bool:
        self._works.relays[self._name] = level
        self._works.writes.append((self._name, level))
        return True


class Contact:
    def __init__(self, works: Works, name: str) -> None:
        self._works = works
        self._name = name

    async def read(self):
        works = self._works
        if self._name == "interlock":
            return works.locked
        if works.is_blind:
            return None
        if works.are_both_closed:
            return 0
        return 0 if works.percent == (100 if self._name == "end_open" else 0) else 1

    async def read_mv(self):
        return None if self._works.is_blind else 500 + 20 * self._works.percent


THREE_POINT = ("relay_open", "relay_close", "position")


def test_end_switches_say_open_closed_or_neither():
    assert seen_by_switches(0, 1) == ("open", 100)
    assert seen_by_switches(1, 0) == ("closed", 0)
    assert seen_by_switches(1, 1) == ("unknown", None)
    assert seen_by_switches(0, 0) == ("contradiction", None)
    assert seen_by_switches(None, 0) == seen_by_switches(0, None) == ("unknown", None)


def test_a_potentiometer_says_how_far_whichever_end_has_more_volts():
    for low, high in ((500, 2500), (2500, 500)):
        assert seen_by_mv(low, low, high, 5) == ("closed", 0)
        assert seen_by_mv(high, low, high, 5) == ("open", 100)
        assert seen_by_mv((low + high) // 2, low, high, 5) == ("partly_open", 50)
    assert seen_by_mv(0, 500, 2500, 5) == ("unknown", None), "a broken wire"
    assert seen_by_mv(3300, 500, 2500, 5) == ("unknown", None)
    assert seen_by_mv(None, 500, 2500, 5) == ("unknown", None)
    assert seen_by_mv(1000, 700, 700, 5) == ("unknown", None)


def test_a_command_is_done_when_the_valve_was_seen_there():
    works = Works()
    assert works.command("open") == ("done", {"valve_position": 100}, "")
    assert works.now == 1000, "ten looks while it travelled"
    assert works.command("close") == ("done", {"valve_position": 0}, "")
    assert works.relays == {"relay": 0}


def test_a_valve_that_sticks_is_reported_and_its_readings_say_so():
    works = Works()
    works.sample()
    works.is_stuck = True
    works.percent = 50
    status, values, reason = works.command("open")
    assert (status, values, reason) == ("failed", {}, "not reached within 3000 ms: timed_out")
    (sample,) = works.sample()
    assert (sample.values, sample.urgent) == ({"valve_state": "timed_out"}, True)
    assert works.valve.faults["timed_out"] == 1
    works.percent = 100
    (sample,) = works.sample()
    assert sample.values == {"valve_state": "open", "valve_position": 100}, "somebody helped it"


def test_what_is_no_command_moves_nothing():
    works = Works()
    for name, arguments, reason in (
        ("explode", {}, "unknown command"),
        ("set", {}, "arguments.position: expected a whole number from 0 to 100"),
        ("set", {"position": 101}, "arguments.position: expected a whole number from 0 to 100"),
        ("set", {"position": "50"}, "arguments.position: expected a whole number from 0 to 100"),
        ("set", {"position": 50}, "this valve knows open and closed only"),
    ):
        assert works.command(name, **arguments) == ("refused", {}, reason)
    assert works.writes == []


def test_an_interlock_forbids_and_one_that_can_not_be_read_does_too():
    works = Works(parts=("relay", "end_open", "end_closed", "interlock"), interlock_forbids="open")
    works.locked = 0
    assert works.command("open") == ("refused", {}, "interlock")
    assert works.command("close")[0] == "done", "only opening is forbidden"
    works.locked = None
    assert works.command("open") == ("refused", {}, "interlock")
    works.locked = 1
    assert works.command("open")[0] == "done"


def test_three_points_and_a_potentiometer_reach_any_position_and_stand_there():
    works = Works(parts=THREE_POINT)
    assert works.command("set", position=40) == ("done", {"valve_position": 40}, "")
    assert works.relays == {"relay_open": 0, "relay_close": 0}
    assert works.command("set", position=10) == ("done", {"valve_position": 10}, "")
    (sample,) = works.sample()
    assert sample.values == {"valve_state": "partly_open", "valve_position": 10}
    for earlier, later in zip(works.writes, works.writes[1:]):
        assert (earlier[1], later[1]) != (1, 1), "both relays at once"


def test_both_ends_at_once_stop_the_move():
    works = Works()
    works.sample()
    works.are_both_closed = True
    status, _, reason = works.command("open")
    assert (status, works.now) == ("failed", 1000), reason
    (sample,) = works.sample()
    assert sample.values == {"valve_state": "unknown"}
    assert works.valve.faults["contradiction"] > 0


def test_after_a_loss_of_power_it_goes_to_its_safe_state():
    works = Works(percent=100, reset="power_on", safe_state="closed")
    (sample,) = works.sample()
    assert sample.values == {"valve_state": "closed", "valve_position": 0}
    assert works.valve.faults == {"went_safe": 1}


def test_a_restart_that_was_asked_for_moves_nothing():
    works = Works(percent=100, reset="soft", safe_state="closed")
    works.sample()
    assert works.writes == []


def test_a_city_that_is_silent_for_too_long_makes_it_safe_once():
    works = Works(percent=100, safe_state="closed", safe_after_ms=10000)
    works.sample()
    works.now = 9000
    works.valve.contact()
    works.now = 18000
    assert works.sample() == []
    works.now = 20000
    (sample,) = works.sample()
    assert sample.values["valve_state"] == "closed"
    works.now += 50000
    works.sample()
    assert works.valve.faults == {"went_safe": 1}


def test_lost_feedback_makes_it_safe_and_a_move_nobody_can_see_is_not_tried_for_ever():
    works = Works(percent=100, safe_state="closed")
    works.sample()
    works.is_blind = True
    for _ in range(10):
        works.sample()
    assert works.writes == [("relay", 0)]
    assert works.percent == 0
    assert works.valve.faults["went_safe"] == 1


def test_it_tells_changes_at_once_and_otherwise_beats():
    works = Works(heartbeat_ms=10000)
    (first,) = works.sample()
    assert first.urgent
    beats = [sample for _ in range(30) for sample in works.sample()]
    assert len(beats) == 3
    assert not any(sample.urgent for sample in beats)


def test_a_board_without_the_parts_names_what_is_missing():
    for parts, missing in (
        (("end_open", "end_closed"), "relay, or relay_open and relay_close: missing"),
        (("relay", "end_open"), "position, or end_open and end_closed: missing"),
    ):
        said = ""
        try:
            Works(parts=parts)
        except ValueError as error:
            said = str(error)
        assert said == missing
