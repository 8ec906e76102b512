"""InfluxDB 1.6 as it really answers, and VictoriaMetrics as a peer that speaks the way 2.x is written to."""

import json
import random
import socket
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import pytest

from collector.influx import questions
from collector.influx.address import Address, parse_address
from collector.influx.connection import InfluxConnection
from collector.influx.lines import LineMaker
from collector.influx.writing import _Writer1, open_writer
from collector.observation import Observation, Series
from collector.series.aggregation import Aggregate, Aggregation, per_thing, together
from collector.series.batch import Batch
from collector.series.query import Comparison, Query
from collector.series.series_table import SeriesTable
from collector.store import Added, Keep, NotOfferedError, Rows, Store, StoreError
from collector.stores import influx, open_store
from collector.tests.influx_servers import running_influx

NOW = 1_795_392_000_000  # 2026-11-23
HOUR = 3_600_000
WATER = Series("wm-06855817", "water_volume")
LEVEL = Series("mic-1", "laeq", 1000)
NOTICE = Series("park-1", "notice")


def water(at: int, value: float, **more: str) -> Observation:
    return Observation(WATER, NOW + at, value, **more)


def add(store: Store, *observations: Observation) -> Added:
    return store.add(Batch.of(store.table, observations), NOW)


def read(rows: Rows[Observation]) -> list[Observation]:
    found: list[Observation] = []
    while part := rows.fetch(1000):
        found += part
    rows.close()
    return found


def ask(port: int, statement: str, database: str = "", user: str = "") -> str:
    """As an administrator would, past the store."""
    parameters = {"q": statement, "db": database} | ({"u": user, "p": "secret"} if user else {})
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/query?" + urlencode(parameters))
    answer = connection.getresponse().read().decode()
    connection.close()
    assert "error" not in answer, answer
    return answer


# Refused lines


@pytest.fixture
def with_bad_lines(influx_url: str, influx_port: int, tmp_path: Path) -> Store:
    """A database where somebody else wrote notices as numbers: InfluxDB never takes a text there again."""
    store = open_store(influx_url, tmp_path)
    database = influx_url.rsplit("/", 1)[1]
    connection = HTTPConnection("127.0.0.1", influx_port, timeout=60)
    connection.request("POST", f"/write?db={database}&precision=ms", f"observation,thing=x text=1.5 {NOW}")
    assert connection.getresponse().status == 204
    connection.close()
    return store


def test_of_a_batch_only_the_bad_lines_are_refused(with_bad_lines: Store) -> None:
    bad = {7, 8, 700, 999}
    batch = [Observation(NOTICE, NOW + at, "zaprto") if at in bad else water(at, float(at)) for at in range(1000)]
    added = add(with_bad_lines, *batch)
    assert [position for position, _ in added.refused] == sorted(bad)
    assert all("field type conflict" in why for _, why in added.refused)
    assert len(added.kept) == 996
    assert [one.at - NOW for one in read(with_bad_lines.open_rows(Query(WATER)))] == sorted(set(range(1000)) - bad)
    assert with_bad_lines.last(NOTICE) is None


def test_a_batch_of_bad_lines_alone_is_refused_whole(with_bad_lines: Store) -> None:
    added = add(with_bad_lines, *(Observation(NOTICE, NOW + at, "zaprto") for at in range(5)))
    assert ([position for position, _ in added.refused], len(added.kept)) == ([0, 1, 2, 3, 4], 0)


def test_more_than_one_request_is_one_batch(with_bad_lines: Store) -> None:
    batch = [water(at, float(at)) for at in range(influx.LINES[1] + 100)]
    batch[influx.LINES[1] + 50] = Observation(NOTICE, NOW, "zaprto")
    added = add(with_bad_lines, *batch)
    assert [position for position, _ in added.refused] == [influx.LINES[1] + 50]
    assert with_bad_lines.count(Query(WATER)) == influx.LINES[1] + 99


def test_what_is_older_than_retention_is_refused_with_this_reason(
    influx_url: str, influx_port: int, tmp_path: Path
) -> None:
    store = open_store(influx_url, tmp_path)
    database = influx_url.rsplit("/", 1)[1]
    ask(influx_port, f'create retention policy two_days on "{database}" duration 2d replication 1 default')
    now = time.time_ns() // 1_000_000
    added = add(store, Observation(WATER, now - 100 * HOUR, 1.0), Observation(WATER, now, 2.0))
    assert [(position, "beyond retention" in why) for position, why in added.refused] == [(0, True)]
    assert [one.value for one in read(store.open_rows(Query(WATER)))] == [2.0]


