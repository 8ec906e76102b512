"""The exact requests to InfluxDB 1.x, 2.x and 3, and what is made of the answers that are documented for them.

No InfluxDB 2.x or 3 is installable here: a server that writes down what it is asked stands in for both.
"""

import gzip
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from collector.influx.address import Address, parse_address
from collector.influx.connection import InfluxConnection
from collector.influx.writing import open_writer
from collector.observation import Observation, Series
from collector.series.batch import Batch
from collector.series.query import Query
from collector.store import Added, Store, StoreError
from collector.stores import open_store
from collector.tests.influx_servers import Recorder, certificate, recording

NOW = 1_795_392_000_000  # 2026-11-23
WATER = Series("wm-1", "water_volume")
LINE = "observation,period=0,quantity=water_volume,thing=wm-1 number={} {}"
TOKEN = "s3cret-Token=="  # noqa: S105  # of nobody
BASIC = "Basic Y2l0eTpzM2NyZXQ="
VERSIONS = {
    1: ("1.6.7", "/write", {"db": "senzorika", "precision": "ms"}, BASIC),
    2: ("v2.7.12", "/api/v2/write", {"org": "koper", "bucket": "senzorika", "precision": "ms"}, f"Token {TOKEN}"),
    3: (
        "3.9.6",
        "/api/v3/write_lp",
        {"db": "senzorika", "precision": "millisecond", "no_sync": "false"},
        f"Token {TOKEN}",
    ),
}


