"""A foreign SNTP client takes the time from the gateway, and refuses it while the gateway does not know it."""

import asyncio
import time

import ntplib
import pytest

from edge import timeserver


async def asked(*, is_trusted: bool) -> ntplib.NTPStats:
    server = await timeserver.serve("127.0.0.1", 0, lambda: is_trusted)
    port = server.get_extra_info("sockname")[1]
    try:
        return await asyncio.to_thread(ntplib.NTPClient().request, "127.0.0.1", 4, port, 60)
    finally:
        server.close()


async def test_a_foreign_client_sets_its_clock_by_it() -> None:
    begun = time.time()
    stats = await asked(is_trusted=True)
    assert (stats.mode, stats.version, stats.stratum, stats.leap) == (4, 4, 3, 0)
    assert abs(stats.offset) <= stats.delay / 2 + 0.005  # both have the same clock: only the way takes time
    assert begun - 0.005 <= stats.tx_time <= time.time() + 0.005


async def test_a_clock_that_is_not_trusted_says_so() -> None:
    stats = await asked(is_trusted=False)
    assert (stats.leap, stats.stratum) == (3, 16)


@pytest.mark.parametrize("request_", [b"", b"\x23" * 20, b"\x24" + bytes(47)])
def test_what_is_no_request_is_not_answered(request_: bytes) -> None:
    assert timeserver.answer(request_, 1.0, 1.0, is_trusted=True) == b""
