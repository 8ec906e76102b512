"""Virtual radio: meters that send by themselves, heard by a virtual dongle on a pty or a TCP port, with a truth file.

The records advance; a meter with a key sends in security mode 5. Frames are made by the codec that reads them, whose
public telegrams stand in edge/tests/frames/wmbus.jsonl.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.mbus.value import encode_number
from edge.wmbus import frame, security
from edge.wmbus.frame import SND_NR, Frame
from hil_tests.instruments.moving import truth_number
from hil_tests.instruments.truth import TruthFile

_VOLUME = bytes.fromhex("0413")  # 32 bits, 10^-3 m3
_BINARY_32 = 0x4


@dataclass
class RadioWaterMeter:
    """One water meter; ``litres`` advances with every telegram."""

    thing: str
    identification: str
    key: bytes | None = None
    litres: int = 1000
    access_number: int = 0

    def telegram(self) -> tuple[bytes, dict[str, object]]:
        """The next link frame without CRCs, and the values it gives."""
        self.litres += 7
        self.access_number = (self.access_number + 1) % 256
        address = frame.address("SEN", self.identification, 0x68, 0x07)
        records = _VOLUME + encode_number(_BINARY_32, self.litres)
        head = bytes((0x7A, self.access_number, 0x00))
        if self.key is None:
            payload = head + b"\x00\x00" + records
        else:
            plain = security.CHECK + records
            plain += b"\x2f" * (-len(plain) % security.BLOCK)
            payload = head + b"\x10\x05" + security.hide_mode5(self.key, address, self.access_number, plain)
        values = {"water_volume": truth_number(self.litres, -3), "status_code": "ok", "meter_status": 0}
        return frame.encode(Frame(SND_NR, address, payload)), values


class VirtualDongle:
    """Listens on a TCP port of the loopback, as a dongle behind a serial server does."""

    def __init__(self, meters: Sequence[RadioWaterMeter], encode: Callable[[bytes], bytes], truth: TruthFile) -> None:
        self.port = ""
        self._meters = meters
        self._encode = encode
        self._truth = truth
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = f"tcp:127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def send_round(self, *, repeated: bool = False) -> None:
        """Every meter sends once; ``repeated``: a repeater says each telegram again."""
        for meter in self._meters:
            octets, values = meter.telegram()
            self._truth.gave(meter.thing, values)
            for _ in range(2 if repeated else 1):
                for writer in self._writers:
                    writer.write(b"\x00noise\r\n" + self._encode(octets))
                    await writer.drain()
            await asyncio.sleep(0.02)

    @property
    def listeners(self) -> int:
        return len(self._writers)

    async def stop(self) -> None:
        for writer in self._writers:
            writer.close()
        if self._server is not None:
            self._server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        await reader.read()
        self._writers.discard(writer)


async def until(is_true: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for it; TimeoutError when it never comes."""
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            raise TimeoutError
        await asyncio.sleep(0.05)
