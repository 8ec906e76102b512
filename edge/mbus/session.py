"""Which M-Bus frame comes next, on either side of the line (EN 13757-2 5.5 to 5.7)? No I/O and no clock."""

from collections.abc import Sequence

from edge.errors import DeviceError
from edge.mbus import frame, telegram
from edge.mbus.frame import FCB, REQ_UD2, SND_NKE, Frame
from edge.mbus.telegram import Telegram

RETRIES = 2  # EN 13757-2 5.7.2: a request is repeated at most twice
MOST_TELEGRAMS = 16  # a meter that never ends its chain is broken


class Readout:
    """Reads all telegrams of one meter: ask for ``request``, then say what came by ``received`` or ``failed``."""

    def __init__(self, primary_address: int) -> None:
        self._primary_address = primary_address
        self.is_linked = False  # SND_NKE answered: the meter's FCB is reset
        self._fcb = FCB  # the first REQ_UD2 after SND_NKE carries FCB = 1
        self._failures = 0
        self.telegrams: list[Telegram] = []
        self.is_done = False

    @property
    def request(self) -> bytes:
        """The frame to send now."""
        control = REQ_UD2 | self._fcb if self.is_linked else SND_NKE
        return frame.encode(Frame(control, self._primary_address))

    @property
    def longest_answer(self) -> int:
        """Bytes that the answer to ``request`` takes at most."""
        return frame.LONGEST if self.is_linked else len(frame.ACK)

    def received(self, octets: bytes) -> None:
        """Take one whole frame; DeviceError when it is no valid answer (then say ``failed``)."""
        if not self.is_linked:
            if octets != frame.ACK:
                raise DeviceError(f"SND_NKE answered by {octets[:8].hex(' ')}, expected e5")
            self.is_linked = True
        else:
            answer = frame.decode(octets)
            if self._primary_address < 253 and answer.primary_address != self._primary_address:
                raise DeviceError(f"answer of address {answer.primary_address}, asked {self._primary_address}")
            self.telegrams.append(telegram.decode(answer))
            self._fcb ^= FCB  # 5.5: toggles only after a valid answer
            self.is_done = not self.telegrams[-1].more_follows
            if not self.is_done and len(self.telegrams) >= MOST_TELEGRAMS:
                self._failures = RETRIES  # asking again would not end it
                raise DeviceError(f"more than {MOST_TELEGRAMS} telegrams in one readout")
        self._failures = 0

    def failed(self, reason: str) -> None:
        """No valid answer came: ``request`` is to be repeated; DeviceError with the reason when it was often enough."""
        self._failures += 1
        if self._failures > RETRIES:
            raise DeviceError(reason)


class Answers:
    """The meter's side: answers requests to one primary address from the telegrams it is given."""

    def __init__(self, primary_address: int) -> None:
        self._primary_address = primary_address
        self._last_fcb: int | None = None
        self._position = 0

    def answer(self, request: bytes, telegrams: Sequence[bytes]) -> bytes:
        """The frame to send, one of ``telegrams`` (whole RSP_UD frames) or an acknowledgement; empty when silent."""
        asked = frame.decode(request)
        if asked.primary_address not in (self._primary_address, 254):
            return b""
        if asked.control == SND_NKE:
            self._last_fcb, self._position = None, 0
            return frame.ACK
        if asked.control & ~FCB != REQ_UD2:
            return b""
        fcb = asked.control & FCB
        if self._last_fcb is not None and fcb != self._last_fcb:
            self._position = (self._position + 1) % len(telegrams)
        self._last_fcb = fcb
        return telegrams[self._position]
