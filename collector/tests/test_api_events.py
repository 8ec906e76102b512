"""Looking on: what was just stored comes as events, to everyone what they may see."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from collector.access.asker import ANYONE, Asker
from collector.access.reads import Reads
from collector.api import events
from collector.api.events import Wanted, stream_of
from collector.city import City
from collector.observation import Observation
from collector.series.feed import Feed
from collector.tests import koper
from collector.tests.asking import SUPERVISOR, client_of
from collector.tests.serving import serving
from collector.view import View

NOW = koper.T + 40 * koper.DAY
WARM = Observation(koper.TEMPERATURE, NOW, 21.5)
LOUD = Observation(koper.LAEQ, NOW, 61.0, "suspect")
VOLUME = Observation(koper.VOLUME, NOW, 200.0)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    opened = koper.open_koper(tmp_path, "memory:")
    yield opened
    opened.store.close()


def looking(city: City, asker: Asker = SUPERVISOR, last: str | None = None, **wanted: object) -> AsyncIterator[bytes]:
    reads = Reads(city.access.audit, asker, "GET /api/events")
    return stream_of(city.feed, View(city, asker, reads), Wanted(**wanted), last)


async def first_of(stream: AsyncIterator[bytes]) -> str:
    """What a client is told when it comes, and that it now waits."""
    begin = (await anext(stream)).decode()
    assert begin.startswith("retry: 2000\n\n")
    return begin


def fields(event: bytes) -> dict[str, str]:
    lines = (line.partition(": ") for line in event.decode().split("\n\n")[0].split("\n"))
    return {name: value for name, _, value in lines}


async def next_of(stream: AsyncIterator[bytes], city: City, *stored: Observation) -> list[dict[str, object]]:
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    city.feed.publish(stored)
    event = fields(await asyncio.wait_for(waiting, 5))
    assert event["event"] == "observations"
    found: list[dict[str, object]] = json.loads(event["data"])
    return found


async def test_who_looks_on_sees_what_was_just_stored(city: City) -> None:
    stream = looking(city)
    await first_of(stream)
    first, second = await next_of(stream, city, WARM, LOUD)
    assert (first["thing"], first["at"], first["value"], first["unit"]) == ("air-0001", NOW, 21.5, "Cel")
    assert (second["quality"], second["period"]) == ("suspect", 900_000)
    assert city.feed.subscribers == 1
    await stream.aclose()  # type: ignore[attr-defined]
    assert city.feed.subscribers == 0


@pytest.mark.parametrize(
    ("wanted", "things"),
    [
        ({"thing": ("mic-0001",)}, ["mic-0001"]),
        ({"quantity": ("temperature", "water_volume")}, ["air-0001", "shaft-0001"]),
        ({"center": "environment"}, ["air-0001", "mic-0001", "shaft-0001"]),
        ({"center": "environment", "quantity": ("laeq",)}, ["mic-0001"]),
    ],
)
async def test_only_what_is_wanted_comes(city: City, wanted: dict[str, object], things: list[str]) -> None:
    stream = looking(city, **wanted)
    await first_of(stream)
    moved = Observation(koper.POSITION, NOW, (13.7, 45.5))
    assert [one["thing"] for one in await next_of(stream, city, moved, WARM, LOUD, VOLUME)] == things


async def test_each_sees_only_what_it_may(city: City) -> None:
    anyone, supervisor = looking(city, ANYONE), looking(city)
    for stream in (anyone, supervisor):
        await first_of(stream)
    waiting = asyncio.ensure_future(anext(supervisor))
    assert [one["thing"] for one in await next_of(anyone, city, VOLUME, WARM)] == ["air-0001"]
    both = json.loads(fields(await waiting)["data"])
    assert [one["thing"] for one in both] == ["shaft-0001", "air-0001"]


async def test_what_several_see_alike_is_written_once(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(View, "seen", lambda _view, several: seen.append(several) or list(several))
    streams = [looking(city, ANYONE) for _ in range(8)]
    for stream in streams:
        await first_of(stream)
    waiting = [asyncio.ensure_future(anext(stream)) for stream in streams]
    await asyncio.sleep(0)
    city.feed.publish([WARM])
    assert len({bytes(await one) for one in waiting}) == 1
    assert len(seen) == 1


async def test_news_of_one_moment_are_one_event(city: City) -> None:
    stream = looking(city)
    await first_of(stream)
    await next_of(stream, city, WARM)
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    for _ in range(5):
        city.feed.publish([WARM])
    assert len(json.loads(fields(await waiting)["data"])) == 5


async def test_a_slow_client_is_told_what_it_missed(city: City) -> None:
    feed = Feed(most=10)
    stream = stream_of(feed, View(city, ANYONE), Wanted(), None)
    await first_of(stream)
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    feed.publish([WARM])
    await waiting
    for _ in range(3):
        feed.publish([WARM] * 6)
    dropped, observations, _ = (await anext(stream)).decode().split("\n\n")
    assert dropped == "event: dropped\ndata: 12"
    assert observations.count("air-0001") == 6


async def test_one_who_comes_back_with_its_id_misses_nothing(city: City) -> None:
    stream = looking(city)
    await first_of(stream)
    await next_of(stream, city, WARM)
    mark = f"{city.feed.start}-1"
    city.feed.publish([LOUD])
    back = looking(city, last=mark)
    assert "gap" not in await first_of(back)
    event = fields(await anext(back))
    assert [one["thing"] for one in json.loads(event["data"])] == ["mic-0001"]
    assert event["id"] == f"{city.feed.start}-2"


@pytest.mark.parametrize("old", ["00000000-1", "{start}-1", "{start}-99", "{start}-x", "{start}", "x" * 500, "²-²"])
async def test_an_id_that_brings_nothing_back_is_answered_with_a_gap(city: City, old: str) -> None:
    feed = Feed(most=2)
    for _ in range(5):
        feed.publish([WARM])
    stream = stream_of(feed, View(city, ANYONE), Wanted(), old.format(start=feed.start))
    begin = await first_of(stream)
    gap = fields(begin.split("\n\n", 1)[1].encode())
    assert gap["event"] == "gap"
    assert json.loads(gap["data"])["after"] == old.format(start=feed.start)[:100]
    assert f"id: {feed.start}-5\n" in begin


async def test_silence_is_filled_and_moves_the_id_on(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "QUIET", 0.05)
    stream = looking(city, thing=("mic-0001",))
    await first_of(stream)
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    city.feed.publish([WARM])
    assert await waiting == f": still here\nid: {city.feed.start}-1\n\n".encode()


async def test_a_stream_ends_so_that_its_client_is_let_in_anew(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LONGEST", 0.1)
    monkeypatch.setattr(events, "QUIET", 0.05)
    found = [part async for part in looking(city)]
    assert found[0].startswith(b"retry")
    assert city.feed.subscribers == 0


REFUSED = {
    "/api/events?thing=wm-9": (404, "thing: there is no wm-9"),
    "/api/events?center=moon": (400, "center: expected one of administration"),
    "/api/events?quantity=colour": (400, "quantity: colour"),
    "/api/events?speed=1": (422, "speed"),
}


@pytest.mark.parametrize("path", REFUSED)
def test_a_wrong_question_is_refused_by_name(city: City, path: str) -> None:
    status, message = REFUSED[path]
    answer = client_of(city).get(path)
    assert (answer.status_code, message in answer.text) == (status, True), answer.text


def test_one_too_many_is_refused_with_the_number(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_CLIENTS", 0)
    client: TestClient = client_of(city)
    answer = client.get("/api/events")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert answer.json()["message"] == "at most 0 clients look on at once"


async def test_a_real_client_comes_goes_and_comes_back(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "QUIET", 0.05)
    with serving(city, ANYONE) as url:
        async with httpx.AsyncClient() as client:
            async with client.stream("GET", f"{url}/api/events?thing=air-0001&quantity=temperature") as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                async for line in answer.aiter_lines():
                    if line.startswith("id: "):
                        mark = line.removeprefix("id: ")
                        break
            city.feed.publish([LOUD, WARM])
            headers = {"Last-Event-ID": mark}
            async with client.stream("GET", f"{url}/api/events?thing=air-0001", headers=headers) as answer:
                async for line in answer.aiter_lines():
                    if line.startswith("data: "):
                        break
    assert [one["value"] for one in json.loads(line.removeprefix("data: "))] == [21.5]
