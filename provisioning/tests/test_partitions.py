"""A partition table is read octet by octet, and one that is none, was altered or has no room is refused by name."""

import hashlib

import pytest

from provisioning import ProvisionError
from provisioning.partitions import Partition, Region, check_application, file_system, of_image, parse

NVS = bytes.fromhex("aa50 01 02 00900000 00600000 6e767300000000000000000000000000 00000000".replace(" ", ""))
FACTORY = bytes.fromhex("aa50 00 00 00000100 00001f00 666163746f7279000000000000000000 00000000".replace(" ", ""))
VFS = bytes.fromhex("aa50 01 81 00003100 00000f00 76667300000000000000000000000000 00000000".replace(" ", ""))
ROMFS = bytes.fromhex("aa50 01 8f 00001c00 00000400 726f6d66730000000000000000000000 00000000".replace(" ", ""))
FLASH = 4 << 20


def with_md5(entries: bytes) -> bytes:
    return entries + b"\xeb\xeb" + 14 * b"\xff" + hashlib.md5(entries, usedforsecurity=False).digest() + 32 * b"\xff"


def test_entries_are_read_until_the_md5_or_the_end() -> None:
    found = [Partition("nvs", 1, 2, 0x9000, 0x6000), Partition("factory", 0, 0, 0x10000, 0x1F0000)]
    assert parse(with_md5(NVS + FACTORY)) == parse(NVS + FACTORY + 32 * b"\xff") == found
    assert of_image(b"\xe9" + (0x7000 - 1) * b"\0" + NVS + FACTORY, 0x1000) == found


def test_files_lie_behind_the_last_partition_or_in_the_one_for_them() -> None:
    assert file_system(parse(NVS + FACTORY), FLASH) == Region(0x200000, 0x200000)
    assert file_system(parse(FACTORY + NVS), FLASH) == Region(0x200000, 0x200000)
    assert file_system(parse(NVS + FACTORY + VFS), FLASH) == Region(0x310000, 0xF0000)
    assert file_system(parse(NVS + FACTORY), 8 << 20) == Region(0x200000, 0x600000)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (b"\xff" * 64, "there is none at 0x8000"),
        (NVS + b"\x00" * 32, "entry 1 begins with 0000, expected aa50"),
        (with_md5(NVS).replace(b"nvs", b"nvt"), "its MD5 is not that of its entries"),
    ],
)
def test_what_is_no_table_is_refused(table: bytes, why: str) -> None:
    with pytest.raises(ProvisionError, match=why):
        parse(table)


def test_an_image_that_ends_before_its_table_is_refused() -> None:
    with pytest.raises(ProvisionError, match="the image at 0x1000 does not reach over 0x8000"):
        of_image(b"\xe9" * 64, 0x1000)
    with pytest.raises(ProvisionError, match="the image at 0x10000 does not reach"):
        of_image(NVS, 0x10000)


def test_a_flash_without_room_for_files_is_refused() -> None:
    with pytest.raises(ProvisionError, match="no room for files behind 0x200000 on a flash of 2097152"):
        file_system(parse(NVS + FACTORY), 2 << 20)


def test_an_application_needs_a_partition_that_holds_it() -> None:
    check_application(parse(ROMFS), 0x40000)
    with pytest.raises(ProvisionError, match="no romfs, from which a node executes"):
        check_application(parse(NVS + FACTORY), 1)
    with pytest.raises(ProvisionError, match="romfs has 262144 bytes, the application 262145"):
        check_application(parse(ROMFS), 0x40001)
