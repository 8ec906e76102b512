"""What each version of InfluxDB says, as it is documented and seen, and what is made of it."""

import msgspec
import pytest

from collector.influx.answers import Answer, RefusedLinesError, check_written, describe, rows_of
from collector.store import StoreError

REFUSED = {
    "1: a field of another type": (
        400,
        {
            "error": 'partial write: field type conflict: input field "number" on measurement "observation" is type '
            "string, already exists as type float dropped=1"
        },
    ),
    "1: beyond retention": (400, {"error": "partial write: points beyond retention policy dropped=3"}),
    "1: not parsed": (400, {"error": "unable to parse 'observation number=': missing field value"}),
    "1: too large": (413, {"error": "Request Entity Too Large"}),
    "2: not parsed": (400, {"code": "invalid", "message": "unable to parse 'invalid': missing fields"}),
    "2: partial": (400, {"code": "invalid", "message": "partial write: points beyond retention policy dropped=1"}),
    "2: partial, as 2.7 says it": (
        422,
        {
            "code": "unprocessable entity",
            "message": "failure writing points to database: partial write: dropped 4 "
            "points outside retention policy of duration 24h0m0s",
        },
    ),
    "2: too large": (413, {"code": "request too large", "message": "unable to read data: points batch is too large"}),
    "3: partial": (
        400,
        {
            "error": "partial write of line protocol occurred",
            "data": [
                {"original_line": "observation number=hi 1", "line_number": 2, "error_message": "invalid column type"}
            ],
        },
    ),
    "3: one line": (
        400,
        {
            "error": "line protocol parsing error",
            "data": {"original_line": "observation", "line_number": 1, "error_message": "No fields were provided"},
        },
    ),
    "3: a limit of the schema": (
        422,
        {
            "error": "partial write of line protocol occurred",
            "data": [
                {
                    "original_line": "x",
                    "line_number": 1,
                    "error_message": "Update to schema would exceed number of columns",
                }
            ],
        },
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_about_lines_is_refused_for_good(case: str) -> None:
    status, said = REFUSED[case]
    with pytest.raises(RefusedLinesError) as refusal:
        check_written(Answer(status, msgspec.json.encode(said)))
    assert str(refusal.value).startswith(str(said.get("error", said.get("message"))))


def test_influxdb_3_names_the_lines_it_refused_and_the_others_do_not() -> None:
    status, said = REFUSED["3: partial"]
    with pytest.raises(RefusedLinesError, match="occurred: invalid column type") as refusal:
        check_written(Answer(status, msgspec.json.encode(said)))
    assert refusal.value.lines == {1: "invalid column type"}
    status, said = REFUSED["2: not parsed"]
    with pytest.raises(RefusedLinesError) as refusal:
        check_written(Answer(status, msgspec.json.encode(said)))
    assert refusal.value.lines == {}


PASSING = {
    "no right": (401, b'{"code":"unauthorized","message":"unauthorized access"}', "401: unauthorized access"),
    "1: no right": (403, b'{"error":"\\"a\\" user is not authorized"}', '403: "a" user is not authorized'),
    "2: no bucket": (404, b'{"code":"not found","message":"bucket \\"a\\" not found"}', '404: bucket "a" not found'),
    "1: no database": (404, b'{"error":"database not found: \\"a\\""}', '404: database not found: "a"'),
    "a timeout of its own": (500, b'{"error":"timeout"}', "500: timeout"),
    "3: a failing disk": (500, b"error from wal: no space left", "500: error from wal: no space left"),
    "maintenance": (503, b"", "503: nothing is said"),
    "a proxy's page": (
        400,
        b"<html><title>400 Bad Request</title>\n plain HTTP to an HTTPS port",
        "400: 400 Bad Request plain",
    ),
    "a page where nothing should be": (200, b"<html>Welcome", "200: Welcome"),
    "JSON of something else": (400, b"[1]", "400: .1"),
    "sent elsewhere": (302, b"", "302: nothing is said"),
}


@pytest.mark.parametrize("case", PASSING)
def test_everything_else_is_to_be_tried_again_and_says_why(case: str) -> None:
    status, body, reason = PASSING[case]
    with pytest.raises(StoreError, match=reason):
        check_written(Answer(status, body))


def test_a_full_server_says_how_long_to_wait() -> None:
    answer = Answer(429, b'{"code":"too many requests","message":"limit exceeded"}', {"retry-after": "30"})
    assert describe(answer) == "429: limit exceeded; asks to wait 30 s"
    assert describe(Answer(503, b"x" * 3000, {"retry-after": "soon\n"})) == "503: " + "x" * 200


def test_only_204_means_stored() -> None:
    check_written(Answer(204, b""))


def test_rows_carry_their_columns_and_their_tags() -> None:
    body = b"""{"results":[{"statement_id":0,"series":[
        {"name":"o","tags":{"thing":"a"},"columns":["time","number"],"values":[[1,2.5],[2,null]]},
        {"name":"o","tags":{"thing":"b"},"columns":["time","number"],"values":[[3,4]]}]}]}"""
    assert list(rows_of(body)) == [
        {"thing": "a", "time": 1, "number": 2.5},
        {"thing": "a", "time": 2, "number": None},
        {"thing": "b", "time": 3, "number": 4},
    ]
    assert list(rows_of(b'{"results":[{"statement_id":0}]}')) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"results":[{"statement_id":0,"error":"database not found: a"}]}', "database not found: a"),
        (b'{"results":[{"series":[{"columns":["name"],"values":[["_internal"]]}]}]}', "the columns are name"),
        (b'{"results":[{"series":[{"columns"', "not an answer to InfluxQL"),
        (b'{"error":"shutting down"}', "not an answer to InfluxQL: .*shutting down"),
        (b"[]", "not an answer to InfluxQL"),
    ],
)
def test_what_is_no_answer_to_influxql_is_an_error(body: bytes, reason: str) -> None:
    with pytest.raises(StoreError, match=reason):
        list(rows_of(body))
