"""A new interpreter is written beside the one that runs, and starts only when it is whole; else the old one does."""

import asyncio
import binascii
import hashlib

from firmware.partition import Interpreter, PartitionError

BLOCK, BLOCKS = 64, 8


class PowerCutError(Exception):
    """Nothing after this happens."""


class Chip:
    """Two application partitions and what the bootloader knows; dies at flash operation ``cut``, or in the middle.

    As ESP-IDF documents its rollback: a new image boots once; if it is not called valid, the next boot is the old one.
    """

    def __init__(self, cut: int = 0, torn: bool = False) -> None:
        self.flash = {"ota_0": bytearray(image(1)), "ota_1": bytearray(b"\xff" * (BLOCK * BLOCKS))}
        self.chosen, self.before, self.is_pending = "ota_0", None, False
        self.started = "ota_0"
        self.operations = 0
        self._cut = cut
        self._torn = torn

    def writes(self, label: str, start: int, octets: bytes) -> None:
        self.operations += 1
        if self.operations == self._cut:
            half = len(octets) // 2 if self._torn else 0
            self.flash[label][start : start + half] = octets[:half]
            raise PowerCutError
        self.flash[label][start : start + len(octets)] = octets

    def chooses(self, label: str) -> None:
        self.operations += 1
        if self.operations == self._cut:
            raise PowerCutError  # otadata has two sectors with a CRC each: half a write is none
        if self.flash[label][0] != 0xE9:
            raise OSError(-0x1503)
        self.before, self.chosen, self.is_pending = self.started, label, None

    def boot(self) -> bytes:
        """Switch on; the image that starts."""
        if self.is_pending:
            self.chosen, self.is_pending = self.before, False
        elif self.is_pending is None:
            self.is_pending = True
        self.started = self.chosen
        return bytes(self.flash[self.started])

    def running(self, tables: int = 2):
        return Partition(self, self.started, tables)


class Partition:
    """What ``esp32.Partition`` offers of one of them."""

    def __init__(self, chip: Chip, label: str, count: int = 2) -> None:
        self._chip = chip
        self._label = label
        self._count = count

    def get_next_update(self):
        if self._count == 1:
            raise OSError(2)
        return Partition(self._chip, "ota_1" if self._label == "ota_0" else "ota_0")

    def info(self) -> tuple:
        return 0, 16 + int(self._label[-1]), 0x10000, BLOCK * BLOCKS, self._label, False

    def ioctl(self, operation: int, _argument: int) -> int:
        return {4: BLOCKS, 5: BLOCK}[operation]

    def readblocks(self, number: int, buffer: bytearray) -> None:
        buffer[:] = self._chip.flash[self._label][number * BLOCK : number * BLOCK + len(buffer)]

    def writeblocks(self, number: int, octets: bytes) -> None:
        self._chip.writes(self._label, number * BLOCK, b"\xff" * BLOCK)
        self._chip.writes(self._label, number * BLOCK, bytes(octets))

    def set_boot(self) -> None:
        self._chip.chooses(self._label)

    def mark_app_valid_cancel_rollback(self) -> None:
        self._chip.is_pending = False


def image(number: int, size: int = BLOCK * BLOCKS) -> bytes:
    return b"\xe9" + bytes([(number * 37 + place) % 251 for place in range(size - 1)])


def digest(octets: bytes) -> str:
    return str(binascii.hexlify(hashlib.sha256(octets).digest()), "ascii")


def install(chip: Chip, octets: bytes, piece: int = 50, sha256: str = "", size: int = 0) -> Interpreter:
    interpreter = Interpreter(chip.running())
    interpreter.begin(size or len(octets))
    for start in range(0, len(octets), piece):
        interpreter.take(memoryview(octets)[start : start + piece])
    asyncio.run(interpreter.finish(sha256 or digest(octets)))
    return interpreter


def refusal(chip: Chip, octets: bytes, **changes) -> str:
    try:
        install(chip, octets, **changes)
    except PartitionError as error:
        return str(error)
    raise AssertionError("installed")


def test_a_new_interpreter_starts_and_stays_when_it_is_confirmed():
    for size in (BLOCK * BLOCKS, BLOCK * 3, BLOCK * 3 + 1, 5):
        for piece in (1, 50, BLOCK, 1000):
            chip = Chip()
            install(chip, image(2, size), piece)
            assert chip.boot()[:size] == image(2, size)
            Interpreter(chip.running()).confirm()
            assert chip.boot()[:size] == image(2, size)
            assert bytes(chip.flash["ota_0"]) == image(1)


def test_one_that_is_never_confirmed_goes_back_by_itself():
    chip = Chip()
    install(chip, image(2))
    assert chip.boot() == image(2)
    assert chip.boot() == image(1)
    install(chip, image(3))
    assert chip.boot() == image(3)


def test_power_that_fails_at_any_write_leaves_a_whole_interpreter_that_can_be_updated():
    whole = Chip()
    install(whole, image(2))
    assert whole.operations == BLOCKS * 2 + 1
    for torn in (False, True):
        for cut in range(1, whole.operations + 1):
            chip = Chip(cut, torn)
            try:
                install(chip, image(2))
            except PowerCutError:
                pass
            assert chip.boot() == image(1), cut
            install(chip, image(3))
            assert chip.boot() == image(3), cut


def test_one_that_would_boot_before_it_is_whole_is_seen():
    chip = Chip(cut=4)
    chip.flash["ota_1"][0] = 0xE9
    chip.chooses("ota_1")  # the negative control: chosen first, written afterwards
    try:
        install(chip, image(2))
    except PowerCutError:
        pass
    assert chip.boot() not in (image(1), image(2))


def test_what_is_not_the_image_that_was_promised_never_starts():
    chip = Chip()
    good = image(2, 300)
    assert refusal(chip, good, sha256=digest(image(3, 300))) == "what was read back has another SHA-256"
    assert refusal(chip, good, size=301) == "truncated: 1 bytes are missing"
    assert refusal(chip, good, size=299) == "the image is longer than 299 bytes"
    assert refusal(chip, b"\x7fELF" + good) == "no image of an application"
    assert refusal(chip, image(2, BLOCK * BLOCKS + 1)) == "the image has 513 bytes, at most 512 fit"
    assert refusal(chip, b"") == "the image has 0 bytes, at most 512 fit"
    assert chip.boot() == image(1)


def test_a_flash_that_keeps_something_else_is_noticed():
    chip = Chip()

    def writes(label: str, start: int, octets: bytes) -> None:
        chip.flash[label][start : start + len(octets)] = bytes([octet & 0xFE for octet in octets])

    chip.writes = writes
    assert refusal(chip, image(2)) == "what was read back has another SHA-256"


def test_a_table_with_one_partition_has_no_place():
    for partition in (Chip().running(1), Alone(Chip(), "ota_0")):
        try:
            Interpreter(partition).begin(10)
        except PartitionError as error:
            said = str(error)
        assert said == "the partition table has no place for a second interpreter"


class Alone(Partition):
    def get_next_update(self):
        return self


def test_nothing_is_written_before_it_began():
    interpreter = Interpreter(Chip().running())
    for act in (lambda: interpreter.take(b"\xe9"), lambda: asyncio.run(interpreter.finish(""))):
        try:
            act()
        except PartitionError as error:
            said = str(error)
        assert said == "not begun"
