"""An I2C bus whose chips are processes of the bench."""

import binascii

from firmware.hal_sim.peer import Peer

TIMEOUT_MS = 1000


class I2c:
    """Octets travel as hexadecimal text."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    async def exchange(self, address: int, request: bytes, size: int) -> bytes | None:
        """Write, then read ``size`` octets after a repeated start; None when nobody acknowledges."""
        question = {"address": address, "write": str(binascii.hexlify(request), "ascii"), "read": size}
        answer = await self._peer.ask(question, TIMEOUT_MS)
        octets = answer.get("read") if answer else None
        return None if octets is None else binascii.unhexlify(octets)
