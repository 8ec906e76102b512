"""How does a new interpreter get onto the chip? Into the other application partition, which then boots on trial.

For boards whose partition table has two (``ota_0``, ``ota_1``); the partitions are ``esp32.Partition``, handed in. The
bootloader of ESP-IDF, as MicroPython builds it, goes back by itself when the new image was started and never called
valid. What runs is not touched. (Tried with simulated partitions only: no silicon has run this.)

    interpreter = Interpreter(Partition(Partition.RUNNING))
    interpreter.begin(size)
    await fetch(url, context, size, interpreter.take)
    await interpreter.finish(sha256)    # then restart; call ``confirm`` when a receipt has come back
"""

import asyncio
import binascii
import hashlib

_MAGIC = 0xE9  # ESP-IDF, esp_image_header_t: the first byte of every application image
_BLOCKS, _BLOCK_SIZE = 4, 5  # what ``ioctl`` is asked for


class PartitionError(Exception):
    """This image does not get onto this chip; the text says why."""


class Interpreter:
    """``running`` is the partition that the chip has started from."""

    def __init__(self, running) -> None:
        self._running = running
        self._target = None
        self._size = self._written = self._filled = 0
        self._buffer = bytearray(0)

    def begin(self, size: int) -> None:
        """Make ready for an image of ``size`` bytes. Raises PartitionError."""
        try:
            target = self._running.get_next_update()
        except OSError:
            raise PartitionError("the partition table has no place for a second interpreter") from None
        if target.info() == self._running.info():
            raise PartitionError("the partition table has no place for a second interpreter")
        block = target.ioctl(_BLOCK_SIZE, 0)
        room = target.ioctl(_BLOCKS, 0) * block
        if not 0 < size <= room:
            raise PartitionError("the image has " + str(size) + " bytes, at most " + str(room) + " fit")
        self._target, self._size = target, size
        self._written = self._filled = 0
        self._buffer = bytearray(block)

    def take(self, octets) -> None:
        """The next bytes of the image. Raises PartitionError.

        A full block is erased and written at once: on the chip nothing else runs for the 50 ms or so that this takes.
        """
        if self._target is None:
            raise PartitionError("not begun")
        if not self._written and not self._filled and len(octets) and octets[0] != _MAGIC:
            raise PartitionError("no image of an application")
        if self._written + self._filled + len(octets) > self._size:
            raise PartitionError("the image is longer than " + str(self._size) + " bytes")
        taken, block = 0, len(self._buffer)
        while taken < len(octets):
            part = min(len(octets) - taken, block - self._filled)
            self._buffer[self._filled : self._filled + part] = octets[taken : taken + part]
            self._filled += part
            taken += part
            if self._filled == block:
                self._flush(self._target)

    async def finish(self, sha256: str) -> None:
        """Read it back; if it is the image of this hash, the chip starts it next. Raises PartitionError."""
        if self._target is None:
            raise PartitionError("not begun")
        if self._written + self._filled != self._size:
            missing = self._size - self._written - self._filled
            raise PartitionError("truncated: " + str(missing) + " bytes are missing")
        if self._filled:
            self._flush(self._target)
        if await self._digest(self._target) != sha256:
            raise PartitionError("what was read back has another SHA-256")
        try:
            self._target.set_boot()  # the chip checks the image's own checksums here
        except OSError as error:
            raise PartitionError("not a bootable image: " + str(error)) from None
        self._target = None

    def confirm(self) -> None:
        """A receipt has come back: the interpreter that runs stays."""
        self._running.mark_app_valid_cancel_rollback()

    def _flush(self, target) -> None:
        block = len(self._buffer)
        self._buffer[self._filled :] = b"\xff" * (block - self._filled)
        try:
            target.writeblocks(self._written // block, self._buffer)  # without an offset: erases first
        except OSError as error:
            raise PartitionError("flash: " + str(error)) from None
        self._written += self._filled
        self._filled = 0

    async def _digest(self, target) -> str:
        found, block = hashlib.sha256(), len(self._buffer)
        view = memoryview(self._buffer)
        for number in range((self._size + block - 1) // block):
            target.readblocks(number, self._buffer)
            found.update(view[: min(block, self._size - number * block)])
            await asyncio.sleep(0)
        return str(binascii.hexlify(found.digest()), "ascii")