# Who may ask


def test_users_of_1_stand_in_a_file(influx_with_users: int, tmp_path: Path) -> None:
    port = influx_with_users
    ask(port, "create user admin with password 'secret' with all privileges")
    ask(port, "create database senzorika; create user city with password 'secret'", user="admin")
    ask(port, "grant all on senzorika to city", user="admin")
    (tmp_path / "user").write_text("city:secret\n")
    store = open_store(f"influx://127.0.0.1:{port}/senzorika?token_file=user", tmp_path)
    add(store, water(0, 1.5))
    assert [one.value for one in read(store.open_rows(Query(WATER)))] == [1.5]
    (tmp_path / "wrong").write_text("city:wrong-word\n")
    for token in ("", "?token_file=wrong"):
        with pytest.raises(StoreError, match="401: ") as refusal:
            open_store(f"influx://127.0.0.1:{port}/senzorika{token}", tmp_path)
        assert "wrong-word" not in str(refusal.value)


def test_a_user_is_told_that_the_database_is_not_there(influx_with_users: int, tmp_path: Path) -> None:
    ask(influx_with_users, "create user admin with password 'secret' with all privileges")
    (tmp_path / "user").write_text("admin:secret\n")
    with pytest.raises(StoreError, match="database not found"):
        open_store(f"influx://127.0.0.1:{influx_with_users}/senzorika?token_file=user", tmp_path)


