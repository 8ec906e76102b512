"""Which M-Bus frame comes next, on either side of the line (EN 13757-2 5.5 to 5.7)? No I/O and no clock."""

from collections.abc import Sequence

from edge.errors import DeviceError
from edge.mbus import address, frame, telegram
from edge.mbus.address import SELECTED, SecondaryAddress
from edge.mbus.frame import FCB, REQ_UD2, SND_NKE, SND_UD, Frame
from edge.mbus.telegram import Telegram

RETRIES = 2  # EN 13757-2 5.7.2: a request is repeated at most twice
MOST_TELEGRAMS = 16  # a meter that never ends its chain is broken
TEST = 254  # the primary address that every meter answers
BAUD_RATES = {0xB8: 300, 0xB9: 600, 0xBA: 1200, 0xBB: 2400, 0xBC: 4800, 0xBD: 9600, 0xBE: 19200, 0xBF: 38400}  # by CI


class Readout:
    """Reads all telegrams of one meter: ask for ``request``, then say what came by ``received`` or ``failed``."""

    def __init__(self, meter: int | SecondaryAddress) -> None:
        self._meter = meter
        self._primary_address = SELECTED if isinstance(meter, SecondaryAddress) else meter
        self.is_linked = False  # SND_NKE or the selection answered: the meter's FCB is reset
        self._fcb = FCB  # the first REQ_UD2 after either carries FCB = 1
        self._failures = 0
        self.telegrams: list[Telegram] = []
        self.is_done = False

    @property
    def request(self) -> bytes:
        """The frame to send now."""
        if self.is_linked:
            return frame.encode(Frame(REQ_UD2 | self._fcb, self._primary_address))
        if isinstance(self._meter, SecondaryAddress):
            return frame.encode(self._meter.selection)
        return frame.encode(Frame(SND_NKE, self._primary_address))

    @property
    def longest_answer(self) -> int:
        """Bytes that the answer to ``request`` takes at most."""
        return frame.LONGEST if self.is_linked else len(frame.ACK)

    def received(self, octets: bytes) -> None:
        """Take one whole frame; DeviceError when it is no valid answer (then say ``failed``)."""
        if not self.is_linked:
            if octets != frame.ACK:
                asked = "the selection" if isinstance(self._meter, SecondaryAddress) else "SND_NKE"
                raise DeviceError(f"{asked} answered by {octets[:8].hex(' ')}, expected e5")
            self.is_linked = True
        else:
            self._take(frame.decode(octets))
        self._failures = 0

    def _take(self, answer: Frame) -> None:
        if self._primary_address < SELECTED and answer.primary_address != self._primary_address:
            raise DeviceError(f"answer of address {answer.primary_address}, asked {self._primary_address}")
        said = telegram.decode(answer)
        sender = address.of_telegram(said)
        if isinstance(self._meter, SecondaryAddress) and sender is not None and not self._meter.fits(sender):
            raise DeviceError(f"answer of {sender}, asked {self._meter}")
        self.telegrams.append(said)
        self._fcb ^= FCB  # 5.5: toggles only after a valid answer
        self.is_done = not said.more_follows
        if not self.is_done and len(self.telegrams) >= MOST_TELEGRAMS:
            self._failures = RETRIES  # asking again would not end it
            raise DeviceError(f"more than {MOST_TELEGRAMS} telegrams in one readout")

    def failed(self, reason: str) -> None:
        """No valid answer came: ``request`` is to be repeated; DeviceError with the reason when it was often enough."""
        self._failures += 1
        if self._failures > RETRIES:
            raise DeviceError(reason)


class Answers:
    """The meter's side: answers requests to its addresses from the telegrams it is given."""

    def __init__(self, primary_address: int, secondary_address: SecondaryAddress | None = None, baud: int = 0) -> None:
        self._primary_address = primary_address
        self._secondary_address = secondary_address
        self._is_selected = False
        self.baud = baud  # what it was last told to speak
        self._last_fcb: int | None = None
        self._position = 0

    def answer(self, request: bytes, telegrams: Sequence[bytes]) -> bytes:
        """The frame to send, one of ``telegrams`` (whole RSP_UD frames) or an acknowledgement; empty when silent.

        DeviceError for a request that is no frame: a meter is silent then.
        """
        asked = frame.decode(request)
        if asked.ci in (address.SELECT, address.SELECT_REVERSED) and asked.primary_address == SELECTED:
            return self._selected(asked)
        if not self._is_meant(asked.primary_address):
            return b""
        if asked.control == SND_NKE:
            self._forget()
            self._is_selected = self._is_selected and asked.primary_address != SELECTED
            return frame.ACK
        if asked.control & ~FCB == SND_UD and asked.ci in BAUD_RATES:
            self.baud = BAUD_RATES[asked.ci]
            return frame.ACK
        return self._data(asked.control & FCB, telegrams) if asked.control & ~FCB == REQ_UD2 else b""

    def _is_meant(self, primary_address: int) -> bool:
        if primary_address == SELECTED:
            return self._is_selected
        return primary_address in (self._primary_address, TEST)

    def _selected(self, asked: Frame) -> bytes:
        try:
            wanted = address.of_selection(asked.payload, is_reversed=asked.ci == address.SELECT_REVERSED)
        except ValueError as error:
            raise DeviceError(str(error)) from error
        self._is_selected = self._secondary_address is not None and wanted.fits(self._secondary_address)
        self._forget()
        return frame.ACK if self._is_selected else b""

    def _forget(self) -> None:
        self._last_fcb, self._position = None, 0

    def _data(self, fcb: int, telegrams: Sequence[bytes]) -> bytes:
        if self._last_fcb is not None and fcb != self._last_fcb:
            self._position = (self._position + 1) % len(telegrams)
        self._last_fcb = fcb
        return telegrams[self._position]
