"""Series, figures and last values in one call, in every format, as those who analyse read them."""

import csv
import io
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import httpx
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from fastapi import Request
from fastapi.testclient import TestClient

from collector.access.asker import ANYONE
from collector.api import asked, bulk, parts
from collector.api.writing import Csv
from collector.city import City, open_city
from collector.entities.inventory import Inventory
from collector.observation import Observation, Series
from collector.series.batch import Batch
from collector.series.query import Query
from collector.tests import koper
from collector.tests.asking import client_of
from collector.tests.serving import serving

TABLES = ("csv", "arrow", "parquet")
ALL = ("json", "rows.json", *TABLES)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    opened = koper.open_koper(tmp_path, "duckdb:observations.duckdb")
    yield opened
    opened.store.close()


@pytest.fixture
def client(city: City) -> TestClient:
    return client_of(city)


def read(client: TestClient, path: str) -> list[dict[str, object]]:
    """Any format as rows; texts as they are."""
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    kind = answer.headers["content-type"].partition(";")[0]
    if kind == "text/csv":
        return list(csv.DictReader(io.StringIO(answer.text)))
    if kind == "application/vnd.apache.arrow.stream":
        return pa.ipc.open_stream(answer.content).read_all().to_pylist()
    if kind == "application/vnd.apache.parquet":
        return pl.read_parquet(io.BytesIO(answer.content)).to_dicts()
    found = answer.json()
    if isinstance(found, list):
        return found
    return [row for block in found["blocks"] for row in pd.DataFrame(block).to_dict("records")]


@pytest.mark.parametrize("extension", TABLES)
def test_a_table_of_one_series_says_what_was_stored(city: City, client: TestClient, extension: str) -> None:
    rows = read(client, f"/api/series.{extension}?thing=air-0001&quantity=temperature")
    given = [one for one in koper.observations() if one.series == koper.TEMPERATURE]
    assert len(rows) == len(given) == 21
    for row, one in zip(rows, given, strict=True):
        assert (int(str(row["at"])), float(str(row["value"])), row["quality"]) == (one.at, one.value, one.judged)
        assert (row["censored"] or "", row["source"] or "") == (one.censored, one.source)
        assert (row["thing"], row["quantity"], row["unit"]) == ("air-0001", "temperature", "Cel")
        assert int(str(row["known"])) >= koper.KNOWN


def test_json_columns_say_once_what_is_the_same_for_all(client: TestClient) -> None:
    (block,) = client.get("/api/series.json?thing=air-0001&quantity=temperature").json()["blocks"]
    assert (block["thing"], block["unit"], block["period"]) == ("air-0001", "Cel", 0)
    assert (len(block["at"]), len(block["value"]), len(block["quality"])) == (21, 21, 21)
    assert block["quality"][4:8] == ["valid", "suspect", "estimated", "valid"]
    assert block["source"][8] == "S-1"


def test_one_observation_is_still_a_list(client: TestClient) -> None:
    (block,) = client.get("/api/series.json?thing=air-0001&quantity=temperature&limit=1").json()["blocks"]
    assert (block["at"], block["value"], block["quality"]) == ([koper.T + 43_200_250], [-5.0], "valid")


def test_rows_are_a_plain_array_with_a_time(client: TestClient) -> None:
    for path in ("/api/series.rows.json?", "/api/series?shape=rows&", "/api/series.json?shape=rows&"):
        first, *_ = client.get(f"{path}thing=air-0001&quantity=temperature").json()
        expected = {"time": "2026-11-02T12:00:00.250000Z", "value": -5.0, "quality": "valid", "unit": "Cel"}
        assert first == {**expected, "quantity": "temperature", "thing": "air-0001"}