def test_the_version_is_checked_before_anything_is_written(influx_port: int, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret")
    url = f"influx://127.0.0.1:{influx_port}/senzorika?version=2&org=koper&token_file=token"
    with pytest.raises(StoreError, match=r"expected InfluxDB 2 .*, found 1\.6\.7"):
        open_store(url, tmp_path)


def test_over_tls_everything_works_packed_as_on_another_machine(influx_over_tls: int, tmp_path: Path) -> None:
    address = parse_address(f"//127.0.0.1:{influx_over_tls}/senzorika?ca_file=influx.pem", tmp_path)
    store = influx.InfluxStore(replace(address, is_local=False), is_shared=False)
    add(store, *(water(at, at / 8) for at in range(3000)))
    assert [one.value for one in read(store.open_rows(Query(WATER)))] == [at / 8 for at in range(3000)]
    (tmp_path / "empty.pem").write_text("")
    with pytest.raises(ValueError, match="ca_file"):
        open_store(f"influx://127.0.0.1:{influx_over_tls}/senzorika?ca_file=empty.pem", tmp_path)
    for stranger in (replace(address, ca_file=None), replace(address, ca_file=None, is_local=False)):
        with pytest.raises(StoreError, match=r"400|certificate verify failed"):
            influx.InfluxStore(stranger, is_shared=False)


# When it does not answer


def test_without_a_server_the_store_says_where_it_looked(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        with pytest.raises(StoreError, match=f"influx: 127.0.0.1:{port}: .*refused"):
            open_store(f"influx://127.0.0.1:{port}/senzorika", tmp_path)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_server_that_says_nothing_is_waited_for_only_so_long(version: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = Address("127.0.0.1", silent.getsockname()[1], "senzorika", version, "koper", "a:token")  # type: ignore[arg-type]
        began = time.monotonic()
        writer, connection = open_writer(address, timeout=0.3), InfluxConnection(address, timeout=0.3)
        with pytest.raises(StoreError, match="timed out"):
            writer.write(b"observation number=1.0 1")
        with pytest.raises(StoreError, match="timed out"):
            connection.query("select 1")
        assert time.monotonic() - began < 3
        writer.close()


def test_a_question_that_waits_is_interrupted(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        connection = InfluxConnection(Address("127.0.0.1", silent.getsockname()[1], "senzorika"))
        timer = threading.Timer(0.3, connection.interrupt)
        timer.start()
        began = time.monotonic()
        with pytest.raises(StoreError, match="interrupted"):
            connection.query("select 1")
        assert time.monotonic() - began < 5
        with pytest.raises(StoreError, match="interrupted"):
            connection.query("select 1")
        timer.join()


def test_an_influxdb_that_is_killed_again_and_again_loses_nothing_and_doubles_nothing(
    port: int, tmp_path: Path
) -> None:
    batches = [[water(number * 500 + at, float(at)) for at in range(500)] for number in range(40)]
    with ExitStack() as servers:
        server = servers.enter_context(running_influx(tmp_path, port))
        store = open_store(f"influx://127.0.0.1:{port}/senzorika", tmp_path)
        failures = 0
        for number, batch in enumerate(batches):
            killing = threading.Timer(random.uniform(0, 0.01), server.kill) if number % 10 == 5 else None
            if killing:
                killing.start()
            while True:
                try:
                    add(store, *batch)
                    break
                except StoreError:
                    failures += 1
                    if server.poll() is None:
                        continue
                    server = servers.enter_context(running_influx(tmp_path, port))
            if killing:
                killing.join()
                server.poll()
        found = read(open_store(f"influx://127.0.0.1:{port}/senzorika", tmp_path).open_rows(Query(WATER)))
    assert failures >= 4
    assert [(one.at, one.value) for one in found] == [(one.at, one.value) for batch in batches for one in batch]


# Aggregates: InfluxDB streams, and the figures are those of the streamed observations


@pytest.fixture
def city(influx_url: str, tmp_path: Path) -> tuple[Store, list[Observation]]:
    """Three microphones over four days that hold the change to winter time, measuring at the same instants."""
    random.seed(5)
    begin = 1_792_792_800_000  # 2026-10-24, midnight in Koper: the next day has 25 hours
    qualities = ("", "", "", "suspect", "estimated")
    things = ("mic-3", "mic-1", "mic-2")
    several = [
        Observation(
            Series(thing, "laeq", 1000),
            begin + 1 + minute * 600_000,
            round(random.uniform(30, 90), 1),
            random.choice(qualities),
        )
        for minute in range(4 * 24 * 6)
        for thing in things
    ]
    several += [Observation(Series("mic-1", "laeq", 900_000), begin + HOUR, 99.0)]  # another period: no part of it
    store = open_store(influx_url, tmp_path)
    add(store, *several)
    return store, [one for one in several if one.series.period == 1000]


def figures(store: Store, question: Aggregation) -> list[Aggregate]:
    rows = store.open_aggregates(question)
    found: list[Aggregate] = []
    while part := rows.fetch(7):
        found += part
    rows.close()
    return found


DAYS = Aggregation("laeq", "day", 1_792_792_800_000, 1_792_792_800_000 + 73 * HOUR, period=1000, percentiles=(50, 90))


def test_figures_per_thing_are_those_of_its_observations(city: tuple[Store, list[Observation]]) -> None:
    store, several = city
    by_series = {
        series: sorted((one for one in several if one.series == series), key=lambda one: one.at)
        for series in sorted({one.series for one in several})
    }
    begin, end = DAYS.range
    asked = [(series, [one for one in every if begin < one.at <= end]) for series, every in by_series.items()]
    found = figures(store, DAYS)
    assert found == list(per_thing(DAYS, asked))
    assert len(found) == 9
    assert {one.count + one.suspect for one in found} == {144, 150}  # ten minutes each: 24 and 25 hours


def test_figures_of_the_city_are_those_of_all_things_in_order_of_time(
    city: tuple[Store, list[Observation]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "PAGE", 100)  # three things at each instant: instants lie across the edges of pieces
    store, several = city
    question = Aggregation("laeq", "hour", DAYS.since, DAYS.until, period=1000, together=True)
    begin, end = question.range
    asked = sorted((one for one in several if begin < one.at <= end), key=lambda one: (one.at, one.series))
    found = figures(store, question)
    assert found == list(together(question, asked))
    assert len(found) == 73
    assert found[0].first == next(one.value for one in asked if one.judged != "suspect")


def test_figures_of_some_things_are_of_them_alone(
    city: tuple[Store, list[Observation]], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = city
    question = Aggregation("laeq", "day", DAYS.since, DAYS.until, period=1000, things=frozenset(("mic-3", "mic-1")))
    found = figures(store, question)
    assert [one.thing for one in found] == ["mic-1"] * 3 + ["mic-3"] * 3
    monkeypatch.setattr(questions, "MOST_NAMED", 1)
    assert figures(store, question) == found


def test_nothing_measured_gives_no_windows_and_as_of_is_refused(city: tuple[Store, list[Observation]]) -> None:
    store, _ = city
    assert figures(store, Aggregation("no2", "day", DAYS.since, DAYS.until)) == []
    with pytest.raises(NotOfferedError, match="keeps no known time"):
        store.open_aggregates(Aggregation("laeq", "day", DAYS.since, DAYS.until, as_of=NOW))


def test_a_broken_stream_is_an_error_and_no_short_answer(
    city: tuple[Store, list[Observation]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "PAGE", 50)
    store, _ = city
    rows = store.open_aggregates(Aggregation("laeq", "hour", DAYS.since, DAYS.until, period=1000))
    assert len(rows.fetch(3)) == 3
    rows.interrupt()
    with pytest.raises(StoreError, match="interrupted"):
        rows.fetch(1000)
    rows.close()
    assert len(figures(store, DAYS)) == 9


def test_any_number_can_be_compared_with(influx_url: str, tmp_path: Path) -> None:
    store = open_store(influx_url, tmp_path)
    add(store, water(0, 0.0), water(1, 1e-9), water(2, 1e300))
    for operand, expected in (
        (1e-10, [1e-9, 1e300]),
        (1e299, [1e300]),
        (float("inf"), []),
        (10**400, []),
        (0.5, [1e300]),
    ):
        query = Query(WATER, where=(Comparison("value", ">", operand),))
        assert [one.value for one in read(store.open_rows(query))] == expected
        assert store.count(query) == len(expected)


# Several collectors on one database


def test_last_values_that_another_collector_wrote_are_seen(influx_url: str, tmp_path: Path) -> None:
    mine, other = (open_store(influx_url, tmp_path, is_shared=True) for _ in range(2))
    add(mine, water(0, 1.0))
    parking = Series("spot-1", "occupancy")
    add(other, water(5, 2.0), Observation(parking, NOW, "occupied"), Observation(LEVEL, NOW - HOUR, 50.0))
    mine.tend(NOW + 10)
    assert mine.last(WATER).value == 1.0  # type: ignore[union-attr]  # the writer takes it over
    add(mine, Observation(Series("wm-2", "water_volume"), NOW, 7.0))
    assert {one.value for one in mine.latest().values()} == {2.0, "occupied", 7.0}  # not what was measured long ago
    add(mine, water(5, 2.5))
    assert mine.last(WATER).value == 2.5  # type: ignore[union-attr]


def test_a_correction_leaves_no_mark_of_what_another_collector_wrote_before(influx_url: str, tmp_path: Path) -> None:
    mine, other = (open_store(influx_url, tmp_path, is_shared=True) for _ in range(2))
    add(other, MARKED)
    add(mine, water(0, 2.0))
    assert read(mine.open_rows(Query(WATER))) == [Observation(WATER, NOW, 2.0)]


def test_a_correction_leaves_no_mark_of_what_was_written_before(influx_url: str, tmp_path: Path) -> None:
    store = open_store(influx_url, tmp_path)
    add(store, MARKED, water(5, 3.0))
    assert read(store.open_rows(Query(WATER))) == [MARKED, water(5, 3.0)]
    add(store, water(0, 2.0))
    store = open_store(influx_url, tmp_path)
    assert read(store.open_rows(Query(WATER))) == [water(0, 2.0), water(5, 3.0)]
    assert store.count(Query(WATER)) == 2


def post(port: int, url: str, line: str) -> None:
    """Past the store."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", f"/write?db={url.rsplit('/', 1)[1]}&precision=ms", line)
    assert connection.getresponse().status == 204
    connection.close()


MARKED = Observation(WATER, NOW, 1.0, "suspect", "<", "wm-1-radio", "skewed")


@pytest.fixture
def lost_answer(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The first write reaches InfluxDB, and its answer nobody; here stands what was written."""
    written: list[bytes] = []
    write = _Writer1.write

    def once(writer: _Writer1, lines: bytes) -> None:
        write(writer, lines)
        written.append(lines)
        if len(written) == 1:
            raise StoreError("timed out")

    monkeypatch.setattr(_Writer1, "write", once)
    return written


@pytest.mark.usefixtures("lost_answer")
def test_what_comes_instead_of_a_write_without_an_answer_has_no_mark_of_it(influx_url: str, tmp_path: Path) -> None:
    store = open_store(influx_url, tmp_path)
    with pytest.raises(StoreError, match="timed out"):
        add(store, MARKED, water(5, 3.0))
    add(store, water(0, 2.0), water(7, 4.0))
    assert read(store.open_rows(Query(WATER))) == [water(0, 2.0), water(5, 3.0), water(7, 4.0)]


def test_the_same_batch_is_tried_again_with_the_same_bytes(
    influx_url: str, tmp_path: Path, lost_answer: list[bytes]
) -> None:
    store = open_store(influx_url, tmp_path)
    with pytest.raises(StoreError, match="timed out"):
        add(store, water(0, 2.0), water(5, 3.0))
    add(store, water(0, 2.0), water(5, 3.0))
    assert lost_answer[0] == lost_answer[1]
    assert b"quality" not in lost_answer[0]
    assert read(store.open_rows(Query(WATER))) == [water(0, 2.0), water(5, 3.0)]


def test_behind_a_point_that_is_not_whole_nothing_is_taken_for_a_first(
    influx_url: str, influx_port: int, tmp_path: Path
) -> None:
    add(open_store(influx_url, tmp_path), MARKED)
    torn = f'observation,period=0,quantity=water_volume,thing=wm-06855817 quality="",number=9.0 {NOW + HOUR}'
    post(influx_port, influx_url, torn)
    store = open_store(influx_url, tmp_path)
    assert store.last(WATER) is None
    add(store, water(0, 2.0))
    assert read(store.open_rows(Query(WATER))) == [water(0, 2.0)]


def test_a_look_at_the_others_is_not_taken_too_often(influx_url: str, tmp_path: Path) -> None:
    mine, other = (open_store(influx_url, tmp_path, is_shared=True) for _ in range(2))
    mine.tend(NOW)
    add(other, water(5, 2.0))
    for now, expected in ((NOW + 9_999, None), (NOW + 10_000, 2.0)):
        mine.tend(now)
        mine.add(Batch.of(mine.table, []), now)
        last = mine.last(WATER)
        assert (last.value if last else None) == expected


# What the store does not do


def test_copies_and_retention_are_left_to_influxdb(influx_url: str, tmp_path: Path) -> None:
    store = open_store(influx_url, tmp_path)
    with pytest.raises(NotOfferedError, match="backup command of its own"):
        store.backup(tmp_path / "copy")
    with pytest.raises(NotOfferedError, match=r"influx: .* the duration of its database or bucket"):
        store.limit([Keep("*", 30)])


def test_a_quantity_that_the_contract_no_longer_has_is_passed_over(
    influx_url: str, influx_port: int, tmp_path: Path
) -> None:
    store = open_store(influx_url, tmp_path)
    add(store, water(0, 1.5))
    post(influx_port, influx_url, f'observation,period=0,quantity=phlogiston,thing=x number=1.5,quality="" {NOW}')
    assert set(open_store(influx_url, tmp_path).latest()) == {WATER}


# VictoriaMetrics: the requests of 2.x are really taken, and it is never the store


def test_the_way_2_is_written_is_taken_by_a_real_server(victoria_port: int, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret")
    rest = f"//127.0.0.1:{victoria_port}/senzorika?version=2&org=koper&token_file=token"
    writer = open_writer(parse_address(rest, tmp_path))
    table = SeriesTable()
    batch = Batch.of(
        table,
        [
            Observation(Series(f"wm-{thing}", "water_volume"), NOW + at, at / 8)
            for thing in range(5)
            for at in range(100)
        ],
    )
    for _ in range(2):  # a second time changes nothing that is asked for here: the last value
        writer.write(LineMaker(table).lines_of(batch))
    writer.close()
    connection = HTTPConnection("127.0.0.1", victoria_port, timeout=60)
    connection.request("GET", "/internal/force_flush")
    connection.getresponse().read()
    connection.request("GET", "/api/v1/export?" + urlencode({"match[]": '{__name__="observation_number"}'}))
    exported = [json.loads(line) for line in connection.getresponse().read().splitlines()]
    connection.close()
    assert {one["metric"]["thing"] for one in exported} == {f"wm-{thing}" for thing in range(5)}
    for one in exported:
        assert dict(zip(one["timestamps"], one["values"], strict=True)) == {NOW + at: at / 8 for at in range(100)}
        assert (
            one["metric"] | {"thing": ""}
            == {
                "__name__": "observation_number",
                "period": "0",
                "quantity": "water_volume",
                "thing": "",
                "db": "senzorika",
            }
            or "db" not in one["metric"]
        )


@pytest.mark.parametrize("version", ["1", "2&org=koper&token_file=token"])
def test_what_answers_before_it_is_durable_is_no_store(victoria_port: int, tmp_path: Path, version: str) -> None:
    (tmp_path / "token").write_text("secret")
    with pytest.raises(StoreError, match="no InfluxDB"):
        open_store(f"influx://127.0.0.1:{victoria_port}/senzorika?version={version}", tmp_path)
