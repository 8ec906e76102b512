"""An I2S microphone that is a process of the bench: a stream of its slots, over TCP, as fast as it is read."""

import asyncio


class Microphone:
    """Slots of 32 bits, little endian, the 24 bits of the sample on the left."""

    def __init__(self, where: str) -> None:
        self._host, _, port = where.rpartition(":")
        self._port = int(port)
        self._reader = None
        self.lost = 0  # samples that came faster than they were read: never, over TCP

    async def read_into(self, buffer: bytearray) -> int:
        """Fill the buffer, as far as there is sound; return how many bytes of it are."""
        try:
            if self._reader is None:
                self._reader, _ = await asyncio.open_connection(self._host, self._port)
            got, view = 0, memoryview(buffer)
            while got < len(buffer):
                size = await self._reader.readinto(view[got:])
                if not size:
                    break
                got += size
        except (OSError, EOFError):
            got = 0
        if not got:
            self._reader = None
            await asyncio.sleep_ms(100)
        return got - got % 4
