"""How is a sensor on a serial line asked? One request, one whole frame, or the name of what went wrong."""

from firmware.drivers import DriverError

TIMEOUT_MS = 500
_MOST = 8  # pieces that an answer may come in


async def ask(uart, request: bytes, finder, is_answer) -> bytes:
    """The first frame that ``is_answer``. Raises DriverError: no_answer, bad_checksum."""
    await uart.exchange(request, 0, TIMEOUT_MS)
    said = False
    for _ in range(_MOST):
        octets = await uart.receive(64, TIMEOUT_MS)
        if not octets:
            break
        said = True
        for frame in finder.feed(octets):
            if is_answer(frame):
                return frame
    raise DriverError("bad_checksum" if said else "no_answer")
