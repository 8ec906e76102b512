"""Under which name does a household's meter leave the collector? A keyed hash, undone only with the key.

HMAC-SHA-256 over the thing's id, 80 bits of it: ``p-3f0c…``. The key lies in the data directory, readable by its owner
alone. A new key gives every meter a new name; what was published under the old one can't be joined with it.
"""

import hmac
import os
import secrets
from pathlib import Path

from collector.entities.inventory import ConfigError

FILE = "pseudonyms.key"  # in the data directory, unless the configuration says otherwise
_LENGTH = 32  # bytes


class Pseudonyms:
    def __init__(self, key: bytes) -> None:
        self._key = key
        self._names: dict[str, str] = {}

    def of(self, thing: str) -> str:
        name = self._names.get(thing)
        if name is None:
            name = "p-" + hmac.digest(self._key, thing.encode(), "sha256")[:10].hex()
            self._names[thing] = name
        return name


def open_pseudonyms(file: Path) -> Pseudonyms:
    """With the key in a file, which is made when there is none. Raises ConfigError when others can read it."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = file.read_bytes()
    else:
        key = secrets.token_bytes(_LENGTH)
        with os.fdopen(descriptor, "wb") as new:
            new.write(key)
            new.flush()
            os.fsync(new.fileno())
    if len(key) != _LENGTH:
        raise ConfigError(f"{file}: expected {_LENGTH} bytes, got {len(key)}")
    if file.stat().st_mode & 0o077:
        raise ConfigError(f"{file}: others can read it: chmod 600")
    return Pseudonyms(key)
