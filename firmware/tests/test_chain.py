"""The audit log: a crash tears its last line at most, and whatever else changes is seen."""

import io

import pytest

from firmware.chain import START, Chain, ChainError, verify


def log(count: int) -> bytes:
    file = io.BytesIO()
    chain = Chain(file, lambda: None, 1)
    for number in range(count):
        chain.append({"event": "written", "thing": f"valve-{number}", "value": 21.5}, 1000 + number)
    return file.getvalue()


def lines(octets: bytes) -> list[bytes]:
    return octets.splitlines(keepends=True)


def test_a_log_is_whole_and_goes_on_where_it_ended():
    file = io.BytesIO(log(3))
    chain = Chain(file, lambda: None, 1)
    assert chain.number == 3
    chain.append({"event": "more"}, 2000)
    assert verify(lines(file.getvalue())) == (4, chain.head)
    assert verify([]) == (0, START)


def test_whatever_a_crash_leaves_of_the_last_line_is_cut_off_and_that_is_written_down():
    whole = log(3)
    last = len(b"".join(lines(whole)[:2]))
    for cut in range(last + 1, len(whole)):
        file = io.BytesIO(whole[:cut])
        chain = Chain(file, lambda: None, 5)
        assert verify(lines(file.getvalue())) == (3, chain.head)
        assert b'"event":"repaired"' in lines(file.getvalue())[2]


def test_zeros_that_a_power_cut_leaves_are_cut_off_too():
    file = io.BytesIO(log(2) + bytes(100))
    assert Chain(file, lambda: None, 5).number == 3


@pytest.mark.parametrize("line", range(3))
def test_a_changed_line_is_seen(line: int):
    changed = lines(log(3))
    changed[line] = changed[line].replace(b"21.5", b"21.6")
    with pytest.raises(ChainError):
        verify(changed)
    with pytest.raises(ChainError):
        Chain(io.BytesIO(b"".join(changed)), lambda: None, 5)


def test_lines_that_are_missing_or_swapped_are_seen():
    first, second, third = lines(log(3))
    for wrong in ([first, third], [second, first, third], [first, first, second], [b"{}\n", first]):
        with pytest.raises(ChainError):
            verify(wrong)


def test_each_line_is_synced_before_append_returns():
    synced: list[int] = []
    file = io.BytesIO()
    chain = Chain(file, lambda: synced.append(len(file.getvalue())), 1)
    chain.append({"event": "written"}, 5)
    assert synced == [len(file.getvalue())]
