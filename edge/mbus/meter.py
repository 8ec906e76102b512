"""How is one M-Bus meter read over an open line?"""

from edge.errors import DeviceError
from edge.line import Line
from edge.mbus import frame
from edge.mbus.session import Readout
from edge.mbus.telegram import Telegram

_ANSWER_BITS = 330  # EN 13757-2 5.7.1: a meter answers within 330 bit times + 50 ms
_CHARACTERS_BEFORE_ANSWER = _ANSWER_BITS // 11
# s: the 50 ms, and what an operating system and a network add; a meter that has answered once is worth waiting for.
_SLACK, _DATA_SLACK = 0.35, 1.0


async def read(line: Line, primary_address: int) -> list[Telegram]:
    """Every telegram of one readout; DeviceError after two repetitions without a valid answer, LineError at once."""
    readout = Readout(primary_address)
    while not readout.is_done:
        request = readout.request
        characters = len(request) + _CHARACTERS_BEFORE_ANSWER + readout.longest_answer
        try:
            slack = _DATA_SLACK if readout.is_linked else _SLACK
            readout.received(await line.exchange(request, line.seconds(characters) + slack, frame.size_of))
        except DeviceError as error:
            readout.failed(str(error))
    return readout.telegrams
