"""Which meter has which key? A file of its own that only its owner may read, and that no log ever shows."""

import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path

from edge.errors import ConfigError


class Keys:
    """AES-128 keys by identification number (8 digits); it shows how many there are and nothing else."""

    def __init__(self, keys: Mapping[str, bytes] | None = None) -> None:
        self._keys = dict(keys or {})

    def __repr__(self) -> str:
        return f"<{len(self._keys)} keys>"

    def of(self, identification: str) -> bytes | None:
        return self._keys.get(identification)


def load(path: Path) -> Keys:
    """``06855817 = "00112233…"``, one line per meter; ConfigError names the line, never what is in it."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise ConfigError(f"keys: {path}: mode {mode:04o} lets others read it; chmod 0600")
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"keys: {path}: {error.strerror}") from None
    except (UnicodeError, tomllib.TOMLDecodeError):
        raise ConfigError(f"keys: {path}: not TOML") from None  # its own words could show a key
    keys = {}
    for identification, key in table.items():
        if not re.fullmatch("[0-9]{8}", identification):
            raise ConfigError(f"keys: {path}: {identification!r}: expected an identification number of 8 digits")
        if not isinstance(key, str) or not re.fullmatch("[0-9a-fA-F]{32}", key):
            raise ConfigError(f"keys: {path}: {identification}: expected 32 hexadecimal digits")
        keys[identification] = bytes.fromhex(key)
    return Keys(keys)
