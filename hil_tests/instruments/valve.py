"""A valve that is moved over Modbus TCP, and can do something to whoever moves it before it answers."""

import asyncio
import struct
from collections.abc import Callable


class Valve:
    """Modbus TCP: holding register 0 moves it, input register 0 says where it is; ``before_answer`` may kill."""

    def __init__(self) -> None:
        self.position = 100
        self.port = 0
        self.writes: list[int] = []
        self.before_answer: Callable[[], None] = lambda: None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = await reader.readexactly(12)
                function, _, value = struct.unpack(">BHH", request[7:])
                pdu = request[7:] if function == 6 else struct.pack(">BBH", function, 2, self.position)
                if function == 6:
                    self.position = value
                    self.writes.append(value)
                    self.before_answer()
                writer.write(request[:4] + struct.pack(">H", len(pdu) + 1) + request[6:7] + pdu)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