@pytest.mark.parametrize("extension", ALL)
def test_many_series_of_many_kinds_are_one_answer(client: TestClient, extension: str) -> None:
    names = ["spot-0001", "air-0001", "shaft-0001", "mic-0001", "bus-0001"]
    path = f"/api/series.{extension}?" + "&".join(f"thing={name}" for name in names)
    rows = read(client, path)
    given = koper.observations()
    assert len(rows) == len(given)
    by_key = {(one.series.thing, one.series.quantity): one for one in reversed(given)}
    for (thing, quantity), one in by_key.items():
        row = next(row for row in rows if (row["thing"], row["quantity"]) == (thing, quantity))
        wanted = list(one.value) if isinstance(one.value, tuple) else one.value
        if extension in TABLES:  # kinds differ: all are texts
            wanted = " ".join(map(repr, wanted)) if isinstance(wanted, list) else str(wanted)
        assert row["value"] == wanted


def test_numbers_and_flags_together_stay_numbers(client: TestClient) -> None:
    rows = read(client, "/api/series.arrow?thing=shaft-0001")
    assert {type(row["value"]) for row in rows} == {float}
    flags = read(client, "/api/series.arrow?thing=shaft-0001&quantity=water_flags")
    assert [row["value"] for row in flags] == [0, 4, 6]


@pytest.mark.parametrize("extension", ALL)
def test_a_series_without_observations_is_an_empty_answer(client: TestClient, extension: str) -> None:
    assert read(client, f"/api/series.{extension}?thing=air-0001&from=0&to=1") == []
    assert read(client, f"/api/series.{extension}?thing=air-0001&quantity=pressure") == []


def test_a_center_asks_for_what_it_owns(client: TestClient) -> None:
    rows = read(client, "/api/series.csv?center=environment&limit=1")
    assert {(row["thing"], row["quantity"]) for row in rows} == {
        ("air-0001", "temperature"),
        ("air-0001", "no2"),
        ("shaft-0001", "water_volume"),
        ("shaft-0001", "water_flags"),
        ("mic-0001", "laeq"),
    }


@pytest.mark.parametrize(
    ("since", "to"),
    [
        (str(koper.T), str(koper.T + koper.DAY)),
        ("2026-11-02T00:00:00Z", "2026-11-03T00:00:00Z"),
        ("2026-11-02T01:00:00%2B01:00", "2026-11-03T01:00+01:00"),
    ],
)
def test_times_are_milliseconds_or_iso_8601(client: TestClient, since: str, to: str) -> None:
    rows = read(client, f"/api/series.csv?thing=air-0001&quantity=temperature&from={since}&to={to}")
    assert [row["at"] for row in rows] == [str(koper.T + 43_200_250)]


ACCEPTED = {
    "text/csv": "text/csv",
    "application/vnd.apache.parquet": "application/vnd.apache.parquet",
    "application/vnd.apache.arrow.stream": "application/vnd.apache.arrow.stream",
    "application/json": "application/json",
    "*/*": "application/json",
    "text/*;q=0.5, application/json;q=0.1": "text/csv",
    "text/html, */*;q=0.1": "application/json",
}


@pytest.mark.parametrize("accept", ACCEPTED)
def test_accept_chooses_the_format(client: TestClient, accept: str) -> None:
    for path in ("/api/series?thing=air-0001", "/api/last", figures("?")):
        answer = client.get(path, headers={"Accept": accept})
        assert answer.headers["content-type"].partition(";")[0] == ACCEPTED[accept]
        assert answer.headers["vary"] == "Accept, Authorization"


REFUSED = {
    "/api/series.csv": (400, "thing: name a thing, a quantity or a center"),
    "/api/series.csv?thing=wm-9": (404, "thing: there is no wm-9"),
    "/api/series.csv?center=moon": (400, "center: expected one of administration"),
    "/api/series.csv?quantity=colour": (400, "quantity: colour: unknown quantity"),
    "/api/series.xml?thing=air-0001": (422, "extension"),
    "/api/series?thing=air-0001&from=yesterday": (422, "expected ms UTC or ISO 8601"),
    "/api/series?thing=air-0001&from=2026-11-02T00:00:00": (422, "no offset"),
    "/api/series?thing=air-0001&to=-1": (422, "to"),
    "/api/series?thing=air-0001&limit=0": (422, "limit"),
    "/api/series?thing=air-0001&versions=some": (422, "versions"),
    "/api/series?thing=air-0001&shape=round": (422, "shape"),
    "/api/series?thing=air-0001&speed=1": (422, "speed"),
    "/api/last?center=moon": (400, "center: expected one of administration"),
    "/api/last?thing=wm-9": (404, "thing: there is no wm-9"),
    "/api/last?quantity=colour": (400, "quantity: colour"),
    "/api/last?speed=1": (422, "speed"),
}


