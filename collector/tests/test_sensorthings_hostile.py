"""What can a stranger's filter cost? Depth, length, shapes and work have a bound, and the others have their turn."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.city import City
from collector.refusals import AskedWrongError
from collector.sensorthings.functions import FUNCTIONS
from collector.sensorthings.grammar import parse
from collector.sensorthings.sifting import Sieve
from collector.tests.asking import client_of
from collector.tests.koper import open_koper


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    city = open_koper(tmp_path_factory.mktemp("koper"), "duckdb:observations.duckdb")
    yield city
    city.store.close()


@pytest.fixture(scope="module")
def client(city: City) -> Iterator[TestClient]:
    with client_of(city) as client:
        yield client


SQUARE = "POLYGON ((0 0,1 0,1 1,0 1,0 0))"
MANY_POINTS = ",".join(f"{i % 90} {i % 80}" for i in range(1200))
REFUSED = {
    "brackets": "(" * 3000 + "true" + ")" * 3000,
    "nots": "not " * 2000 + "true",
    "signs": "-" * 3000 + "1 eq 1",
    "calls": "tolower(" * 200 + "name" + ")" * 200 + " eq 'x'",
    "a chain of sums": "id" + " add id" * 140 + " eq 1",
    "many alternatives": " or ".join(["id eq 1"] * 3000),
    "a long text": "name eq '" + "x" * 20_000 + "'",
    "a long number": "id eq " + "9" * 5000,
    "a huge exponent": "id eq 1e999",
    "an unclosed text": "name eq '" + "''" * 4000,
    "many points": f"st_within(location,geography'LINESTRING ({MANY_POINTS})')",
    "collections in collections": f"geo.length(geography'{'GEOMETRYCOLLECTION (' * 200}POINT (1 1){')' * 200}') eq 1",
    "a shape that is none": "st_within(location,geography'POINT (nan nan)')",
    "a shape without end": "st_within(location,geography'POINT (inf 1)')",
    "a long duration": "now() gt now() add duration'P999999999999D'",
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_too_much_is_refused_at_once(client: TestClient, name: str) -> None:
    text = REFUSED[name]
    started = time.thread_time()
    with pytest.raises(AskedWrongError):
        parse(text)
    assert time.thread_time() - started < 0.5
    answer = client.get(f"/v1.1/Locations?$filter={quote(text)}")
    assert answer.status_code in (400, 414)


HARMLESS = {
    "the dots of a regular expression": "substringof('(a+)+$',name)",
    "SQL in a text": "name eq ''' or 1=1; drop table observation; --'",
    "SQL in a path": "properties/center/x eq 'a\"; drop table thing'",
    "a percent sign": "name eq '%'",
    "a null character": "name eq '\x00'",
    "a surrogate": "name eq '\ufffd'",
    "a number beyond all": "id eq 99999999999999999999999999999999999999",
    "a product beyond all": "id mul 1e300 mul 1e300 gt 0",
    "a year beyond all": "year(2026-01-01T00:00:00Z add duration'P999999D' mul 5) eq null",
    "nothing divided": "id mod 0 eq null",
    "texts without end": "length(" + "concat(name," * 20 + "name" + ")" * 20 + ") gt 0",
    "a pattern that is none": f"st_relate(location,geography'{SQUARE}','XXXXXXXXX')",
    "a deep path": "properties" + "/a" * 11 + " eq null",
}


@pytest.mark.parametrize("name", HARMLESS)
@pytest.mark.parametrize("path", ["/Locations", "/Things"])
def test_what_looks_dangerous_is_only_a_value(client: TestClient, name: str, path: str) -> None:
    answer = client.get(f"/v1.1{path}?$filter={quote(HARMLESS[name])}")
    assert answer.status_code in (200, 400), answer.text
    assert client.get("/v1.1/Things?$count=true&$top=0").json()["@iot.count"] == 6


@pytest.mark.parametrize("text", ["x' or '1'='1", "free'; drop table observation; --", "\\' or 1=1 --"])
def test_a_text_that_goes_to_the_store_stays_a_text(client: TestClient, text: str) -> None:
    escaped = quote(text.replace("'", "''"))
    answer = client.get(f"/v1.1/Datastreams(1)/Observations?$filter=result eq '{escaped}'&$count=true")
    assert (answer.status_code, answer.json()["@iot.count"]) == (200, 0)
    answer = client.get(f"/v1.1/Datastreams(1)/Observations?$filter=resultQuality eq '{escaped}'&$count=true")
    assert (answer.status_code, answer.json()["@iot.count"]) == (200, 0)
    assert client.get("/v1.1/Datastreams(1)/Observations?$count=true").json()["@iot.count"] == 84


def test_the_largest_filter_there_may_be_is_quick_to_read() -> None:
    alternatives = " or ".join(f"id eq {number}" for number in range(75))
    started = time.thread_time()
    parse(alternatives)
    parse("-" * 30 + "1 eq 1")
    parse(f"{'(' * 30}st_intersects(location,geography'{SQUARE}'){')' * 30}")
    assert time.thread_time() - started < 0.5


async def test_work_is_counted_and_has_a_bound() -> None:
    sieve = Sieve(most=10_000)
    expression = parse("floor(id) eq 1")  # a call, a property; a call, a literal
    with pytest.raises(AskedWrongError, match="more than 10000 steps"):
        _ = [one async for one in sieve.sift(range(10_000), [expression], lambda one, _: one)]


async def test_others_have_their_turn_while_much_is_sifted() -> None:
    gaps: list[float] = []

    async def tick() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            gaps.append(time.perf_counter() - before)

    ticking = asyncio.create_task(tick())
    expression = parse(" or ".join(f"round(id div {number}.5) eq -1" for number in range(30)))
    started = time.perf_counter()
    found = [one async for one in Sieve().sift(range(20_000), [expression], lambda one, _: one)]
    spent = time.perf_counter() - started
    ticking.cancel()
    assert found == []
    assert len(gaps) > 50
    assert sorted(gaps)[len(gaps) // 2] < spent / 20  # a machine under load stretches both


def test_a_request_over_the_bound_is_refused_with_the_number(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sieve.__init__, "__defaults__", (500,))
    with client_of(city) as client:
        answer = client.get("/v1.1/Observations?$filter=floor(result) eq 1")
        assert answer.status_code == 400
        assert "more than 500 steps of work" in answer.json()["message"]
        assert client.get("/v1.1/Observations?$filter=result eq 1 and Datastream/id eq 2").status_code == 200


def test_an_order_that_no_store_has_is_bounded(client: TestClient) -> None:
    answer = client.get("/v1.1/Observations?$orderby=resultQuality,result&$skip=9990&$top=11")
    assert answer.status_code == 400
    assert "at most 10000" in answer.json()["message"]
    assert client.get("/v1.1/Observations?$orderby=resultQuality,result&$skip=9990&$top=10").status_code == 200


def test_paths_that_are_no_paths_are_not_there(client: TestClient, tmp_path: Path) -> None:
    for path in ("/v1.1/..%2f..%2fetc%2fpasswd", "/v1.1/Things(1)/%2e%2e/%2e%2e", "/v1.1/Things('../x')", "/v1.1/%00"):
        assert client.get(path).status_code in (400, 404), path


PLAIN = """
and or not eq ne lt le gt ge add sub mul div mod null true false ( ) , - / ; = $ ' %
id name @iot.id result phenomenonTime resultTime resultQuality parameters properties/center
Datastream/id Datastreams/id Thing/name Locations/location location feature time
Datastream Datastreams Observations Thing FeatureOfInterest/feature
now() 1 -1 0 2.5 1e308 9223372036854775807 'x' '' 2026-11-02 12:00 desc asc
"""
WORDS = st.sampled_from(
    [
        *PLAIN.split(),
        *FUNCTIONS,
        "2026-11-02T00:00:00Z",
        "2026-11-02T00:00:00Z/2026-11-03T00:00:00Z",
        "duration'P1D'",
        "duration'-P99999D'",
        "geography'POINT (13.72 45.54)'",
        f"geography'{SQUARE}'",
        "9999-12-31T23:59:59.999999+14:00",
        "0001-01-01T00:00:00-14:00",
    ]
)
SENTENCES = st.lists(WORDS, min_size=1, max_size=9).map(" ".join)
CALLS = st.builds(
    lambda name, arguments, operator, other: f"{name}({','.join(arguments)}) {operator} {other}",
    st.sampled_from(list(FUNCTIONS)),
    st.lists(WORDS, max_size=3),
    st.sampled_from(["eq", "lt", "ge", "and"]),
    WORDS,
)
PATHS = st.sampled_from(
    ["Things", "Locations", "Datastreams", "Observations", "HistoricalLocations", "FeaturesOfInterest"]
)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(PATHS, st.sampled_from(["$filter", "$filter", "$filter", "$orderby", "$expand", "$select"]), SENTENCES | CALLS)
def test_no_words_make_the_server_fail(client: TestClient, path: str, option: str, text: str) -> None:
    answer = client.get(f"/v1.1/{path}?{option}={quote(text)}")
    assert answer.status_code in (200, 400), answer.text


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(max_size=60))
def test_no_text_makes_the_server_fail(client: TestClient, text: str) -> None:
    written = quote(text, errors="replace")
    for option in ("$filter", "$expand", "$select", "$orderby", "$top", "$resultFormat"):
        assert client.get(f"/v1.1/Datastreams?{option}={written}").status_code in (200, 400)
    assert client.get(f"/v1.1/{written.replace('/', '%2F')}").status_code in (200, 204, 400, 404)
    assert client.get(f"/v1.1/Things('{written}')").status_code in (200, 204, 400, 404)
    requests = [{"id": "1", "method": "get", "url": text.encode("utf-8", "replace").decode()}]
    assert client.post("/v1.1/$batch", json={"requests": requests}).status_code in (200, 400)
