"""A flash in memory whose power fails when it is told to, with a real LittleFS on it (MicroPython only)."""

import gc

import vfs  # MicroPython's

BLOCK = 4096
ROOT = "/flash"


class Flash:
    """Dies at operation ``cut``: then nothing is written (or half, when ``torn``) and everything fails."""

    def __init__(self, image: bytearray, cut: int = 0, torn: bool = False) -> None:
        self.image = image
        self.operations = 0
        self.erases = [0] * (len(image) // BLOCK)  # of each block
        self.written = 0  # bytes
        self._cut = cut
        self._torn = torn
        self._dead = False

    def must_be_alive(self) -> None:
        """For work that bears a failing write: without power, nothing goes on."""
        if self._dead:
            raise OSError(5)

    def readblocks(self, number: int, buffer: bytearray, offset: int = 0) -> int:
        start = number * BLOCK + offset
        buffer[:] = memoryview(self.image)[start : start + len(buffer)]
        return -5 if self._dead else 0

    def _dies(self) -> bool:
        self.operations += 1
        self._dead = self._dead or self.operations == self._cut
        return self._dead

    def writeblocks(self, number: int, buffer: bytes, offset: int = 0) -> int:
        alive, dies = not self._dead, self._dies()
        size = len(buffer) if not dies else len(buffer) // 2 if self._torn and alive else 0
        start = number * BLOCK + offset
        self.image[start : start + size] = buffer[:size]
        self.written += size
        return -5 if dies else 0

    def ioctl(self, operation: int, argument: int) -> int:
        if operation == 4:
            return len(self.image) // BLOCK
        if operation == 5:
            return BLOCK
        if operation == 6:
            if self._dies():
                return -5
            self.image[argument * BLOCK : (argument + 1) * BLOCK] = b"\xff" * BLOCK
            self.erases[argument] += 1
        return 0


def formatted(blocks: int) -> bytearray:
    """The image of an empty file system."""
    gc.collect()
    flash = Flash(bytearray(BLOCK * blocks))
    for number in range(blocks):
        flash.image[number * BLOCK : (number + 1) * BLOCK] = b"\xff" * BLOCK
    vfs.VfsLfs2.mkfs(flash, readsize=32, progsize=32, lookahead=32)
    return flash.image


def mounted(flash: Flash) -> None:
    vfs.mount(vfs.VfsLfs2(flash, readsize=32, progsize=32, lookahead=32), ROOT)


def unmounted() -> None:
    gc.collect()  # a file that died while it was open is finalised while its file system still exists
    try:
        vfs.umount(ROOT)
    except OSError:
        return  # it was never mounted, or it died


def cut_everywhere(empty: bytearray, work, judge, torn: bool, cuts=None) -> tuple:
    """Let the power fail at every operation of ``work(log, flash)``; return (operations, what ``judge`` complains of).

    ``log`` is a dict for what the work was promised before the cut; ``judge(log)`` runs with the file system mounted
    again, and returns complaints. ``cuts`` may name fewer of the operations.
    """
    whole = Flash(bytearray(empty))
    mounted(whole)
    work({}, whole)
    unmounted()
    complaints = []
    for cut in cuts or range(1, whole.operations + 1):
        flash, log = Flash(bytearray(empty), cut, torn), {}
        try:
            mounted(flash)
            work(log, flash)
        except OSError:
            pass  # the power is gone
        unmounted()
        mounted(Flash(flash.image))
        complaints += ["cut " + str(cut) + ": " + one for one in judge(log)]
        unmounted()
    return whole.operations, complaints