@pytest.fixture(params=[1, 2, 3])
def version(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture
def recorder(version: int) -> Iterator[Recorder]:
    with recording(VERSIONS[version][0]) as running:
        yield running


def rest_of(recorder: Recorder, version: int, folder: Path) -> str:
    (folder / "influx.token").write_text("city:s3cret\n" if version == 1 else f"{TOKEN}\n")
    org = "&org=koper" if version == 2 else ""
    return f"//127.0.0.1:{recorder.port}/senzorika?version={version}{org}&token_file=influx.token"


@pytest.fixture
def store(recorder: Recorder, version: int, tmp_path: Path) -> Iterator[Store]:
    opened = open_store("influx:" + rest_of(recorder, version, tmp_path), tmp_path)
    recorder.requests.clear()
    yield opened
    opened.close()


def add(store: Store, *values: float) -> Added:
    batch = [Observation(WATER, NOW + at, value) for at, value in enumerate(values)]
    return store.add(Batch.of(store.table, batch), NOW)


def body_of(*values: float) -> bytes:
    return "\n".join(LINE.format(value, NOW + at) for at, value in enumerate(values)).encode()


# What is asked


def test_a_batch_is_one_body_of_lines(store: Store, recorder: Recorder, version: int) -> None:
    added = add(store, 1.0, 2.5, 3.0)
    (write,) = recorder.requests
    _, path, parameters, authorization = VERSIONS[version]
    assert (write.method, write.path, write.parameters) == ("POST", path, parameters)
    assert write.headers["Authorization"] == authorization
    assert write.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "Content-Encoding" not in write.headers
    assert write.body == body_of(1.0, 2.5, 3.0)
    assert (len(added.kept), added.refused) == (3, [])


def test_a_store_asks_who_is_there_and_for_the_newest_of_every_series(
    recorder: Recorder, version: int, tmp_path: Path
) -> None:
    recorder.rows = (
        b'{"results":[{"statement_id":0,"series":[{"name":"observation",'
        b'"tags":{"period":"0","quantity":"water_volume","thing":"wm-1"},'
        b'"columns":["time","number","code","text","position","quality","censored","source","derived"],'
        b'"values":[[1795392000000,561,null,null,null,"","","",""]]}]}]}\n'
    )
    store = open_store("influx:" + rest_of(recorder, version, tmp_path), tmp_path)
    assert store.latest() == {WATER: Observation(WATER, NOW, 561.0)}
    ping, newest = recorder.requests  # a user or a token creates no database
    assert (ping.method, ping.path) == ("GET", "/ping")
    assert (newest.method, newest.path) == ("GET", "/query")
    assert newest.headers["Authorization"] == VERSIONS[version][3]
    assert newest.parameters == {
        "db": "senzorika",
        "epoch": "ms",
        "q": "select number, code, text, position, quality, censored, source, derived from observation "
        "group by * order by time desc limit 1",
        "chunked": "true",
        "chunk_size": "5000",
    }


def test_without_a_user_the_database_of_1_is_made(tmp_path: Path) -> None:
    with recording("1.6.7") as recorder:
        recorder.answers = [(200, {}, b'{"results":[{"statement_id":0}]}')]
        open_store(f"influx://127.0.0.1:{recorder.port}/senzorika", tmp_path)
    _, made, _ = recorder.requests
    assert (made.method, made.path, made.parameters["q"]) == ("POST", "/query", 'create database "senzorika"')
    assert "Authorization" not in made.headers


def test_a_series_is_asked_for_page_by_page(store: Store, recorder: Recorder) -> None:
    recorder.rows = (
        b'{"results":[{"statement_id":0,"series":[{"name":"observation",'
        b'"columns":["time","number","quality","censored","source","derived"],'
        b'"values":[[1795392000000,561.08,"","","",""]]}]}]}'
    )
    rows = store.open_rows(Query(WATER, since=NOW, until=NOW + 5))
    assert rows.fetch(10) == [Observation(WATER, NOW, 561.08)]
    rows.close()
    (asked,) = recorder.requests
    fields, where = asked.parameters["q"].split(" where ")
    assert fields == "select number, quality, censored, source, derived from observation"
    assert where == (
        "thing = 'wm-1' and quantity = 'water_volume' and period = '0' "
        f"and time >= {NOW}ms and time < {NOW + 5}ms order by time asc limit 5000"
    )


# Answers that pass: the same batch is tried again with the same bytes


PASSING = [
    (
        (503, {"Retry-After": "30"}, b'{"code":"unavailable","message":"compacting"}'),
        "503: compacting; asks to wait 30 s",
    ),
    (
        (429, {"Retry-After": "5"}, b'{"code":"too many requests","message":"slow down"}'),
        "429: slow down; asks to wait 5 s",
    ),
    ((500, {}, b'{"error":"timeout"}'), "500: timeout"),
    ((401, {}, b'{"code":"unauthorized","message":"unauthorized access"}'), "401: unauthorized access"),
    (
        (404, {}, b'{"code":"not found","message":"bucket \\"senzorika\\" not found"}'),
        '404: bucket "senzorika" not found',
    ),
    ((400, {}, b"<html><h1>400 Bad Request</h1> nginx</html>"), "400: 400 Bad Request nginx"),
    ((200, {}, b"<html>Sign in</html>"), "200: "),
    ((302, {"Location": "/elsewhere"}, b""), "302: nothing is said"),
]


@pytest.mark.parametrize(("answer", "reason"), PASSING)
def test_what_passes_stores_nothing_and_is_tried_again_with_the_same_bytes(
    store: Store, recorder: Recorder, answer: tuple[int, dict[str, str], bytes], reason: str
) -> None:
    recorder.answers = [answer]
    with pytest.raises(StoreError, match=f"influx: 127.0.0.1:{recorder.port}: {reason}") as failure:
        add(store, 1.0, 2.0)
    assert store.last(WATER) is None
    assert "s3cret" not in str(failure.value)
    assert len(add(store, 1.0, 2.0).kept) == 2
    first, second = recorder.writes
    assert (first.path, first.parameters, first.body) == (second.path, second.parameters, second.body)


def test_a_connection_that_closed_while_nobody_wrote_is_replaced(store: Store, recorder: Recorder) -> None:
    add(store, 1.0)
    recorder.answers = [(204, {"Connection": "close"}, b""), (204, {}, b"")]
    add(store, 1.0)
    assert len(add(store, 1.0).kept) == 0
    assert len(recorder.writes) == 3


def test_a_connection_that_breaks_every_time_is_an_error(store: Store, recorder: Recorder) -> None:
    recorder.answers = [None, None]
    with pytest.raises(StoreError, match=f"influx: 127.0.0.1:{recorder.port}: "):
        add(store, 1.0)


# Answers that do not pass: the bad lines alone are refused


def test_where_no_line_is_named_the_batch_is_halved_until_one_stands_alone(tmp_path: Path) -> None:
    partial = msgspec.json.encode(
        {"code": "unprocessable entity", "message": "failure writing points to database: partial write: dropped=1"}
    )
    with recording("v2.7.12") as recorder:
        store = open_store("influx:" + rest_of(recorder, 2, tmp_path), tmp_path)
        recorder.answers = [(422, {}, partial), (204, {}, b""), (422, {}, partial), (422, {}, partial), (204, {}, b"")]
        added = add(store, 1.0, 2.0, 3.0, 4.0)
    assert [(position, why.partition(":")[0]) for position, why in added.refused] == [
        (2, "failure writing points to database")
    ]
    assert [one.value for one in added.kept] == [1.0, 2.0, 4.0]
    lines = body_of(1.0, 2.0, 3.0, 4.0).split(b"\n")
    assert [write.body.split(b"\n") for write in recorder.writes] == [
        lines,
        lines[:2],
        lines[2:],
        lines[2:3],
        lines[3:],
    ]


def test_a_body_that_is_too_large_is_halved(store: Store, recorder: Recorder) -> None:
    recorder.answers = [(413, {}, b"request too large")]
    assert len(add(store, 1.0, 2.0, 3.0, 4.0).kept) == 4
    assert [write.body.count(b"\n") + 1 for write in recorder.writes] == [4, 2, 2]


def test_where_the_lines_are_named_one_more_request_writes_the_others(tmp_path: Path) -> None:
    named = [
        {
            "original_line": "observation …",
            "line_number": 2,
            "error_message": "invalid column type for column 'number'",
        },
        {"original_line": "observation …", "line_number": 5, "error_message": "timestamp out of range"},
    ]
    partial = msgspec.json.encode({"error": "partial write of line protocol occurred", "data": named})
    with recording("3.9.6") as recorder:
        store = open_store("influx:" + rest_of(recorder, 3, tmp_path), tmp_path)
        recorder.answers = [(400, {}, partial)]
        added = add(store, *(float(at) for at in range(6)))
    assert added.refused == [(1, "invalid column type for column 'number'"), (4, "timestamp out of range")]
    assert [one.value for one in added.kept] == [0.0, 2.0, 3.0, 5.0]
    assert len(recorder.writes) == 2


def test_a_line_number_that_cannot_be_is_passed_over(tmp_path: Path) -> None:
    odd = {"error": "line protocol parsing error", "data": {"line_number": 77, "error_message": "?"}}
    with recording("3.9.6") as recorder:
        store = open_store("influx:" + rest_of(recorder, 3, tmp_path), tmp_path)
        recorder.answers = [(400, {}, msgspec.json.encode(odd)), (400, {}, msgspec.json.encode(odd))]
        added = add(store, 1.0, 2.0)
    assert [position for position, _ in added.refused] == [0]
    assert [one.value for one in added.kept] == [2.0]


# To another machine


@pytest.fixture
def far(version: int, tmp_path: Path) -> Iterator[tuple[Recorder, Address]]:
    """A server that is spoken to as if it stood on another machine."""
    with recording(VERSIONS[version][0], certificate(tmp_path, "influx")) as recorder:
        address = parse_address(rest_of(recorder, version, tmp_path) + "&ca_file=influx.pem", tmp_path)
        yield recorder, replace(address, is_local=False)


def test_what_leaves_the_machine_is_encrypted_and_packed(far: tuple[Recorder, Address]) -> None:
    recorder, address = far
    writer = open_writer(address)
    for _ in range(2):
        writer.write(body_of(*range(200)))
    writer.close()
    first, second = recorder.writes
    assert first.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(first.body) == body_of(*range(200))
    assert len(first.body) < len(body_of(*range(200))) / 5
    assert second.body == first.body  # no time of packing in it
    connection = InfluxConnection(address)
    connection.check_version()
    assert connection.query("select 1") == []
    connection.close()


def test_a_server_that_the_city_does_not_trust_is_told_nothing(far: tuple[Recorder, Address], tmp_path: Path) -> None:
    recorder, address = far
    certificate(tmp_path, "other")
    for stranger in (replace(address, ca_file=tmp_path / "other.pem"), replace(address, ca_file=None)):
        writer = open_writer(stranger)
        with pytest.raises(StoreError, match="certificate verify failed"):
            writer.write(body_of(1.0))
        writer.close()
        with pytest.raises(StoreError, match="certificate verify failed"):
            InfluxConnection(stranger).query("select 1")
    assert recorder.requests == []


# The token stays where it is


def test_no_token_is_written_down_or_told(
    recorder: Recorder, version: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    store = open_store("influx:" + rest_of(recorder, version, tmp_path), tmp_path)
    recorder.answers = [(401, {}, b'{"code":"unauthorized","message":"unauthorized access"}'), None, None]
    for _ in range(2):
        with pytest.raises(StoreError) as failure:
            add(store, 1.0)
        assert "s3cret" not in repr(failure.value) + str(failure.value.__cause__)
    recorder.answers.clear()
    add(store, 1.0)
    secrets = ("s3cret", BASIC.removeprefix("Basic "))
    assert not any(secret in caplog.text for secret in secrets)


def test_a_token_does_not_follow_to_another_server(recorder: Recorder, store: Store) -> None:
    with recording("?") as other:
        recorder.answers = [(307, {"Location": f"http://127.0.0.1:{other.port}/api/v2/write"}, b"")]
        with pytest.raises(StoreError, match="307"):
            add(store, 1.0)
    assert other.requests == []


# Who answers


@pytest.mark.parametrize("says", ["", "1.8.10", "v2.7.12", "3.9.6"])
def test_a_server_of_another_version_is_refused(says: str, version: int, tmp_path: Path) -> None:
    with recording(says) as recorder:
        url = "influx:" + rest_of(recorder, version, tmp_path)
        if says.removeprefix("v").startswith(f"{version}."):
            open_store(url, tmp_path)
            return
        with pytest.raises(StoreError, match="no InfluxDB" if not says else f"expected InfluxDB {version}"):
            open_store(url, tmp_path)
    assert recorder.writes == []