@pytest.mark.parametrize("path", REFUSED)
def test_a_wrong_question_is_refused_by_name(client: TestClient, path: str) -> None:
    status, message = REFUSED[path]
    answer = client.get(path)
    assert (answer.status_code, message in answer.text) == (status, True), answer.text


def test_a_format_that_there_is_not_is_refused_with_those_there_are(client: TestClient) -> None:
    answer = client.get("/api/series?thing=air-0001", headers={"Accept": "image/png"})
    assert answer.status_code == 406
    assert "application/vnd.apache.parquet" in answer.text


def test_limits_say_their_number(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "MOST_SERIES", 2)
    answer = client.get("/api/series?center=environment")
    assert (answer.status_code, "at most 2 series" in answer.text) == (400, True)
    answer = client.get("/api/series?" + "&".join(["thing=air-0001"] * 1001))
    assert (answer.status_code, "1000" in answer.text) == (422, True)


def test_too_many_rows_are_refused_before_the_first(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "WHOLE", 10)
    monkeypatch.setattr(bulk, "MOST_ROWS", 50)
    answer = client.get("/api/series.csv?thing=spot-0001")
    assert (answer.status_code, "at most 50 rows in one answer, this has 84" in answer.text) == (400, True)
    assert len(read(client, "/api/series.csv?thing=spot-0001&limit=50")) == 50
    answer = client.get(figures(".csv", size="quarter"))
    assert (answer.status_code, "at most 50 rows" in answer.text) == (400, True)


@pytest.mark.parametrize("extension", ALL)
def test_a_long_answer_leaves_in_pieces_and_says_the_same(
    city: City, client: TestClient, extension: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/api/series.{extension}?thing=air-0001&quantity=temperature&quantity=no2"
    whole = read(client, path)
    monkeypatch.setattr(bulk, "WHOLE", 5)
    answer = client.get(path)
    assert "content-length" not in answer.headers
    assert read(client, path) == whole


def test_a_long_series_is_several_blocks_of_bounded_length(city: City, client: TestClient) -> None:
    several = [Observation(koper.VOLUME, koper.T + at, float(at)) for at in range(45_000)]
    city.store.add(Batch.of(city.store.table, several), koper.KNOWN)
    blocks = client.get(f"/api/series.json?thing=shaft-0001&quantity=water_volume&to={koper.T + 45_000}").json()
    assert [len(one["at"]) for one in blocks["blocks"]] == [20_000, 20_000, 5_000]
    assert pd.concat(map(pd.DataFrame, blocks["blocks"]))["at"].is_monotonic_increasing


async def test_a_long_answer_is_read_as_it_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "WHOLE", 5)
    made = closed = 0

    async def pieces() -> AsyncGenerator[object, None]:
        nonlocal made, closed
        try:
            for made in range(1, 1_000):
                yield pa.RecordBatch.from_pydict({"at": [made] * 4})
        finally:
            closed += 1

    request = Request({"type": "http", "method": "GET", "headers": []})
    answer = await bulk.respond(request, bulk.Answer(pieces(), Csv(pa.schema([("at", pa.int64())])), {}, ""))
    assert made == 2
    parts = aiter(answer.body_iterator)  # type: ignore[attr-defined]
    assert [await anext(parts) for _ in range(4)] == [b"at\n", *(f"{n}\n".encode() * 4 for n in (1, 2, 3))]
    assert (made, closed) == (3, 0)
    await parts.aclose()
    assert closed == 1


# Validators


