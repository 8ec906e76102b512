"""Is a filter's answer what looking at every single one gives? Generated filters, judged a second time by plain Python.

Each strategy makes a text for the filter and a function that says, from a row of ``koper.py`` alone, what it means.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from math import ceil, copysign, floor
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.observation import Observation
from collector.tests.asking import client_of
from collector.tests.koper import DAY, HOUR, INVENTORY, KNOWN, SERIES, T, observations, open_koper

Row = Any


class Term(NamedTuple):
    text: str
    meaning: Callable[[Row], Any]


@pytest.fixture(scope="module", params=["memory:", "duckdb:observations.duckdb"])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    city = open_koper(tmp_path_factory.mktemp("koper"), request.param)
    with client_of(city) as client:
        yield client
    city.store.close()


# ---- what the rows are -----------------------------------------------------------------------------------------------

THINGS = [
    {
        "id": number,
        "name": thing.name.en,
        "center": thing.center,
        "place": thing.location,
        "streams": [place + 1 for place, one in enumerate(SERIES) if one.thing == thing.id],
        "periods": [one.period for one in SERIES if one.thing == thing.id],
        "quantities": [one.quantity for one in SERIES if one.thing == thing.id],
    }
    for number, thing in enumerate(INVENTORY.thing, 1)
]
BY_NAME = {thing.id: row for thing, row in zip(INVENTORY.thing, THINGS, strict=True)}
# the gateway: named as it is called, at the place and of the center of the first thing it speaks for
GATEWAY = {**THINGS[0], "id": 6, "name": "gateway-0001", "streams": [], "periods": [], "quantities": []}
ROWS = observations()


def stream(one: Observation) -> int:
    return SERIES.index(one.series) + 1


def time_of(one: Observation) -> tuple[float, float]:
    return one.at - one.series.period, one.at


def result_of(one: Observation) -> Any:
    return list(one.value) if isinstance(one.value, tuple) else one.value


def judged(one: Observation) -> str:
    return one.quality or "valid"


# ---- what a term means -----------------------------------------------------------------------------------------------


def wrapped(work: Callable[..., Any], *types: type | tuple[type, ...]) -> Callable[..., Any]:
    """Null, and what is of another type, makes null."""

    def meaning(*values: Any) -> Any:
        fits = all(isinstance(value, kind) for value, kind in zip(values, types, strict=True))
        return work(*values) if fits else None

    return meaning


NUMBER = (int, float)


def number_call(name: str, work: Callable[[float], float], inner: Term) -> Term:
    return Term(f"{name}({inner.text})", lambda row: wrapped(work, NUMBER)(inner.meaning(row)))


def infix(name: str, work: Callable[[float, float], float], left: Term, right: Term) -> Term:
    meaning = wrapped(work, NUMBER, NUMBER)
    return Term(f"({left.text} {name} {right.text})", lambda row: meaning(left.meaning(row), right.meaning(row)))


def away_from_zero(value: float) -> float:
    return copysign(floor(abs(value) + 0.5), value)


def before(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """All that one holds is earlier than all that the other holds; the end of what lasts is not held."""
    last_held = one[1] - 0.001 if one[1] > one[0] else one[1]
    return last_held < other[0]


def order(operator: str, left: Any, right: Any) -> bool:
    if operator == "eq":
        return left == right if left is not None and right is not None and alike(left, right) else left is right
    if operator == "ne":
        return not order("eq", left, right)
    if left is None or right is None or not alike(left, right) or isinstance(left, list):
        return False  # a place has no order
    if isinstance(left, tuple):
        ends = left[0] <= right[0] and left[1] <= right[1], left[0] >= right[0] and left[1] >= right[1]
        return {"lt": before(left, right), "gt": before(right, left), "le": ends[0], "ge": ends[1]}[operator]
    return {"lt": left < right, "gt": left > right, "le": left <= right, "ge": left >= right}[operator]


def alike(left: Any, right: Any) -> bool:
    return all(isinstance(one, NUMBER) for one in (left, right)) or type(left) is type(right)


def joined(operator: str, left: Any, right: Any) -> Any:
    decisive = operator == "or"
    if decisive in (left, right):
        return decisive
    return None if None in (left, right) else not decisive


def iso(ms: float) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# ---- terms over observations -----------------------------------------------------------------------------------------

OPERATORS = st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"])
INSTANTS = st.integers(-2, 24 * 22).map(lambda hours: float(T + hours * HOUR)) | st.sampled_from(
    [float(one.at) for one in ROWS]
)
TIMES = st.just(Term("phenomenonTime", time_of)) | INSTANTS.map(lambda at: Term(iso(at), lambda _: (at, at)))
INTERVALS = st.tuples(INSTANTS, st.sampled_from([HOUR / 4, HOUR, 3 * HOUR, DAY, 9 * DAY])).map(
    lambda pair: Term(f"{iso(pair[0])}/{iso(pair[0] + pair[1])}", lambda _: (pair[0], pair[0] + pair[1]))
)
LITERALS = st.integers(-8, 165) | st.sampled_from([-4.25, 0.25, 0.5, 60.5, 62.25, 13.0])
NUMBERS = st.recursive(
    LITERALS.map(lambda number: Term(str(number), lambda _: number))
    | st.sampled_from(
        [
            Term("result", result_of),
            Term("result", result_of),
            Term("Datastream/id", stream),
            Term("Datastream/properties/period", lambda one: one.series.period),
            Term("hour(phenomenonTime)", lambda one: int(time_of(one)[0] % DAY // HOUR)),
            Term("day(phenomenonTime)", lambda one: datetime.fromtimestamp(time_of(one)[0] / 1000, UTC).day),
            Term("length(resultQuality)", lambda one: len(judged(one))),
        ]
    ),
    lambda inner: st.builds(
        number_call, st.just("round"), st.just(away_from_zero), inner
    ) | st.builds(number_call, st.just("floor"), st.just(floor), inner)
    | st.builds(number_call, st.just("ceiling"), st.just(ceil), inner)
    | st.builds(infix, st.just("add"), st.just(lambda a, b: a + b), inner, inner)
    | st.builds(infix, st.just("sub"), st.just(lambda a, b: a - b), inner, inner)
    | st.builds(infix, st.just("mul"), st.just(lambda a, b: a * b), inner, inner),
    max_leaves=3,
)  # fmt: skip


def quoted(text: str) -> Term:
    doubled = text.replace("'", "''")
    return Term(f"'{doubled}'", lambda _: text)


TEXTS = st.sampled_from(
    [
        *(quoted(text) for text in ("free", "valid", "L'", "e", "Line 1", "")),
        Term("result", result_of),
        Term("resultQuality", judged),
        Term("Datastream/Thing/name", lambda one: BY_NAME[one.series.thing]["name"]),
        Term("Datastream/ObservedProperty/name", lambda one: one.series.quantity),
        Term("tolower(Datastream/Thing/name)", lambda one: BY_NAME[one.series.thing]["name"].lower()),
        Term("substring(Datastream/Thing/properties/center,0,3)", lambda one: BY_NAME[one.series.thing]["center"][:3]),
        Term("null", lambda _: None),
    ]
)


def comparison(operator: str, left: Term, right: Term) -> Term:
    return Term(
        f"{left.text} {operator} {right.text}",
        lambda row: order(operator, left.meaning(row), right.meaning(row)),
    )


def text_call(name: str, first: Term, second: Term) -> Term:
    works = {"substringof": lambda a, b: a in b, "startswith": str.startswith, "endswith": str.endswith}
    meaning = wrapped(works[name], str, str)
    return Term(f"{name}({first.text},{second.text})", lambda row: meaning(first.meaning(row), second.meaning(row)))


def within_box(term: tuple[float, float]) -> Term:
    """A box of 0.015 degrees, whose edge no position of the fixture lies on."""
    x, y = term
    corners = f"{x} {y},{x + 0.015} {y},{x + 0.015} {y + 0.004},{x} {y + 0.004},{x} {y}"

    def meaning(one: Observation) -> Any:
        if not isinstance(one.value, tuple):
            return None
        return x < one.value[0] < x + 0.015 and y < one.value[1] < y + 0.004

    return Term(f"st_within(result,geography'POLYGON (({corners}))')", meaning)


def relation(name: str, time: Term, other: Term) -> Term:
    def meaning(row: Row) -> bool:
        one, two = time.meaning(row), other.meaning(row)
        if name == "overlaps":
            return not before(one, two) and not before(two, one)
        last = one[1] if one[1] > one[0] or two[0] == two[1] else one[1] + 0.001
        return two[0] <= one[0] and last <= two[1]

    return Term(f"{name}({time.text},{other.text})", meaning)


LEAVES = (
    st.builds(comparison, OPERATORS, NUMBERS, NUMBERS)
    | st.builds(comparison, OPERATORS, TEXTS, TEXTS | NUMBERS)
    | st.builds(comparison, OPERATORS, TIMES, TIMES | INTERVALS)
    | st.builds(relation, st.sampled_from(["during", "overlaps"]), TIMES, INTERVALS)
    | st.builds(text_call, st.sampled_from(["substringof", "startswith", "endswith"]), TEXTS, TEXTS)
    | st.sampled_from([(13.7051, 45.5411), (13.6951, 45.5391), (13.7251, 45.5451)]).map(within_box)
    | st.sampled_from(ROWS).map(
        lambda one: Term(f"id eq '{stream(one)}-{one.at}'", lambda row: (stream(row), row.at) == (stream(one), one.at))
    )
    | st.just(Term(f"resultTime eq {iso(KNOWN)}", lambda one: stream(one) <= 3))
)


def connected(leaves: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
    def both(operator: str, left: Term, right: Term) -> Term:
        return Term(
            f"({left.text} {operator} {right.text})",
            lambda row: joined(operator, left.meaning(row), right.meaning(row)),
        )

    def opposite(term: Term) -> Term:
        return Term(f"not ({term.text})", lambda row: None if (truth := term.meaning(row)) is None else not truth)

    return st.recursive(
        leaves,
        lambda inner: st.builds(both, st.sampled_from(["and", "or"]), inner, inner) | st.builds(opposite, inner),
        max_leaves=5,
    )


QUIET = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


def ids(client: TestClient, path: str) -> tuple[list[Any], int]:
    answer = client.get("/v1.1" + path)
    assert answer.status_code == 200, answer.text
    content = answer.json()
    assert "@iot.nextLink" not in content
    return [one["@iot.id"] for one in content["value"]], content["@iot.count"]


@QUIET
@given(connected(LEAVES))
def test_observations_that_are_found_are_those_that_satisfy(client: TestClient, term: Term) -> None:
    expected = [f"{stream(one)}-{one.at}" for one in ROWS if term.meaning(one) is True]
    found = ids(client, f"/Observations?$count=true&$top=1000&$filter={quote(term.text)}")
    assert found == (expected, len(expected)), term.text


@QUIET
@given(connected(LEAVES), st.integers(1, 8))
def test_observations_of_one_datastream_too(client: TestClient, term: Term, number: int) -> None:
    expected = [f"{stream(one)}-{one.at}" for one in ROWS if stream(one) == number and term.meaning(one) is True]
    path = f"/Datastreams({number})/Observations?$count=true&$top=1000&$filter={quote(term.text)}"
    assert ids(client, path) == (expected, len(expected)), term.text


# ---- things ----------------------------------------------------------------------------------------------------------


def any_stream(path: str, key: str, operator: str, operand: Any) -> Term:
    """Any of its datastreams; none at all is null."""
    text = f"'{operand}'" if isinstance(operand, str) else str(operand)
    return Term(
        f"Datastreams/{path} {operator} {text}",
        lambda thing: any(order(operator, value, operand) for value in thing[key] or [None]),
    )


THING_TEXTS = st.sampled_from(
    [
        Term("name", lambda thing: thing["name"]),
        Term("properties/center", lambda thing: thing["center"]),
        Term("'Bus 1'", lambda _: "Bus 1"),
        Term("'mobility'", lambda _: "mobility"),
        Term("'o'", lambda _: "o"),
        Term("properties/colour", lambda _: None),
    ]
)
THING_NUMBERS = st.integers(0, 9).map(lambda number: Term(str(number), lambda _: number)) | st.sampled_from(
    [
        Term("id", lambda thing: thing["id"]),
        Term("length(name)", lambda thing: len(thing["name"])),
        Term("(id mod 2)", lambda thing: thing["id"] % 2),
        Term("Locations/location/coordinates/0", lambda thing: thing["place"][0] if thing["place"] else None),
        Term("indexof(name,'o')", lambda thing: thing["name"].find("o")),
    ]
)
QUANTITIES = st.sampled_from(["no2", "laeq", "z"])
THING_LEAVES = (
    st.builds(comparison, OPERATORS, THING_TEXTS, THING_TEXTS)
    | st.builds(comparison, OPERATORS, THING_NUMBERS, THING_NUMBERS)
    | st.builds(text_call, st.sampled_from(["substringof", "startswith", "endswith"]), THING_TEXTS, THING_TEXTS)
    | st.builds(any_stream, st.just("id"), st.just("streams"), OPERATORS, st.integers(0, 9))
    | st.builds(any_stream, st.just("properties/period"), st.just("periods"), OPERATORS, st.sampled_from([0, HOUR, 1]))
    | st.builds(any_stream, st.just("ObservedProperty/id"), st.just("quantities"), OPERATORS, QUANTITIES)
)


@QUIET
@given(connected(THING_LEAVES))
def test_things_that_are_found_are_those_that_satisfy(client: TestClient, term: Term) -> None:
    expected = [one["id"] for one in [*THINGS, GATEWAY] if term.meaning(one) is True]
    assert ids(client, f"/Things?$count=true&$filter={quote(term.text)}") == (expected, len(expected)), term.text


# ---- pages -----------------------------------------------------------------------------------------------------------

ORDERS = st.lists(
    st.tuples(
        st.sampled_from(["phenomenonTime", "result", "resultQuality", "Datastream/Thing/name", "resultTime", "id"]),
        st.sampled_from(["", " asc", " desc"]),
    ),
    max_size=3,
    unique_by=lambda key: key[0],
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    ORDERS,
    st.integers(9, 60),
    connected(LEAVES) | st.none(),
    st.sampled_from(["/Observations", "/Datastreams(1)/Observations", "/Datastreams(2)/Observations"]),
)
def test_pages_joined_are_the_whole(client: TestClient, keys: Any, size: int, term: Term | None, path: str) -> None:
    options = [f"$orderby={quote(','.join(name + way for name, way in keys))}"] if keys else []
    options += [f"$filter={quote(term.text)}"] if term else []
    whole, _ = ids(client, f"{path}?{'&'.join(['$count=true&$top=1000', *options])}")
    page = client.get(f"/v1.1{path}?{'&'.join([f'$top={size}', *options])}").json()
    found = [one["@iot.id"] for one in page["value"]]
    while "@iot.nextLink" in page:
        page = client.get(page["@iot.nextLink"]).json()
        assert page["value"]
        found += [one["@iot.id"] for one in page["value"]]
    assert found == whole
    assert len(found) == len(set(found))


IN_ORDER: dict[str, Callable[[Observation], Any]] = {
    "phenomenonTime": lambda one: (one.at, stream(one)),
    "phenomenonTime desc": lambda one: (-one.at, stream(one)),
    "phenomenonTime desc,Datastream/id desc": lambda one: (-one.at, -stream(one)),
    "resultQuality,phenomenonTime desc": lambda one: (judged(one), -one.at, stream(one)),
    "Datastream/Thing/name,phenomenonTime": lambda one: (BY_NAME[one.series.thing]["name"], one.at, stream(one)),
    "resultTime desc,id": lambda one: (stream(one) <= 3, f"{stream(one)}-{one.at}"),
}


@QUIET
@given(st.sampled_from(list(IN_ORDER)), st.integers(0, 150), st.integers(1, 150), connected(LEAVES) | st.none())
def test_the_first_in_an_order_are_the_first_of_all(
    client: TestClient, order: str, skip: int, top: int, term: Term | None
) -> None:
    matching = [one for one in ROWS if term is None or term.meaning(one) is True]
    expected = [f"{stream(one)}-{one.at}" for one in sorted(matching, key=IN_ORDER[order])][skip : skip + top]
    options = f"$filter={quote(term.text)}&" if term else ""
    answer = client.get(f"/v1.1/Observations?{options}$orderby={quote(order)}&$skip={skip}&$top={top}")
    assert [one["@iot.id"] for one in answer.json()["value"]] == expected
