"""Lines of InfluxDB's protocol, judged by the maker's own client, and rows of its answers."""

import re

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from influxdb_client import Point
from msgspec.structs import replace

from collector.compiled import library
from collector.influx.lines import C_SOURCE, MEASUREMENT, LineMaker, observation_of, quoted
from collector.observation import Observation, Series, Value
from collector.series.batch import Batch
from collector.series.series_table import SeriesTable

NOW = 1_795_392_000_000
WATER = Series("wm-06855817", "water_volume")


def maker_of(table: SeriesTable) -> LineMaker:
    compiled = library(C_SOURCE)
    assert compiled, "these tests need the C compiler that setup.sh installs"
    return LineMaker(table, compiled)


def lines_of(batch: Batch, is_first: npt.NDArray[np.bool_] | None = None) -> list[str]:
    """Compiled; without a compiler they mean the same."""
    found = maker_of(batch.table).lines_of(batch, is_first)
    assert meaning(found) == meaning(LineMaker(batch.table).lines_of(batch, is_first))
    return found.decode().split("\n")


def meaning(lines: bytes) -> bytes:
    """With every number spelt alike."""
    return re.sub(rb"(?m)^(\S+ number=)([^ ,]+)", lambda found: found[1] + repr(float(found[2])).encode(), lines)


def lines(*observations: Observation) -> list[str]:
    return lines_of(Batch.of(SeriesTable(), observations))


def test_a_line_has_three_tags_and_all_fields() -> None:
    (line,) = lines(Observation(WATER, NOW, 5.0))
    key, fields, time = line.split(" ")
    assert key == "observation,period=0,quantity=water_volume,thing=wm-06855817"
    assert fields == 'number=5.0,quality="",censored="",source="",derived=""'
    assert time == str(NOW)


def test_the_first_of_its_identity_writes_only_its_value_unless_it_is_marked() -> None:
    table = SeriesTable()
    several = [
        Observation(WATER, NOW, 5.0),
        Observation(WATER, NOW + 1, 6.0),
        Observation(WATER, NOW + 2, 7.0, "suspect"),
    ]
    for count in (2, 3):
        batch = Batch.of(table, several[:count])
        lines = lines_of(batch, np.array([True, False, True][:count]))
        assert [line.split(" ")[1] for line in lines] == [
            "number=5.0",
            'number=6.0,quality="",censored="",source="",derived=""',
            'number=7.0,quality="suspect",censored="",source="",derived=""',
        ][:count]


VALUES: list[tuple[str, Value, str]] = [
    ("water_volume", 561.08, "number=561.08"),
    ("water_volume", 3.0, "number=3.0"),
    ("water_volume", 1e300, "number=1e+300"),
    ("water_volume", 999_999_999_999_999.0, "number=999999999999999.0"),
    ("error_flags", 513, "number=513.0"),
    ("occupancy", "free", 'code="free"'),
    ("notice", 'čez "noč" \\', 'text="čez \\"noč\\" \\\\"'),
    ("location", (13.7294, 45.5481), 'position="[13.7294,45.5481]"'),
]


@pytest.mark.parametrize(("quantity", "value", "written"), VALUES)
def test_a_number_is_always_a_float_and_each_kind_has_its_field(quantity: str, value: Value, written: str) -> None:
    (line,) = lines(Observation(Series("a", quantity), NOW, value))
    assert line.split(" ", 1)[1].startswith(f"{written},quality=")


def test_numbers_and_texts_stand_side_by_side() -> None:
    first, second, third = lines(
        Observation(WATER, NOW, 1.5),
        Observation(Series("a", "occupancy"), NOW, "occupied"),
        Observation(WATER, NOW + 1, 2.5, "suspect", "<", "src 1", "skewed"),
    )
    assert ("number=1.5" in first, 'code="occupied"' in second) == (True, True)
    assert third.endswith(f'number=2.5,quality="suspect",censored="<",source="src 1",derived="skewed" {NOW + 1}')


def test_the_same_batch_gives_the_same_bytes_and_a_table_may_grow_between() -> None:
    table = SeriesTable()
    maker = maker_of(table)
    batch = Batch.of(table, [Observation(WATER, NOW, 1.0), Observation(WATER, NOW + 1, 2.0, source="a")])
    first = maker.lines_of(batch)
    grown = Batch.of(table, [Observation(Series("other", "distance"), NOW, 3.0)])
    assert b"thing=other" in maker.lines_of(grown)
    assert maker.lines_of(batch) == first
    assert maker.lines_of(batch.take(np.empty(0, np.int64))) == b""


texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\t\0"), max_size=30)
observations = st.builds(
    Observation,
    st.builds(
        Series,
        st.from_regex(r"[a-z0-9-]{1,64}", fullmatch=True),
        st.sampled_from(["water_volume", "laeq"]),
        st.integers(0, 86_400_000),
    ),
    st.integers(0, 2**50),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "suspect", "estimated", "substituted"]),
    st.sampled_from(["", "<", ">"]),
    texts,
    st.sampled_from(["", "implausible", "skewed", "implausible skewed"]),
)


shorts = st.decimals(-(10**12), 10**12, places=4).map(float)


@pytest.mark.parametrize("values", [st.floats(allow_nan=False, allow_infinity=False), shorts])
def test_compiled_or_not_many_lines_mean_the_same(values: st.SearchStrategy[float]) -> None:
    @given(st.lists(st.tuples(observations, values, st.booleans()), min_size=1, max_size=20))
    def check(several: list[tuple[Observation, float, bool]]) -> None:
        batch = Batch.of(SeriesTable(), [replace(one, value=value) for one, value, _ in several])
        found = lines_of(batch, np.array([is_first for *_, is_first in several]))
        assert [float(re.findall(r" number=([^ ,]+)", line)[0]) for line in found] == [value for _, value, _ in several]

    check()


EDGES = [
    0.0,
    -0.0,
    1e-9,
    5e-324,
    0.1 + 0.2,
    1e15,
    2.0**53 - 1,
    2.0**53,
    -(2.0**53),
    1e22,
    0.000000001234,
    123456.789012345,
]


@pytest.mark.parametrize("value", EDGES)
def test_a_number_at_the_edge_of_what_is_short_keeps_its_last_bit(value: float) -> None:
    (line,) = lines(Observation(WATER, NOW, value))
    number = re.findall(r" number=([^ ,]+)", line)[0]
    assert repr(float(number)) == repr(value)


def test_numbers_codes_and_marks_are_put_together_by_the_compiled_part(monkeypatch: pytest.MonkeyPatch) -> None:
    table = SeriesTable()
    batch = Batch.of(
        table,
        [
            Observation(WATER, NOW, -12.25, "suspect", source="telegram"),
            Observation(Series("a", "occupancy"), NOW, "free"),
            Observation(WATER, NOW + 1, 99_999.999),
        ],
    )
    plain = LineMaker(table).lines_of(batch)
    monkeypatch.setattr(LineMaker, "_joined", None)
    assert maker_of(table).lines_of(batch) == plain


def test_what_was_written_too_often_is_forgotten_and_written_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.influx.lines.MOST_WORDS", 3)
    table = SeriesTable()
    maker = maker_of(table)
    for at in range(20):
        several = [Observation(WATER, NOW + at, 1.0, source=f"s{at}"), Observation(Series("a", "notice"), at, f"n{at}")]
        batch = Batch.of(table, several)
        assert maker.lines_of(batch) == LineMaker(table).lines_of(batch)


@given(observations)
def test_a_line_says_what_the_makers_own_client_says(one: Observation) -> None:
    point = Point(MEASUREMENT).tag("thing", one.series.thing).tag("quantity", one.series.quantity)
    point.tag("period", str(one.series.period)).time(one.at, "ms").field("number", one.value)
    for name in ("quality", "censored", "source", "derived"):
        point.field(name, getattr(one, name))
    theirs, ours = point.to_line_protocol("ms"), lines(one)[0]
    key, rest = ours.split(" ", 1)
    number = rest.removeprefix("number=").split(",", 1)[0]
    assert key == theirs.split(" ", 1)[0]
    assert float(number) == one.value
    assert "." in number or "e" in number or "inf" in number  # never an integer
    strings = rest[len(f"number={number},") :]
    fields = dict.fromkeys(("censored", "derived", "quality", "source"), "")
    assert strings.endswith(f" {one.at}")
    for name in fields:  # the client puts fields in order of their names
        written = f'{name}="{getattr(one, name).replace(chr(92), chr(92) * 2).replace(chr(34), chr(92) + chr(34))}"'
        assert written in strings
        assert written in theirs


def test_a_row_is_read_as_what_was_written() -> None:
    row = {"time": NOW, "number": 513.0, "quality": "suspect", "censored": None, "source": "", "derived": ""}
    assert observation_of(Series("a", "error_flags"), row) == Observation(
        Series("a", "error_flags"), NOW, 513, "suspect"
    )
    row = {"time": NOW, "position": "[13.5,45.5]", "quality": "", "censored": "", "source": "", "derived": "skewed"}
    found = observation_of(Series("a", "location"), row)
    assert (found.value, found.derived) == ((13.5, 45.5), "skewed")


def test_a_string_of_influxql_keeps_its_quotes() -> None:
    assert quoted("it's a \\") == "'it\\'s a \\\\'"