@pytest.mark.parametrize("path", ["/api/series.{}?thing=air-0001", "/api/last.{}?thing=air-0001"])
@pytest.mark.parametrize("extension", ALL)
def test_a_tag_changes_when_the_answer_could_and_only_then(city: City, path: str, extension: str) -> None:
    client = client_of(city, ANYONE)
    first = client.get(path.format(extension))
    assert first.headers["cache-control"] == "public, no-cache"
    tag = first.headers["etag"]
    other = Observation(koper.LAEQ, koper.T + koper.HOUR, 50.0)
    city.store.add(Batch.of(city.store.table, [other]), koper.KNOWN)
    same = client.get(path.format(extension), headers={"If-None-Match": f'"x", {tag}'})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    new = Observation(koper.TEMPERATURE, koper.T + 30 * koper.DAY, 50.0)
    city.store.add(Batch.of(city.store.table, [new]), koper.KNOWN)
    changed = client.get(path.format(extension), headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag
    assert changed.content != first.content


def test_each_format_and_question_has_a_tag_of_its_own(city: City) -> None:
    client = client_of(city, ANYONE)
    paths = [f"/api/series.{one}?thing=air-0001{more}" for one in ALL for more in ("", "&limit=1", "&quantity=no2")]
    tags = {client.get(path).headers["etag"] for path in paths}
    assert len(tags) == len(paths)


def test_figures_are_tagged_by_what_they_are_made_from(city: City) -> None:
    client = client_of(city, ANYONE)
    path = figures(".json")
    tag = client.get(path).headers["etag"]
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
    new = Observation(koper.TEMPERATURE, koper.T + 30 * koper.DAY, 50.0)
    city.store.add(Batch.of(city.store.table, [new]), koper.KNOWN)
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_what_is_not_open_is_kept_by_nobody(client: TestClient) -> None:
    for path in ("/api/series.json?thing=shaft-0001", "/api/last.json", "/api/last?thing=shaft-0001"):
        answer = client.get(path)
        assert answer.headers["cache-control"] == "private, no-store"
        assert "etag" not in answer.headers


def test_anyone_sees_only_what_is_open(city: City) -> None:
    client = client_of(city, ANYONE)
    assert "shaft-0001" not in client.get("/api/last.csv").text
    assert client.get("/api/series.csv?thing=shaft-0001").status_code == 404
    assert {row["thing"] for row in read(client, "/api/series.csv?quantity=water_volume&quantity=laeq")} == {"mic-0001"}


HOUSE = Inventory.model_validate(
    {
        "city": "koper",
        "thing": [
            {
                "id": "wm-06855817",
                "name": {"sl": "Novakovi", "it": "Novakovi", "en": "Novakovi"},
                "location": [13.71, 45.51],
                "center": "environment",
                "household": "novak",
            }
        ],
    }
)


def test_a_household_leaves_under_its_pseudonym_in_every_format(tmp_path: Path) -> None:
    city = open_city(HOUSE, tmp_path, "duckdb:observations.duckdb")
    series = Series("wm-06855817", "water_volume")
    several = [Observation(series, koper.T + at, float(at), source="ELS-06855817-07") for at in range(50)]
    city.store.add(Batch.of(city.store.table, several), koper.KNOWN)
    city.registry.see([series])
    client = client_of(city)
    (row,) = read(client, "/api/last.json")
    name = str(row["thing"])
    assert name.startswith("p-")
    for extension in ALL:
        for path in ("last", "series"):
            answer = client.get(f"/api/{path}.{extension}?thing={name}")
            assert (answer.status_code, answer.headers["cache-control"]) == (200, "private, no-store")
            rows = read(client, f"/api/{path}.{extension}?thing={name}")
            assert {one["thing"] for one in rows} == {name}
            assert {one.get("source") or "" for one in rows} == {""}
            assert [one for one in (b"wm-06855817", b"ELS", b"Novakovi") if one in answer.content] == []
        assert client.get(f"/api/series.{extension}?thing=wm-06855817").status_code == 404
        assert client_of(city, ANYONE).get(f"/api/series.{extension}?thing={name}").status_code == 404
    assert read(client_of(city, ANYONE), "/api/last.json") == []
    city.store.close()


def test_what_is_listed_once_follows_what_is_made_known(city: City, client: TestClient) -> None:
    assert len(read(client, "/api/series.csv?quantity=co2")) == 0
    new = Observation(Series("air-0001", "co2"), koper.T, 400.0)
    city.store.add(Batch.of(city.store.table, [new]), koper.KNOWN)
    city.registry.see([new.series])
    assert [row["value"] for row in read(client, "/api/series.csv?quantity=co2")] == ["400.0"]


# Last values


@pytest.mark.parametrize("extension", ALL)
def test_last_values_of_all_are_one_table(city: City, client: TestClient, extension: str) -> None:
    rows = read(client, f"/api/last.{extension}")
    assert len(rows) == len(koper.SERIES)
    for row, series in zip(rows, koper.SERIES, strict=True):
        one = city.store.last(series)
        assert one is not None
        wanted: object = list(one.value) if isinstance(one.value, tuple) else one.value
        if extension in TABLES:
            wanted = " ".join(map(repr, wanted)) if isinstance(wanted, list) else str(wanted)
        assert (row["thing"], row["quantity"], row["value"]) == (series.thing, series.quantity, wanted)


def test_last_values_follow_what_is_stored(city: City, client: TestClient) -> None:
    path = "/api/last.json?thing=air-0001&quantity=temperature"
    client.get(path)
    new = Observation(koper.TEMPERATURE, koper.T + 30 * koper.DAY, 50.5, "suspect")
    city.store.add(Batch.of(city.store.table, [new]), koper.KNOWN)
    (block,) = client.get(path).json()["blocks"]
    assert (block["at"], block["value"], block["quality"]) == ([new.at], [50.5], "suspect")


def test_last_values_of_a_center(client: TestClient) -> None:
    rows = read(client, "/api/last.csv?center=mobility")
    assert {row["thing"] for row in rows} == {"spot-0001", "bus-0001"}
    assert read(client, "/api/last.json?center=energy") == []


# Figures


def figures(extension: str, size: str = "day") -> str:
    begin = "&" if "?" in extension else f"{extension}?"
    path = "/api/figures?" if "?" in extension else "/api/figures"
    return f"{path}{begin}quantity=temperature&size={size}&from={koper.T}&to={koper.T + 2 * koper.DAY}&percentiles=50"


@pytest.mark.parametrize("extension", ALL)
def test_figures_come_in_every_format(client: TestClient, extension: str) -> None:
    rows = read(client, figures(f".{extension}"))
    assert [float(str(row["mean"])) for row in rows] == [-5.0, -4.25, -3.5]
    assert [float(str(row["p50"])) for row in rows] == [-5.0, -4.25, -3.5]
    assert {row["thing"] for row in rows} == {"air-0001"}
    assert str(rows[0]["local"]) == "2026-11-02T00:00+01:00"
    if extension == "rows.json":
        assert rows[0]["time"] == "2026-11-01T23:00:00Z"


# The real clients


@pytest.fixture
def url(city: City) -> Iterator[str]:
    with serving(city) as address:
        yield address


TEMPERATURE = "thing=air-0001&quantity=temperature"


def test_pandas_reads_csv_from_the_address(url: str) -> None:
    frame = pd.read_csv(f"{url}/api/series.csv?{TEMPERATURE}")
    assert list(frame["value"][:2]) == [-5.0, -4.25]
    assert frame["at"].dtype == "int64"
    assert list(frame.loc[frame["censored"] == "<", "value"]) == [0.25]


def test_pandas_reads_parquet_from_the_address(url: str) -> None:
    assert len(pd.read_parquet(f"{url}/api/series.parquet?{TEMPERATURE}")) == 21


def test_polars_reads_parquet_and_csv_from_the_address(url: str) -> None:
    frame = pl.read_parquet(f"{url}/api/series.parquet?{TEMPERATURE}")
    assert frame["value"].to_list()[:2] == [-5.0, -4.25]
    assert frame.equals(pl.read_parquet(f"{url}/api/series.parquet?{TEMPERATURE}"))
    assert pl.read_csv(f"{url}/api/last.csv").height == len(koper.SERIES)


def test_polars_reads_a_long_parquet_in_parts(city: City, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    several = [Observation(koper.VOLUME, koper.T + at * 997, at * 7919 % 10007 / 7) for at in range(200_000)]
    city.store.add(Batch.of(city.store.table, several), koper.KNOWN)
    path = f"{url}/api/series.parquet?thing=shaft-0001&quantity=water_volume"
    frame = pl.read_parquet(path)
    assert frame.height == city.store.count(Query(koper.VOLUME))
    assert frame["at"].is_sorted()
    assert frame.equals(pl.read_parquet(io.BytesIO(httpx.get(path, timeout=60).content)))


def test_pyarrow_reads_a_stream_from_the_address(url: str) -> None:
    table = pa.ipc.open_stream(httpx.get(f"{url}/api/series.arrow?{TEMPERATURE}").content).read_all()
    assert table.column("value").to_pylist()[:2] == [-5.0, -4.25]


def test_grafana_infinity_reads_rows(url: str) -> None:
    """It sends its own headers, and wants an array at the root with a time it can parse."""
    own = {"Accept": "application/json;q=0.9,text/plain", "User-Agent": "Grafana", "Accept-Encoding": "gzip"}
    path = f"{url}/api/series.rows.json?{TEMPERATURE}&from=1793577600000&to=1793750400000"
    frame = pd.DataFrame(httpx.get(path, headers=own).json())
    assert str(pd.to_datetime(frame["time"])[0]) == "2026-11-02 12:00:00.250000+00:00"
    assert list(frame["value"]) == [-5.0, -4.25]


# Parts


PART = {"bytes=0-9": (0, 10), "bytes=10-": (10, None), "bytes=-8": (-8, None), "bytes=0-99999999": (0, None)}


@pytest.mark.parametrize("asked_for", PART)
def test_a_part_of_parquet_is_that_part(client: TestClient, asked_for: str) -> None:
    path = f"/api/series.parquet?{TEMPERATURE}"
    whole = client.get(path)
    assert whole.headers["accept-ranges"] == "bytes"
    part = client.get(path, headers={"Range": asked_for})
    begin, end = PART[asked_for]
    assert part.status_code == 206
    assert part.content == whole.content[begin:end]
    first = begin % len(whole.content)
    assert part.headers["content-range"] == f"bytes {first}-{first + len(part.content) - 1}/{len(whole.content)}"


def test_a_part_behind_the_end_is_refused(client: TestClient) -> None:
    answer = client.get(f"/api/series.parquet?{TEMPERATURE}", headers={"Range": "bytes=99999999-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"].startswith("bytes */")


@pytest.mark.parametrize("odd", ["bytes=0-1,4-5", "lines=0-1", "bytes=-", "bytes=x-y"])
def test_a_range_nobody_understands_is_answered_whole(client: TestClient, odd: str) -> None:
    answer = client.get(f"/api/series.parquet?{TEMPERATURE}", headers={"Range": odd})
    assert (answer.status_code, answer.content[:4]) == (200, b"PAR1")


def test_a_part_of_what_has_changed_is_answered_whole(city: City) -> None:
    client = client_of(city, ANYONE)
    path = f"/api/series.parquet?{TEMPERATURE}"
    tag = client.get(path).headers["etag"]
    for stated, status in ((tag, 206), ('"older"', 200)):
        assert client.get(path, headers={"Range": "bytes=0-3", "If-Range": stated}).status_code == status


def test_few_files_are_kept_for_parts(client: TestClient) -> None:
    for limit in range(1, parts.MOST_FILES + 4):
        client.get(f"/api/series.parquet?{TEMPERATURE}&limit={limit}", headers={"Range": "bytes=0-3"})
    assert len(client.app.state.parts._files) == parts.MOST_FILES  # type: ignore[attr-defined]


@pytest.mark.parametrize("extension", ALL)
def test_a_head_says_what_a_get_would(client: TestClient, extension: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/api/series.{extension}?{TEMPERATURE}"
    head = client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    monkeypatch.setattr(bulk, "WHOLE", 5)
    assert "content-length" not in client.head(path).headers
