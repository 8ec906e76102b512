import shutil
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning import ProvisionError
from provisioning.register import Register
from provisioning.standing import shared_places

PLACE = st.fixed_dictionaries({}, optional={"place": st.integers(0, 3), "release": st.sampled_from(["1", "2"])})
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("record"), st.integers(0, 2), st.sampled_from(["board:a", "board:b"]), PLACE),
        st.tuples(st.just("merge"), st.integers(0, 2), st.integers(0, 2)),
    ),
    max_size=14,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_merging_loses_no_row_and_its_order_does_not_matter(steps: list) -> None:
    with TemporaryDirectory() as folder:
        laptops = [Register(Path(folder) / str(n)) for n in range(3)]
        made = 0
        for at, step in enumerate(steps):
            if step[0] == "record":
                laptops[step[1]].record(step[2], "changed", "ana", step[3], at // 3)
                made += 1
            elif step[1] != step[2]:
                laptops[step[1]].merge(laptops[step[2]].folder)
        forwards, backwards = Register(Path(folder) / "x"), Register(Path(folder) / "y")
        for one in laptops:
            forwards.merge(one.folder)
        for one in reversed(laptops):
            backwards.merge(one.folder)
        assert len(forwards.events()) == made
        assert forwards.events() == backwards.events()
        assert forwards.standing() == backwards.standing()
        assert forwards.logs() == backwards.logs()
        assert [forwards.merge(one.folder) for one in laptops] == [0, 0, 0]
        a, b = laptops[:2]
        a.merge(b.folder)
        b.merge(a.folder)
        assert a.standing() == b.standing()


@pytest.fixture
def vans(tmp_path: Path) -> tuple[Register, Register]:
    return Register(tmp_path / "a"), Register(tmp_path / "b")


def test_two_who_did_not_see_each_other_are_in_conflict_until_one_who_saw_both(vans: tuple) -> None:
    a, b = vans
    a.record("board:park-0001", "placed", "ana", {"height": 3.5}, 1000)
    b.record("board:park-0001", "placed", "bor", {"height": 2.5}, 2000)
    a.merge(b.folder)
    assert a.standing().conflicts == [("board:park-0001", "height", [2.5, 3.5])]
    assert a.standing().subjects["board:park-0001"]["height"] == 2.5
    a.record("board:park-0001", "settled", "ana", {"height": 3.5}, 1500)  # by a clock that is behind
    assert a.standing().conflicts == []
    assert a.standing().subjects["board:park-0001"]["height"] == 3.5
    b.merge(a.folder)
    assert b.standing() == a.standing()


def test_one_place_with_two_boards_is_shown(vans: tuple) -> None:
    a, b = vans
    a.record("board:park-0001", "placed", "ana", {"things": ["spot-0001"]})
    b.record("board:park-0002", "placed", "bor", {"things": ["spot-0001"]})
    a.merge(b.folder)
    assert shared_places(a.standing().subjects) == [("thing:spot-0001", "board", ["park-0001", "park-0002"])]
    a.record("board:park-0002", "retired", "ana", {"status": "retired"})
    assert shared_places(a.standing().subjects) == []


def test_a_changed_log_is_named(vans: tuple) -> None:
    a, b = vans
    b.record("board:x", "made", "bor", {"release": "1.0"})
    b.record("board:x", "made", "bor", {"release": "1.1"})
    log = b.folder / f"{b.origin}.chain"
    log.write_bytes(log.read_bytes().replace(b"1.0", b"9.0"))
    with pytest.raises(ProvisionError, match=rf"{b.origin}\.chain: line 1 does not fit the one before: the log was"):
        a.merge(b.folder)
    with pytest.raises(ProvisionError, match="line 1 does not fit"):
        b.record("board:x", "made", "bor", {})
    assert a.events() == []


def test_two_laptops_in_copies_of_one_directory_are_told_apart(vans: tuple, tmp_path: Path) -> None:
    a, _ = vans
    a.record("board:x", "made", "ana", {})
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    copy = Register(tmp_path / "copy")
    copy.record("board:x", "made", "ana", {"release": "1"})
    a.record("board:x", "made", "ana", {"release": "2"})
    with pytest.raises(ProvisionError, match="parts from what is known here at line 2"):
        a.merge(copy.folder)


def test_what_a_cut_of_power_tore_is_cut_off_and_stands_in_the_log(vans: tuple, tmp_path: Path) -> None:
    a, b = vans
    a.record("board:x", "made", "ana", {"release": "1"})
    log = a.folder / f"{a.origin}.chain"
    with log.open("ab") as file:
        file.write(b'{"n":2,"at":17')
    assert b.merge(a.folder) == 1
    again = Register(tmp_path / "a")
    again.record("board:x", "made", "ana", {"release": "2"})
    assert [event.kind for event in again.events()] == ["made", "repaired", "made"]
    assert b.merge(a.folder) == 2


def test_the_tables_follow_the_logs_and_can_be_deleted(vans: tuple, tmp_path: Path) -> None:
    a, _ = vans
    a.record("board:x", "made", "ana", {"release": "1", "things": ["spot-1"]})
    (tmp_path / "a/inventory.db").unlink()
    Register(tmp_path / "a")
    rows = sqlite3.connect(tmp_path / "a/inventory.db").execute("SELECT subject, field, value FROM current").fetchall()
    assert rows == [("board:x", "release", "1"), ("board:x", "things", '["spot-1"]')]


def test_a_broken_database_is_said_in_clear_words(vans: tuple, tmp_path: Path) -> None:
    vans[0].record("board:x", "made", "ana", {})
    (tmp_path / "a/inventory.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(ProvisionError, match=r"inventory\.db: file is not a database; delete it"):
        Register(tmp_path / "a")
