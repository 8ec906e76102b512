"""The collector is away for ten hours, on a clock 600 times as fast: what do brokers have to hold meanwhile?

Outbox, uplink and due rules of real gateways; real brokers, and what they hold is counted where it is held.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge import uplink
from edge.outbox import open_outbox
from firmware import contract
from hil_tests.cities import strained_city
from hil_tests.cities.city import VirtualCity
from hil_tests.cities.strained_city import PUBLISHERS
from hil_tests.instruments import hurried_loop
from hil_tests.instruments.busy_gateway import configuration
from hil_tests.instruments.flood import publisher_of, thing_of
from hil_tests.instruments.process import Program, answers, wait_until
from hil_tests.instruments.receipts import Receipts
from hil_tests.judging.verdict import fetch
from provisioning.broker import Kind

SPEED = 600
MINUTE, HOUR = 60, 3600  # s
HOURS = 10
PERIODS = dict(zip(PUBLISHERS, (MINUTE, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR), strict=True))
ANSWER = 10.0  # real s for what the broker must answer


class Gateway:
    """Measures one value a period, and keeps what it measured to be compared."""

    def __init__(self, city: VirtualCity, name: str, now: Callable[[], float]) -> None:
        self.name = name
        self.measured: list[tuple[int, float]] = []
        self._file = city.plan.directory / f"{name}.sqlite"
        self._configuration = configuration(city.plan.directory, name)
        self._now = now
        self._tasks: list[asyncio.Task[None]] = []
        self.outbox = open_outbox(self._file, 1 << 30)

    def start(self, *, measures: bool = True) -> None:
        link = uplink.Uplink(self._configuration, self.outbox, self._now)
        self._tasks = [asyncio.create_task(link.run())]
        if measures:
            self._tasks.append(asyncio.create_task(self._measure(link)))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def restart(self) -> None:
        """As after a power cut: what was only in memory is gone."""
        await self.stop()
        self.outbox.close()
        self.outbox = open_outbox(self._file, 1 << 30)
        self.start()

    async def _measure(self, link: uplink.Uplink) -> None:
        while True:
            at, value = int(self._now() * 1000), len(self.measured) % 800 / 8
            self.measured.append((at, value))
            assert self.outbox.append([{"thing": thing_of(self.name), "at": at, "values": {"distance": value}}])
            link.wake()
            await asyncio.sleep(PERIODS[self.name])

    @property
    def waiting(self) -> int:
        return self.outbox.counts().unreceived


def leaves(collector: Program) -> None:
    collector.stop()


def is_killed(collector: Program) -> None:
    collector.kill()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("kind", "ends"), [("nats", is_killed), ("mosquitto", leaves)], indirect=["kind"])
def test_the_broker_holds_at_most_twice_what_the_outboxes_hold(
    ends: Callable[[Program], None], kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with strained_city.running(tmp_path / "city", kind) as city:
        begun, started = time.time() - (HOURS + 4) * HOUR, time.monotonic()

        def now() -> float:
            return begun + (time.monotonic() - started) * SPEED

        hurried = SimpleNamespace(monotonic=now, monotonic_ns=lambda: int(now() * 1e9), time=now)
        monkeypatch.setattr(uplink, "time", hurried)
        monkeypatch.setattr(uplink, "_ANSWER", ANSWER * SPEED)
        gateways = [Gateway(city, name, now) for name in PUBLISHERS]
        hurried_loop.run(be_away(city, gateways, ends), SPEED)
        kept = sum(one.waiting for one in gateways)
        held, states = asyncio.run(held_by_the_broker(city))
        print(f"{kept} readings in the outboxes; the broker held {sum(held.values())} of {held}, and {states} states")
        assert kept > HOURS * 60, "they went on measuring"
        for one in gateways:
            assert held[one.name] <= 2 * one.waiting, one.name
        assert sum(held.values()) + states <= 2 * kept
        assert states <= 3 * HOURS * len(gateways), "one an hour, and two for each restart"
        strained_city.start_collector(city)
        hurried_loop.run(come_back(gateways), SPEED)
        for one in gateways:
            stored = fetch(city.door, [thing_of(one.name)])[thing_of(one.name), "distance"]
            assert sorted((row.at, row.value) for row in stored) == one.measured, one.name


async def be_away(city: VirtualCity, gateways: list[Gateway], ends: Callable[[Program], None]) -> None:
    """All is well; then the collector goes, gateways lose their power, the broker starts again, and none comes."""
    for one in gateways:
        one.start()
    while any(one.waiting == len(one.measured) for one in gateways):  # noqa: ASYNC110  # a receipt comes when it comes
        await asyncio.sleep(MINUTE)
    ends(city.programs["collector"])
    for hour in range(1, HOURS + 1):
        await asyncio.sleep(HOUR)
        if hour % 2:
            for one in gateways:
                await one.restart()
        if hour == HOURS // 2:
            city.programs["broker"].stop()
            city.programs["broker"].start()
            wait_until(lambda: answers(city.plan.ports.mqtt), "the broker listens", step=0.01)
    for one in gateways:
        await one.stop()


async def held_by_the_broker(city: VirtualCity) -> tuple[Counter[str], int]:
    """All that it hands to the collector's session, which is empty then: readings of each gateway, and states."""
    async with Receipts(city.plan.directory) as session:
        session.answers = False
        before, quiet = -1, 0
        while quiet < 30:
            count = sum(session.contents.values()) + len(session.states)
            before, quiet = count, quiet + 1 if count == before else 0
            await asyncio.sleep(0.1)
        held: Counter[str] = Counter()
        for payload, copies in session.contents.items():
            (reading,) = contract.decode_reading(payload)["readings"]
            held[publisher_of(reading["thing"])] += copies
        return held, len(session.states)


async def come_back(gateways: list[Gateway]) -> None:
    for one in gateways:
        one.start(measures=False)
    async with asyncio.timeout(60 * SPEED):
        while any(one.waiting for one in gateways):  # noqa: ASYNC110  # as above
            await asyncio.sleep(MINUTE)
    for one in gateways:
        await one.stop()
        one.outbox.close()
