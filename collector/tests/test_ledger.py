"""Several collectors, one ledger: each writes its own rows, and what they know together is one account."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from alembic import command
from alembic.config import Config
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine

import collector.metadata
from collector import ranges
from collector.ledger import Account, Arrivals, Ledger, merge
from collector.metadata import MetadataError, open_metadata

NOW = 1_795_392_000_000
KEY = "gw-0001", "7f3a91c2"


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_metadata("sqlite:registry.sqlite", tmp_path)


def arrive(engine: Engine, ledger: Ledger, *stored: int, held: tuple[int, ...] = (), outbox: str = KEY[1]) -> None:
    key = KEY[0], outbox
    with engine.begin() as connection:
        changed = ledger.write(connection, {key: Arrivals(set(stored) | set(held), set(held))}, NOW)
    ledger.take(changed)


def account(*stored: tuple[int, int], first_seen: int = NOW, outbox: str = KEY[1], closed: bool = False) -> Account:
    return Account(KEY[0], outbox, first_seen, next_seq=(stored or ((0, 0),))[-1][1] + 1, stored=stored, closed=closed)


def test_what_two_have_stored_is_one_account(engine: Engine) -> None:
    one, two = Ledger(engine, "collector"), Ledger(engine, "collector-2")
    arrive(engine, one, 1, 3, 5)
    arrive(engine, two, 2, 6)
    (merged,) = one.read()
    assert (merged.stored, merged.missing, merged.next_seq) == (((1, 3), (5, 6)), ((4, 4),), 7)
    assert one.read() == two.read()


def test_two_that_take_turns_do_not_keep_every_second_number_for_ever(engine: Engine) -> None:
    one, two = Ledger(engine, "collector"), Ledger(engine, "collector-2")
    for first in range(1, 2_000, 100):
        arrive(engine, one, *range(first, first + 100, 2))
        arrive(engine, two, *range(first + 1, first + 101, 2))
        one.refresh()
        two.refresh()
    rows = engine.connect().exec_driver_sql("select stored from outbox").scalars().all()
    assert max(map(len, rows)) < 1_000
    assert one.read()[0].stored == ((1, 2_000),)


def test_what_another_knows_already_is_not_written_again(engine: Engine) -> None:
    one, two = Ledger(engine, "collector"), Ledger(engine, "collector-2")
    arrive(engine, one, 1, 2)
    two.refresh()
    arrive(engine, two, 1, 2)
    assert engine.connect().exec_driver_sql("select collector from outbox").scalars().all() == ["collector"]


def test_what_one_has_stored_is_stored_though_another_still_holds_it(engine: Engine) -> None:
    one, two = Ledger(engine, "collector"), Ledger(engine, "collector-2")
    arrive(engine, one, held=(4,))
    arrive(engine, two, 4)
    (merged,) = one.read()
    assert (merged.stored, merged.quarantined) == (((4, 4),), ())


def test_an_outbox_that_one_has_seen_the_successor_of_is_closed_for_all(engine: Engine) -> None:
    one, two = Ledger(engine, "collector"), Ledger(engine, "collector-2")
    arrive(engine, one, 1)
    arrive(engine, two, 2)
    two.refresh()
    arrive(engine, two, 1, outbox="00000002")
    one.refresh()
    assert {each.outbox: each.closed for each in one.accounts} == {"7f3a91c2": True, "00000002": False}


def test_of_two_that_look_open_the_later_one_is() -> None:
    merged = merge([account((1, 9)), account((1, 2), first_seen=NOW + 5, outbox="00000002")])
    assert {key[1]: one.closed for key, one in merged.items()} == {"7f3a91c2": True, "00000002": False}


def test_one_that_nobody_closed_is_open_whatever_the_clocks_say() -> None:
    merged = merge([account((1, 9), closed=True), account((1, 2), first_seen=NOW - 5, outbox="00000002")])
    assert {key[1]: one.closed for key, one in merged.items()} == {"7f3a91c2": True, "00000002": False}


@st.composite
def rows_of_one(draw: st.DrawFn) -> Account:
    """As a collector writes them: no number is in two sets."""
    fates = draw(st.lists(st.sampled_from(["stored", "held", "dropped", "unknown"]), min_size=40, max_size=40))
    sets = {fate: ranges.of({seq for seq, own in enumerate(fates, 1) if own == fate}) for fate in fates}
    return Account(*KEY, NOW, 41, sets.get("stored", ()), sets.get("held", ()), sets.get("dropped", ()))


@given(st.lists(rows_of_one(), min_size=1, max_size=4), st.randoms())
def test_every_number_has_one_fate_whatever_the_order_of_the_rows(rows: list[Account], chance: Random) -> None:
    merged = merge(rows)[KEY]
    chance.shuffle(rows)
    assert merge(rows)[KEY] == merged
    fates = (merged.stored, merged.quarantined, merged.dropped, merged.missing)
    assert ranges.union(*fates) == ((1, 40),)
    assert sum(last - first + 1 for fate in fates for first, last in fate) == 40


def test_who_works_alone_asks_only_memory(engine: Engine) -> None:
    alone = Ledger(engine)
    arrive(engine, alone, 1, 2)
    engine.dispose()
    Path(str(engine.url.database)).rename(f"{engine.url.database}.gone")
    assert alone.read() == alone.accounts


def test_a_ledger_of_one_becomes_a_ledger_of_several(engine: Engine) -> None:
    arrive(engine, Ledger(engine), 1, 2, 3)
    one = Ledger(engine, "collector")
    arrive(engine, one, 4)
    assert Ledger(engine, "collector-2").accounts[0].stored == ((1, 4),)


def test_the_ledger_of_version_0_1_is_taken_over(tmp_path: Path) -> None:
    file = tmp_path / "registry.sqlite"
    config = Config()
    config.set_main_option("script_location", str(Path(collector.metadata.__file__).parent / "migrations"))
    with create_engine(f"sqlite:///{file}").begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(
            "insert into outbox (publisher, outbox, first_seen, next_seq, stored, quarantined, dropped, closed)"
            " values ('gw-0001', '7f3a91c2', 7, 12, '1-9', '10-10', '11-11', 0)"
        )
        connection.commit()
    (found,) = Ledger(open_metadata("sqlite:registry.sqlite", tmp_path)).accounts
    assert found == Account(*KEY, 7, 12, ((1, 9),), ((10, 10),), ((11, 11),))


def test_several_that_start_at_once_make_the_tables_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        engines = list(threads.map(lambda _: open_metadata("sqlite:registry.sqlite", tmp_path), range(4)))
    for each in engines:
        assert Ledger(each).accounts == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mysql://here/there", "expected sqlite:FILE or postgresql://USER@HOST/DATABASE, got mysql:"),
        ("sqlite:", "expected sqlite:FILE"),
        ("registry.sqlite", "expected sqlite:FILE"),
        ("postgresql:nowhere", "expected postgresql://USER@HOST/DATABASE"),
    ],
)
def test_another_url_is_refused(tmp_path: Path, url: str, expected: str) -> None:
    with pytest.raises(MetadataError, match=expected):
        open_metadata(url, tmp_path)
