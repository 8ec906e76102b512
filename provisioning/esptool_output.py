"""What does esptool say? Its lines, as values; esptool is a program beside us (GPL), never a module."""

import re
from typing import NamedTuple

_MAC = re.compile(r"^MAC:\s+([0-9a-f:]{17})", re.MULTILINE)
_CHIP = re.compile(r"^Chip type:\s+(\S+)(.*)$", re.MULTILINE)
_SIZE = re.compile(r"^Detected flash size:\s+(\d+)(K|M)B", re.MULTILINE)
_WRITING = re.compile(r"Writing at (0x[0-9a-f]+)\b.*?(\d+(?:\.\d+)?)\s?%")
_ERROR = re.compile(r"^(?:ERROR: )?(?:A fatal error occurred|ERROR): *(.+)", re.MULTILINE)
_NOISE = re.compile(r"\x1b\[[0-9;]*m")
VERIFIED = "Hash of data verified"
_UNITS = {"K": 1 << 10, "M": 1 << 20}
_FAMILY = re.compile(r"ESP32(?:-?[CSHP]\d+)?")


class Identity(NamedTuple):
    """``family`` is what an image is built for: ESP32, ESP32-S3, ESP32-C3…; ``flash_size`` in bytes."""

    family: str
    chip: str
    mac: str
    flash_size: int


def family(text: str) -> str:
    """Of the chip that is named, also by an esptool that fails later; "": none."""
    chip = _CHIP.search(_NOISE.sub("", text))
    found = _FAMILY.match(chip[1]) if chip else None
    return found[0] if found else ""


def identity(text: str) -> Identity | None:
    """Of ``flash-id``; None where a line is missing."""
    text = _NOISE.sub("", text)
    chip, mac, size = _CHIP.search(text), _MAC.search(text), _SIZE.search(text)
    if not (chip and mac and size and family(text)):
        return None
    return Identity(family(text), f"{chip[1]}{chip[2]}".strip(), mac[1], int(size[1]) * _UNITS[size[2]])


def writing(line: str) -> tuple[int, float] | None:
    """(address, percent of this file) of a line of progress."""
    found = _WRITING.search(_NOISE.sub("", line))
    return (int(found[1], 16), float(found[2])) if found else None


def reason(text: str) -> str:
    """Why it failed, in its own words."""
    text = _NOISE.sub("", text)
    errors = _ERROR.findall(text)
    lines = [line for line in text.splitlines() if line.strip()]
    return str(errors[-1]).strip() if errors else (lines[-1].strip() if lines else "esptool said nothing")
