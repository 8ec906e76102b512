"""When may a node open its connection? When the radio is there and the time is known: TLS checks dates."""

import asyncio


async def stay_online(hal, outbox, link) -> None:
    """Never returns. What waited for the time is stamped first."""
    await hal.start()
    while hal.now_ms() is None:
        await asyncio.sleep_ms(50)
    outbox.set_clock(hal.now_ms(), hal.monotonic_ms())
    await link.run()
