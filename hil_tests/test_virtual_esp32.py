"""The virtual ESP32 speaks the loader's protocol by the octet, and esptool and mpremote take it for a board."""

import contextlib
import hashlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil_tests.instruments.esp32 import faults, loader_codec, partitions
from hil_tests.instruments.esp32.bench import FILE_SYSTEM, VirtualEsp32, interpreter_image
from hil_tests.instruments.esp32.flash import Flash
from hil_tests.instruments.esp32.loader import Loader, RestartError, UnpluggedError
from hil_tests.instruments.esp32.loader_codec import Op, Request
from hil_tests.instruments.esp32.registers import Registers
from hil_tests.instruments.esp32.slip import Frames, framed
from hil_tests.instruments.mpremote import mpremote
from hil_tests.instruments.process import BenchError, Program, find, free_port, wait_until

MAC = bytes.fromhex("246f28000001")
CHIP_MAGIC_ASKED = bytes.fromhex("000a04000000000000100040")
CHIP_MAGIC_ANSWERED = bytes.fromhex("010a0400831df00000000000")


def loader(folder: Path, *said: str) -> tuple[Loader, Flash]:
    flash = Flash(folder / "flash.bin", 4 << 20)
    return Loader(flash, Registers(MAC, flash.size), [faults.parse(one) for one in said]), flash


def words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(4, "little") for number in numbers)


def written(one: Loader, offset: int, data: bytes) -> list[bytes]:
    """FLASH_BEGIN and one FLASH_DATA."""
    begun = loader_codec.request(Op.FLASH_BEGIN, words(len(data), 1, len(data), offset))
    assert [answer[8:10] for answer in one.answers(begun)] == [b"\0\0"]
    block = words(len(data), 0, 0, 0) + data
    return list(one.answers(loader_codec.request(Op.FLASH_DATA, block, loader_codec.checksum(data))))


def test_a_register_is_asked_for_and_answered_octet_by_octet(tmp_path: Path) -> None:
    assert loader_codec.parse(CHIP_MAGIC_ASKED) == Request(Op.READ_REG, b"\x00\x10\x00\x40")
    assert loader_codec.request(Op.READ_REG, b"\x00\x10\x00\x40") == CHIP_MAGIC_ASKED
    one, _ = loader(tmp_path)
    assert list(one.answers(CHIP_MAGIC_ASKED)) == [CHIP_MAGIC_ANSWERED]


def test_ends_and_escapes_within_a_packet_are_escaped() -> None:
    assert framed(b"\x01\xc0\xdb\x02") == b"\xc0\x01\xdb\xdc\xdb\xdd\x02\xc0"
    assert Frames().feed(b"noise\xc0\x01\xdb\xdc\xdb\xdd\x02\xc0noise") == [b"\x01\xc0\xdb\x02"]


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=5), st.integers(1, 7))
def test_packets_come_out_as_they_went_in_however_they_are_cut(packets: list[bytes], step: int) -> None:
    line = b"".join(framed(packet) for packet in packets)
    frames = Frames()
    assert [one for at in range(0, len(line), step) for one in frames.feed(line[at : at + step])] == packets


def test_a_block_with_a_wrong_checksum_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    one, flash = loader(tmp_path)
    request = loader_codec.request(Op.FLASH_DATA, words(4, 0, 0, 0) + b"data", 0)
    assert [answer[-4:-2] for answer in one.answers(request)] == [bytes([1, loader_codec.INVALID_CHECKSUM])]
    assert flash.read(0, 4) == b"\xff\xff\xff\xff"


def test_what_the_rom_does_not_know_is_refused_and_so_is_half_a_command(tmp_path: Path) -> None:
    one, _ = loader(tmp_path)
    refused = [answer[-4:-2] for answer in one.answers(loader_codec.request(Op.GET_SECURITY_INFO))]
    assert refused == [bytes([1, loader_codec.INVALID_MESSAGE])]
    assert [a[-4:-2] for a in one.answers(loader_codec.request(Op.READ_REG, b"\0"))] == refused
    assert list(one.answers(b"\0\x0a\4\0")) == []


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("corrupt:0x2000", b"dat" + bytes([ord("a") ^ 0x5A])),
        ("corrupt:0x9000", b"data"),
        ("full:0x2000", b"\xff\xff\xff\xff"),
    ],
)
def test_a_fault_changes_what_lies_on_the_flash_from_its_address_on(fault: str, found: bytes, tmp_path: Path) -> None:
    one, flash = loader(tmp_path, fault)
    assert [answer[-4:-2] for answer in written(one, 0x2000, b"data")] == [b"\0\0"]
    assert flash.read(0x2000, 4) == found


def test_an_unplugged_board_says_nothing_more(tmp_path: Path) -> None:
    one, _ = loader(tmp_path, "unplug:0x1000")
    with pytest.raises(UnpluggedError):
        written(one, 0x2000, b"data")


def test_the_loader_starts_the_application_when_it_is_told_to(tmp_path: Path) -> None:
    one, _ = loader(tmp_path)
    with pytest.raises(RestartError):
        list(one.answers(loader_codec.request(Op.FLASH_END, words(0))))


def test_a_fault_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match="fault burnt: expected one of corrupt unplug slow wrong-chip full"):
        faults.parse("burnt:1")


