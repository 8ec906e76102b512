"""Does the store answer exactly what the filter says? Every relation at every edge, whether or not a time lasts."""

from itertools import product

import pytest

from collector.entities.registry import Datastream
from collector.observation import Observation, Series
from collector.sensorthings.expression import Call, Literal, Property
from collector.sensorthings.grammar import parse
from collector.sensorthings.literals import Instant, Interval
from collector.sensorthings.pushdown import one_datastream, plan
from collector.series.query import Comparison, Query

B = 1_793_577_600_000
HALVES = [half / 2 for half in range(9)]
LITERALS = [Instant(B + half) for half in HALVES] + [
    Interval(B + begin, B + end) for begin, end in product(HALVES, HALVES) if begin < end
]
RELATIONS = ("eq", "ne", "lt", "le", "gt", "ge", "before", "after", "during", "overlaps")
TURNED = ("eq", "ne", "lt", "le", "gt", "ge", "before", "after")


def points(begin: float, end: float) -> set[float]:
    """What a time holds, in quarters of a millisecond: an interval its begin and not its end."""
    return {begin} if begin == end else {begin + quarter / 4 for quarter in range(int((end - begin) * 4))}


def holds(name: str, one: tuple[float, float], other: tuple[float, float]) -> bool:
    held, there = points(*one), points(*other)
    return {
        "eq": one == other,
        "ne": one != other,
        "lt": max(held) < min(there),
        "before": max(held) < min(there),
        "gt": max(there) < min(held),
        "after": max(there) < min(held),
        "le": one[0] <= other[0] and one[1] <= other[1],
        "ge": one[0] >= other[0] and one[1] >= other[1],
        "during": held <= there,
        "overlaps": bool(held & there),
    }[name]


def answers(query: Query, one: Observation) -> bool:
    in_range = (query.since is None or one.at >= query.since) and (query.until is None or one.at < query.until)
    return in_range and all(test.holds(one) for test in query.where)


@pytest.mark.parametrize("period", [0, 1, 3])
@pytest.mark.parametrize("name", RELATIONS)
def test_a_relation_of_time_is_a_range(name: str, period: int) -> None:
    stream = Datastream(1, Series("a", "laeq", period))
    for literal in LITERALS:
        other = (literal.ms, literal.ms) if isinstance(literal, Instant) else (literal.begin, literal.end)
        made = plan(stream, Call(name, (Property(("phenomenonTime",)), Literal(literal))))
        assert made is None or not made.rest
        for at in range(B - 1, B + 8):
            said = made is not None and answers(made.query, Observation(stream.series, at, 1.0))
            assert said is holds(name, (at - period, at), other), (at - B, literal)


@pytest.mark.parametrize("period", [0, 2])
@pytest.mark.parametrize("name", TURNED)
def test_a_relation_may_stand_the_other_way(name: str, period: int) -> None:
    stream = Datastream(1, Series("a", "laeq", period))
    for literal in LITERALS[::3]:
        other = (literal.ms, literal.ms) if isinstance(literal, Instant) else (literal.begin, literal.end)
        made = plan(stream, Call(name, (Literal(literal), Property(("phenomenonTime",)))))
        assert made is None or not made.rest
        for at in range(B - 1, B + 8):
            said = made is not None and answers(made.query, Observation(stream.series, at, 1.0))
            assert said is holds(name, other, (at - period, at)), (at - B, literal)


ASKED = {
    "result gt 5": ("laeq", (Comparison("value", ">", 5.0),), 0),
    "5 gt result": ("laeq", (Comparison("value", "<", 5.0),), 0),
    "result ne 5": ("laeq", (Comparison("value", "!=", 5.0),), 0),
    "result eq 'free'": ("occupancy", (Comparison("value", "==", "free"),), 0),
    "result ne 'free'": ("laeq", (), 0),
    "5 ne result": ("occupancy", (), 0),
    "result ne null": ("laeq", (), 0),
    "resultQuality eq 'suspect'": ("laeq", (Comparison("quality", "==", "suspect"),), 0),
    "result lt 9007199254740993": ("laeq", (), 1),
    "floor(result) eq 3": ("laeq", (), 1),
    "result gt 5 or resultQuality eq 'valid'": ("laeq", (), 1),
    "result gt 5 and floor(result) lt 7": ("laeq", (Comparison("value", ">", 5.0),), 1),
    "resultTime gt 2026-01-01T00:00:00Z": ("laeq", (), 1),
    "true": ("laeq", (), 0),
}


@pytest.mark.parametrize("text", ASKED)
def test_the_store_is_asked_what_it_can_answer(text: str) -> None:
    quantity, where, left = ASKED[text]
    made = plan(Datastream(1, Series("a", quantity)), parse(text))
    assert made is not None
    assert made.query.where == where
    assert len(made.rest) == left


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        ("laeq", "result eq 'free'"),
        ("laeq", "result lt 'free'"),
        ("occupancy", "result gt 5"),
        ("location", "result eq 5"),
        ("laeq", "result eq null"),
        ("laeq", "result eq true"),
        ("laeq", "resultQuality eq 1"),
        ("laeq", "id eq '2-5'"),
        ("laeq", "id eq 'x'"),
        ("laeq", "id eq '01-5'"),
        ("laeq", "id eq 5"),
        ("laeq", "phenomenonTime eq 5"),
        ("laeq", "phenomenonTime gt 2026-01-02T00:00:00Z and phenomenonTime lt 2026-01-01T00:00:00Z"),
        ("laeq", "false"),
        ("laeq", "null"),
    ],
)
def test_a_datastream_that_has_no_answer_is_not_asked(quantity: str, text: str) -> None:
    assert plan(Datastream(1, Series("a", quantity)), parse(text)) is None


NAMED = {
    "Datastream/id eq 7": 7,
    "7 eq Datastream/@iot.id and result gt 5": 7,
    "result gt 5 and id eq '7-1'": 7,
    "id eq 'x'": 0,
    "Datastream/id eq 7 or Datastream/id eq 8": None,
    "not (Datastream/id eq 7)": None,
    "Datastream/id ne 7": None,
    "Datastream/id eq 7.0": None,
    "Datastream/id eq true": None,
    "Datastream/id eq '7'": None,
    "Datastream/Thing/id eq 7": None,
    "result eq 7": None,
}


@pytest.mark.parametrize("text", NAMED)
def test_a_filter_may_name_the_only_datastream(text: str) -> None:
    assert one_datastream(parse(text)) == NAMED[text]


def test_an_id_is_one_instant() -> None:
    made = plan(Datastream(7, Series("a", "laeq")), parse("id eq '7-1793577600000'"))
    assert made is not None
    assert (made.query.since, made.query.until, made.rest) == (1793577600000, 1793577600001, ())
