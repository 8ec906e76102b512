"""Which meters are on a line? Found by their secondary addresses, wildcards narrowed where answers collide."""

from collections.abc import Callable
from typing import NamedTuple

from edge.errors import DeviceError
from edge.line import Line
from edge.mbus import address, frame
from edge.mbus.address import ANY, SecondaryAddress
from edge.mbus.meter import DATA_SLACK, SLACK, Ear, ask
from edge.mbus.session import Readout
from edge.mbus.telegram import Telegram

_PATIENCE = 4  # times more attempts when only meters of one number are left, and noise is likelier than a collision
ATTEMPTS = 2  # times that nobody answers before a branch is empty; a noisy line needs more


class Found(NamedTuple):
    """One meter, and the first telegram it sent."""

    address: SecondaryAddress
    telegram: Telegram


class Findings(NamedTuple):
    """All meters that answered alone, and where several could not be told apart."""

    meters: tuple[Found, ...]
    collisions: tuple[SecondaryAddress, ...]


class _Heard(NamedTuple):
    meter: Found | None  # None: several at once, or noise


async def search(
    line: Line,
    within: SecondaryAddress = ANY,
    attempts: int = ATTEMPTS,
    probed: Callable[[SecondaryAddress, int], None] = lambda _mask, _count: None,
) -> Findings:
    """Every meter that ``within`` fits; LineError when the line is lost.

    ``probed`` is told each mask before it is tried, and how many meters are found by then. A digit F in a meter's own
    number can't be selected: such a meter is found only where it answers alone.
    """
    found: dict[SecondaryAddress, Found] = {}
    collisions = []
    masks = [within]
    while masks:
        mask = masks.pop()
        probed(mask, len(found))
        is_whole = "f" not in mask.identification
        heard = await _probe(line, mask, attempts * (_PATIENCE if is_whole else 1))
        if heard is None:
            continue
        if heard.meter is not None:
            found[heard.meter.address] = heard.meter
            continue
        narrower = list(mask.narrower())
        masks.extend(reversed(narrower))
        if not narrower:
            collisions.append(mask)
    return Findings(tuple(found.values()), tuple(collisions))


async def _probe(line: Line, mask: SecondaryAddress, attempts: int) -> _Heard | None:
    """Whoever this mask selects; None when nobody said anything at any attempt."""
    has_heard = False
    for _ in range(attempts):
        readout = Readout(mask)
        select = Ear(readout.request)
        try:
            readout.received(await ask(line, readout.request, len(frame.ACK), SLACK, select))
            has_heard = True
            telegram = await _first_telegram(line, readout)
        except DeviceError:
            has_heard = has_heard or select.has_heard
            continue
        sender = address.of_telegram(telegram)
        if sender is not None:
            return _Heard(Found(sender, telegram))
    return _Heard(None) if has_heard else None


async def _first_telegram(line: Line, readout: Readout) -> Telegram:
    while not readout.telegrams:
        try:
            readout.received(await ask(line, readout.request, frame.LONGEST, DATA_SLACK))
        except DeviceError as error:
            readout.failed(str(error))
    return readout.telegrams[0]
