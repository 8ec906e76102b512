"""What is a secondary address, and which meters does one with wildcards select (EN 13757-3 annex E)?"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from edge.mbus.frame import SND_UD, Frame
from edge.mbus.telegram import MEDIA, Telegram, manufacturer_code

SELECTED = 253  # the primary address of whoever is selected
SELECT, SELECT_REVERSED = 0x52, 0x56  # CI fields
_WILD_WORD, _WILD_BYTE, _WILD_NIBBLE = 0xFFFF, 0xFF, "f"
_NIBBLES = "0123456789abcde"  # a nibble F can't be selected: it fits all
_TEXT = re.compile("[0-9a-f]{8}(?:[0-9a-f]{8})?")


class SecondaryAddress(NamedTuple):
    """Identification of eight digits, in which ``f`` fits every one; FFFF and FF fit every other field."""

    identification: str = 8 * _WILD_NIBBLE
    manufacturer: int = _WILD_WORD
    version: int = _WILD_BYTE
    medium: int = _WILD_BYTE

    def __str__(self) -> str:
        """16 digits in the order of the wire's fields, the manufacturer's low byte first."""
        low, high = self.manufacturer & 0xFF, self.manufacturer >> 8
        return f"{self.identification}{low:02x}{high:02x}{self.version:02x}{self.medium:02x}"

    @property
    def selection(self) -> Frame:
        """The frame that selects every meter this fits, and releases every other one."""
        manufacturer = self.manufacturer.to_bytes(2, "little")
        identification = bytes.fromhex(self.identification)[::-1]
        return Frame(SND_UD, SELECTED, SELECT, identification + manufacturer + bytes((self.version, self.medium)))

    def fits(self, other: "SecondaryAddress") -> bool:
        """Whether a meter with this ``other`` address is selected."""
        pairs = zip(self.identification, other.identification, strict=True)
        return (
            all(wanted in (_WILD_NIBBLE, digit) for wanted, digit in pairs)
            and self.manufacturer in (_WILD_WORD, other.manufacturer)
            and self.version in (_WILD_BYTE, other.version)
            and self.medium in (_WILD_BYTE, other.medium)
        )

    def narrower(self) -> Iterator["SecondaryAddress"]:
        """Addresses that together fit what this one fits, as far as it can be divided."""
        place = self.identification.find(_WILD_NIBBLE)
        if place >= 0:
            for nibble in _NIBBLES:
                digits = self.identification[:place] + nibble + self.identification[place + 1 :]
                yield self._replace(identification=digits)
        elif self.medium == _WILD_BYTE:
            for medium in MEDIA:
                yield self._replace(medium=medium)
        elif self.version == _WILD_BYTE:
            for version in range(_WILD_BYTE):
                yield self._replace(version=version)


ANY = SecondaryAddress()


def parse(text: str) -> SecondaryAddress:
    """From 8 digits (identification) or 16 (all of it); ValueError for anything else."""
    if not _TEXT.fullmatch(text.lower()):
        raise ValueError("expected 8 or 16 hexadecimal digits; f fits every digit")
    octets = bytes.fromhex(text.ljust(16, _WILD_NIBBLE))
    return SecondaryAddress(text[:8].lower(), int.from_bytes(octets[4:6], "little"), octets[6], octets[7])


def of_selection(payload: bytes, *, is_reversed: bool = False) -> SecondaryAddress:
    """What a selection's payload asks for; ValueError when it has not eight bytes."""
    if len(payload) < 8:
        raise ValueError(f"selection of {len(payload)} bytes, expected 8")
    order = -1 if is_reversed else 1
    manufacturer = int.from_bytes(payload[4:6][::order], "little")
    return SecondaryAddress(payload[:4][::order][::-1].hex(), manufacturer, payload[6], payload[7])


def of_telegram(telegram: Telegram) -> SecondaryAddress | None:
    """The address of the meter that sent it; None when its header does not say."""
    if not telegram.identification:
        return None
    codes = [code for code, name in MEDIA.items() if name == telegram.medium]
    medium = codes[0] if codes else int(telegram.medium.removeprefix("medium_"), 16)
    if telegram.version is None:
        return SecondaryAddress(telegram.identification, medium=medium)
    return SecondaryAddress(telegram.identification, manufacturer_code(telegram.manufacturer), telegram.version, medium)
