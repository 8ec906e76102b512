"""How is one M-Bus meter read over an open line, and how does it change its speed?"""

import asyncio

from edge.errors import DeviceError
from edge.line import Line
from edge.mbus import frame
from edge.mbus.address import SecondaryAddress
from edge.mbus.frame import SND_NKE, SND_UD, Frame
from edge.mbus.session import BAUD_RATES, Readout
from edge.mbus.telegram import Telegram

_ANSWER_BITS = 330  # EN 13757-2 5.7.1: a meter answers within 330 bit times + 50 ms
_CHARACTERS_BEFORE_ANSWER = _ANSWER_BITS // 11
_REST = 3  # characters of silence between an answer and the next request (EN 13757-2 5.5: at least 11 bit times)
# s: the 50 ms, and what an operating system and a network add; a meter that has answered once is worth waiting for.
SLACK, DATA_SLACK = 0.35, 1.0


class Ear:
    """Tells a level converter's echo of the request from the answer behind it."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.has_heard = False  # somebody said something, an answer or noise

    def size_of(self, octets: bytes) -> int:
        """As ``frame.size_of``, of the echo and the answer together."""
        echo = self._echo(octets)
        if octets[echo:]:
            self.has_heard = True
            size = frame.size_of(octets[echo:])
            return echo + size if size else 0
        return 0

    def answer_in(self, octets: bytes) -> bytes:
        """What came behind the echo."""
        return octets[self._echo(octets) :]

    def _echo(self, octets: bytes) -> int:
        """Bytes of the echo here; requests and answers never begin alike for as long as a request is."""
        if octets.startswith(self._request):
            return len(self._request)
        return len(octets) if self._request.startswith(octets) else 0


async def ask(line: Line, request: bytes, longest_answer: int, slack: float, ear: Ear | None = None) -> bytes:
    """One whole answer to one request, without an echo; DeviceError and LineError as ``Line.exchange``."""
    heard = ear or Ear(request)
    await asyncio.sleep(line.seconds(_REST))
    characters = len(request) + _CHARACTERS_BEFORE_ANSWER + longest_answer
    return heard.answer_in(await line.exchange(request, line.seconds(characters) + slack, heard.size_of))


async def read(line: Line, meter: int | SecondaryAddress) -> list[Telegram]:
    """Every telegram of one readout; DeviceError after two repetitions without a valid answer, LineError at once."""
    readout = Readout(meter)
    while not readout.is_done:
        try:
            slack = DATA_SLACK if readout.is_linked else SLACK
            readout.received(await ask(line, readout.request, readout.longest_answer, slack))
        except DeviceError as error:
            readout.failed(str(error))
    return readout.telegrams


async def change_speed(line: Line, primary_address: int, baud: int) -> None:
    """Tell a meter to speak at another of the standard's speeds, and the line with it.

    DeviceError when the meter does not agree or is not heard at the new speed: then the line is at the old one.
    """
    ci = next((ci for ci, rate in BAUD_RATES.items() if rate == baud), None)
    if ci is None:
        raise DeviceError(f"{baud} baud is none of {' '.join(map(str, BAUD_RATES.values()))}")
    before = line.baud
    await _acknowledged(line, frame.encode(Frame(SND_UD, primary_address, ci)))
    line.change_speed(baud)
    try:
        await _acknowledged(line, frame.encode(Frame(SND_NKE, primary_address)))
    except DeviceError:
        line.change_speed(before)
        raise


async def _acknowledged(line: Line, request: bytes) -> None:
    answer = await ask(line, request, len(frame.ACK), SLACK)
    if answer != frame.ACK:
        raise DeviceError(f"answered by {answer[:8].hex(' ')}, expected e5")
