"""When does a board run its loader, and when its application? One port, one flash, and who listens.

RTS and DTR decide, as on a real adapter. A pty has neither: there the SYNC of esptool puts the board into download
mode, and closing the port starts its application.
"""

import contextlib
import sys
import time

from hil_tests.instruments.esp32 import loader_codec, partitions
from hil_tests.instruments.esp32.flash import Flash
from hil_tests.instruments.esp32.interpreter import Interpreter
from hil_tests.instruments.esp32.loader import Loader, RestartError, UnpluggedError
from hil_tests.instruments.esp32.loader_codec import Op
from hil_tests.instruments.esp32.port import Event, Line, Port
from hil_tests.instruments.esp32.slip import Frames, framed

_SYNC = framed(loader_codec.request(Op.SYNC, loader_codec.SYNC_BODY))
_RESET = b"ets Jul 29 2019 12:21:46\r\n\r\nrst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"
_NO_IMAGE = b"flash read err, 1000\r\nets_main.c 371 \r\n"
_BOOTLOADER, _IMAGE_MAGIC = 0x1000, b"\xe9"
_PROMPT, _RAW = b">>> ", b"raw REPL; CTRL-B to exit\r\n"
_TO_RAW, _INTERRUPT, _READY = b"\x01", b"\x03", b"\0"
_INSISTENCES = 3
_PATIENCE = 1.0  # s after an interrupt that what follows it waits for a prompt
_DOWNLOAD = b"rst:0x1 (POWERON_RESET),boot:0x3 (DOWNLOAD_BOOT(UART0/UART1/SDIO_REI_REO_V2))\r\nwaiting for download\r\n"


class Board:
    """Runs until it is unplugged."""

    def __init__(self, flash: Flash, loader: Loader, port: Port, heap: str) -> None:
        self._flash = flash
        self._loader = loader
        self._heap = heap
        self._port = port
        self._frames: Frames | None = None  # in download mode
        self._interpreter: Interpreter | None = None
        self._tail = b""  # the newest of what came or left, for what lies across two reads
        self._is_raw = False
        self._held: bytes | None = None  # output of a soft reset that returns to the raw REPL
        self._is_ready = False
        self._is_prompted = False
        # Input that waits: the interpreter throws away what came between an interrupt and its next prompt.
        self._waiting = b""
        self._released_at: float | None = None
        self._insistences = 0

    def run(self) -> None:
        self._start_application()
        try:
            while True:
                self._turn()
        except UnpluggedError:
            print("unplugged", flush=True)
        finally:
            self._stop_application()
            self._port.close()

    def _turn(self) -> None:
        inside = self._interpreter.descriptor if self._interpreter else None
        events, speaks = self._port.wait(inside, 0.1 if self._released_at else 1.0)
        if self._released_at is not None and time.monotonic() > self._released_at:
            self._insist()
        for event in events:
            self._happened(event)
        if speaks and self._interpreter and self._interpreter.descriptor == inside:
            self._said(self._interpreter.read())

    def _happened(self, event: Event) -> None:
        if isinstance(event, bytes):
            self._heard(event)
        elif event is Line.HELD:
            self._stop_application()
            self._frames = None
        elif event is Line.DOWNLOAD:
            self._send(_DOWNLOAD)
            self._start_loader()
        elif event is Line.RUN or self._frames is not None:
            self._start_application()

    # ---- from the port

    def _heard(self, octets: bytes) -> None:
        if self._frames is not None:
            self._load(octets)
            return
        heard = self._tail_of_input(octets)
        at = -1 if self._port.has_lines else heard.find(_SYNC)
        if at >= 0:
            self._stop_application()
            self._start_loader()
            self._load(heard[at:])
        elif self._interpreter is not None:
            self._waiting += octets
            self._hand_on()

    def _hand_on(self) -> None:
        """What may go to the interpreter now."""
        if self._interpreter is None or not self._is_ready or self._released_at is not None:
            return
        before, interrupt, after = self._waiting.partition(_INTERRUPT)
        self._interpreter.write(before + interrupt)
        self._waiting = after
        if interrupt and not self._is_prompted:
            self._released_at, self._insistences = time.monotonic() + _PATIENCE, _INSISTENCES
        elif interrupt:
            self._hand_on()

    def _insist(self) -> None:
        """An interrupt brought no prompt: the thread of a simulated watchdog, which no chip has, may have taken it."""
        self._released_at = None
        if self._insistences and self._interpreter is not None:
            self._insistences -= 1
            self._interpreter.write(_INTERRUPT)
            self._released_at = time.monotonic() + _PATIENCE
        else:
            self._hand_on()

    def _start_loader(self) -> None:
        self._loader.reset()
        self._frames = Frames()

    def _tail_of_input(self, octets: bytes) -> bytes:
        heard = self._tail + octets
        self._tail = heard[-len(_SYNC) + 1 :]
        return heard

    def _load(self, octets: bytes) -> None:
        if self._frames is None:
            return
        for packet in self._frames.feed(octets):
            try:
                for answer in self._loader.answers(packet):
                    self._send(framed(answer))
            except RestartError:
                self._start_application()
                return

    def _send(self, octets: bytes) -> None:
        self._port.write(octets)

    # ---- from the application

    def _start_application(self) -> None:
        self._stop_application()
        self._frames = None
        self._is_raw, self._tail = False, b""
        self._send(_RESET)
        place = partitions.file_system(self._flash)
        if place is None or self._flash.read(_BOOTLOADER, 1) != _IMAGE_MAGIC:
            self._send(_NO_IMAGE)
        else:
            self._spawn(place, runs_main=True)

    def _spawn(self, place: tuple[int, int], *, runs_main: bool) -> None:
        self._interpreter = Interpreter(self._flash.path, place, self._heap, runs_main=runs_main)
        self._is_ready, self._is_prompted, self._released_at = False, False, None

    def _stop_application(self) -> None:
        if self._interpreter is not None:
            self._interpreter.kill()
        self._interpreter = None
        self._held, self._waiting = None, b""

    def _said(self, octets: bytes) -> None:
        if not octets:
            self._ended()
            return
        if not self._is_ready:
            _, ready, octets = octets.partition(_READY)
            self._is_ready = bool(ready)
        sys.stdout.buffer.write(octets)
        sys.stdout.flush()
        self._is_prompted = octets.endswith((_PROMPT, b">"))
        if self._is_prompted:
            self._released_at = None
        self._hand_on()
        if self._held is not None:
            self._held += octets
            if self._held.endswith(_PROMPT) and self._interpreter is not None:
                self._interpreter.write(_TO_RAW)
            at = self._held.find(_RAW)
            if at < 0:
                return
            banner = self._held.find(b"MicroPython ")
            octets = self._held[: max(banner, 0)] + self._held[at:]
            self._held = None
        if _RAW in octets:
            self._is_raw = True
        elif octets.endswith(_PROMPT):
            self._is_raw = False
        self._send(octets)

    def _ended(self) -> None:
        if self._interpreter is None:
            return
        is_soft = self._interpreter.ended_softly()
        self._interpreter = None
        place = partitions.file_system(self._flash)
        if not is_soft or place is None:
            self._start_application()
            return
        self._send(b"MPY: soft reboot\r\n")
        self._held = b"" if self._is_raw else None
        self._spawn(place, runs_main=not self._is_raw)


def plugged(board: Board) -> None:
    """Run it; a Ctrl-C pulls the cable."""
    with contextlib.suppress(KeyboardInterrupt):
        board.run()
