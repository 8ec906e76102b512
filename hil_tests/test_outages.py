"""The store stands still or is slow, the broker is gone or frozen: what is lost, and does /health say what is wrong?"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hil_tests.cities import strained_city
from hil_tests.cities.city import VirtualCity
from hil_tests.instruments.process import Program, wait_until
from hil_tests.instruments.slow_line import SlowLine, slow_line
from provisioning.broker import Kind

DAY_MS = 86_400_000
OUTAGE = 60.0  # s
STANDSTILL = 20.0  # s that a store stands still: one that is gone is so for the whole minute
EACH = 16_000  # messages per publisher: four times what fits into the inbox
INBOX = 20_000 + 5_000  # messages: its bound, and what one piece from the socket may hold
MOST = 400  # MB


@pytest.fixture
def city(kind: Kind, tmp_path: Path) -> Iterator[VirtualCity]:
    with strained_city.running(tmp_path / "city", kind) as city:
        yield city


@pytest.fixture
def influx_city(kind: Kind, tmp_path: Path) -> Iterator[VirtualCity]:
    with strained_city.running(tmp_path / "city", kind, "influx") as city:
        yield city


class Watch:
    """What the collector says of itself while something is wrong."""

    def __init__(self, city: VirtualCity) -> None:
        self._city = city
        self.most_waiting = 0.0
        self.said: dict[str, float] = {}
        """What /health said -> how many seconds after the watch began it said so first."""

    def watch(self, is_over: Callable[[float], bool]) -> None:
        """Until it is over, after so many seconds."""
        begun = time.monotonic()
        while not is_over(passed := time.monotonic() - begun):
            for part, reason in strained_city.health(self._city).items():
                self.said.setdefault(f"{part}: {reason}", round(passed, 1))
            self.most_waiting = max(self.most_waiting, strained_city.metric(self._city, "inbox_messages"))
            time.sleep(0.2)
        print(f"at most {self.most_waiting:,.0f} messages in the inbox; /health: {self.said}")

    def first(self, text: str) -> float:
        """After how many seconds /health said something with this in it."""
        return min((when for said, when in self.said.items() if text in said), default=float("inf"))


def flooded(city: VirtualCity, last: int, begin: int) -> Program:
    """The flood, once it has reached the collector."""
    before = arrived(city)
    flood = strained_city.flooding(city, last, begin)
    wait_until(lambda: arrived(city) > before + 100, f"messages arrive: {flood.log}")
    return flood


def arrived(city: VirtualCity) -> float:
    """Messages, in the hands of the writer or before."""
    return sum(strained_city.metric(city, name) for name in ("messages_received_total", "inbox_messages"))


def assert_bounded(city: VirtualCity, watch: Watch) -> None:
    peak = strained_city.peak_memory(city.programs["collector"])
    print(f"peak of the collector {peak} MB")
    assert watch.most_waiting < INBOX
    assert peak < MOST


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("kind", "is_killed"), [("nats", False), ("mosquitto", True)], indirect=["kind"])
def test_a_store_that_is_away_or_stands_still_costs_nothing(influx_city: VirtualCity, *, is_killed: bool) -> None:
    city, begin = influx_city, time.time_ns() // 1_000_000 - DAY_MS
    store = city.programs["influxdb"]
    (Program.kill if is_killed else Program.freeze)(store)
    flood = flooded(city, EACH, begin)
    watch = Watch(city)
    watch.watch(lambda passed: passed > (OUTAGE if is_killed else STANDSTILL))
    assert watch.first("store: a batch") < 20
    assert "store" in strained_city.health(city), "it is still away"
    assert strained_city.metric(city, "messages_acknowledged_total") == 0
    assert strained_city.metric(city, "receipts_total") == 0
    assert_bounded(city, watch)
    (Program.start if is_killed else Program.thaw)(store)
    strained_city.wait_for_end(flood, 60)
    strained_city.wait_until_stored(city, EACH, 120)
    wait_until(lambda: strained_city.health(city) == {}, "it is well again")
    assert_bounded(city, watch)
    strained_city.assert_stored_once(city, EACH, begin)


@pytest.fixture
def line(influx_city: VirtualCity) -> Iterator[SlowLine]:
    """Between the collector and InfluxDB."""
    city = influx_city
    collector, file = city.programs["collector"], city.plan.directory / "collector.toml"
    text = file.read_text()
    port = int(text.partition("influx://127.0.0.1:")[2].partition("/")[0])
    with slow_line(port) as line:
        collector.stop()
        file.write_text(text.replace(f"influx://127.0.0.1:{port}/", f"influx://127.0.0.1:{line.port}/"))
        strained_city.start_collector(city)
        wait_until(lambda: strained_city.health(city) == {}, "the collector is well")
        yield line


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_store_that_takes_two_seconds_for_each_commit_is_slow_and_nothing_else(
    influx_city: VirtualCity, line: SlowLine
) -> None:
    city, begin, each = influx_city, time.time_ns() // 1_000_000 - DAY_MS, EACH // 2
    line.delay = 2
    flood = flooded(city, each, begin)
    watch = Watch(city)
    watch.watch(lambda _: strained_city.metric(city, "messages_acknowledged_total") >= 4 * each)
    assert watch.first("store: a batch takes more than") < 20
    assert "store" in strained_city.health(city), "it is still slow, and messages wait"
    line.delay = 0
    strained_city.wait_for_end(flood, 60)
    strained_city.wait_until_stored(city, each, 60)
    wait_until(lambda: strained_city.health(city) == {}, "it is well again")
    assert_bounded(city, watch)
    strained_city.assert_stored_once(city, each, begin)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("kind", "is_killed"), [("nats", True), ("mosquitto", False)], indirect=["kind"])
def test_a_broker_that_is_away_for_a_minute_costs_nothing(city: VirtualCity, *, is_killed: bool) -> None:
    broker = city.programs["broker"]
    with strained_city.busy_gateways(city, pause=0.05) as gateways:
        wait_until(lambda: strained_city.metric(city, "receipts_total") > 100, "receipts are given")
        (Program.kill if is_killed else Program.freeze)(broker)
        watch = Watch(city)
        watch.watch(lambda passed: passed > OUTAGE)
        assert watch.first("broker: ") < (20 if is_killed else OUTAGE), (
            "silence is told after one and a half keep alives"
        )
        (Program.start if is_killed else Program.thaw)(broker)
        wait_until(lambda: strained_city.health(city) == {}, "it is well again")
        strained_city.let_them_finish(gateways, 120)
    assert_bounded(city, watch)
    strained_city.assert_truth_is_stored_once(city)