def test_the_file_system_begins_behind_the_last_partition_or_in_its_own(tmp_path: Path) -> None:
    flash = Flash(tmp_path / "flash.bin", 4 << 20)
    assert partitions.file_system(flash) is None
    flash.write(0x1000, interpreter_image())
    assert partitions.file_system(flash) == (FILE_SYSTEM, 0x200000)
    flash.write(0x1000, interpreter_image([(0, 0, 0x10000, 0x180000, "ota_0"), (1, 0x81, 0x310000, 0xF0000, "vfs")]))
    assert partitions.file_system(flash) == (0x310000, 0xF0000)


# ---- the tools of others


@pytest.fixture
def board(tmp_path: Path) -> Iterator[VirtualEsp32]:
    try:
        find("micropython")
    except BenchError as missing:
        pytest.skip(str(missing))
    one = VirtualEsp32(tmp_path, 7)
    yield one
    one.unplug()


def esptool(board: VirtualEsp32, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "esptool", "--port", str(board.port), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def said(board: VirtualEsp32, *verb: str | Path) -> str:
    """By mpremote."""
    done = mpremote(board.port, *verb)
    done.check_returncode()
    return done.stdout


@pytest.fixture
def hang_ups_ignored() -> Iterator[None]:
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGHUP, before)


def holds(board: VirtualEsp32) -> list[str]:
    """The processes that were started with the board's flash."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            found += [file.parent.name] * (bytes(board.flash) in file.read_bytes().split(b"\0"))
    return found


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.usefixtures("hang_ups_ignored")
def test_an_application_that_never_asks_ends_with_its_board(board: VirtualEsp32) -> None:
    Flash(board.flash, 4 << 20).write(0x1000, interpreter_image())
    board.plug()
    said(board, "exec", "--no-follow", "print('runs')\nwhile True: pass")
    wait_until(lambda: "runs" in board.said(), "it runs")
    assert len(holds(board)) == 2, "the board and its interpreter"
    board.unplug()
    wait_until(lambda: not holds(board), "nobody holds its flash", 10)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_esptool_reads_its_chip_writes_verifies_and_reads_back(board: VirtualEsp32, tmp_path: Path) -> None:
    board.plug()
    image, back = tmp_path / "image.bin", tmp_path / "back.bin"
    image.write_bytes(interpreter_image())
    identity = esptool(board, "flash-id").stdout
    assert "ESP32-D0WD-V3 (revision v3.0)" in identity
    assert "24:6f:28:00:00:07" in identity
    assert "Detected flash size: 4MB" in identity
    assert "Hash of data verified" in esptool(board, "write-flash", "0x1000", image).stdout
    assert "Verification successful" in esptool(board, "verify-flash", "0x1000", image).stdout
    assert esptool(board, "--no-stub", "write-flash", "0x300000", image).returncode == 0
    assert esptool(board, "read-flash", "0x300000", image.stat().st_size, back).returncode == 0
    assert back.read_bytes() == image.read_bytes()
    image.write_bytes(b"other" + image.read_bytes()[5:])
    assert esptool(board, "verify-flash", "0x1000", image).returncode != 0


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_mpremote_keeps_files_on_its_flash_over_a_power_cut_and_runs_main(board: VirtualEsp32, tmp_path: Path) -> None:
    board.plug()
    image, main = tmp_path / "image.bin", tmp_path / "main.py"
    image.write_bytes(interpreter_image())
    main.write_text("import time\nprint('main runs')\nwhile True:\n    time.sleep(1)\n")
    esptool(board, "write-flash", "0x1000", image)
    assert said(board, "exec", "print(6 * 7)") == "42\n"
    said(board, "fs", "cp", main, ":main.py")
    digest = hashlib.sha256(main.read_bytes()).hexdigest()
    assert said(board, "fs", "sha256sum", "main.py").splitlines()[-1] == digest
    board.plug()
    for _ in range(3):  # each interrupts the main.py that runs
        assert said(board, "fs", "sha256sum", "main.py").splitlines()[-1] == digest
    said(board, "reset")
    assert said(board, "exec", "print('again')") == "again\n"
    assert "main runs" in board.said()


def test_a_corrupt_write_is_found_by_esptool(board: VirtualEsp32, tmp_path: Path) -> None:
    board.plug("corrupt:0x2000")
    image = tmp_path / "image.bin"
    image.write_bytes(interpreter_image())
    done = esptool(board, "write-flash", "0x1000", image)
    assert done.returncode != 0
    assert "MD5 of file does not match" in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_over_rfc_2217_dtr_and_rts_reset_it_into_its_loader_and_out_of_it(tmp_path: Path) -> None:
    try:
        find("micropython")
    except BenchError as missing:
        pytest.skip(str(missing))
    image, port = tmp_path / "image.bin", free_port()
    image.write_bytes(interpreter_image())
    module = [sys.executable, "-m", "hil_tests.instruments.esp32"]
    board = Program("board", [*module, tmp_path / "flash.bin", str(port)], tmp_path / "board.log")
    board.start()
    try:
        wait_until(lambda: "rfc2217://" in board.last_lines(), "the board is there")
        write = [
            sys.executable,
            "-m",
            "esptool",
            "--port",
            f"rfc2217://127.0.0.1:{port}",
            "write-flash",
            "0x1000",
            str(image),
        ]
        done = subprocess.run(write, capture_output=True, text=True, timeout=280, check=False)
        assert "Hash of data verified" in done.stdout, done.stdout + done.stderr
        assert "was NOT reset" not in done.stdout + done.stderr
        wait_until(lambda: "MicroPython" in board.last_lines(), "its application runs")
    finally:
        board.kill()
