"""What opens the authority's key? A passphrase, from the environment or from the person at the keyboard."""

import getpass
import os
import sys
from collections.abc import Callable
from pathlib import Path

from provisioning import ProvisionError

VARIABLE = "SENZORIKA_PASSPHRASE"
NEW_VARIABLE = "SENZORIKA_NEW_PASSPHRASE"
SHORTEST = 12

Ask = Callable[[Path], bytes]


def ask(key: Path) -> bytes:
    """The passphrase of a key that is there."""
    given = os.environ.get(VARIABLE)
    if given is not None:
        return given.encode()
    if not sys.stdin.isatty():
        raise ProvisionError(f"{key}: is encrypted; set {VARIABLE}, or run this at a terminal")
    return getpass.getpass(f"Passphrase of {key}: ").encode()


def choose(key: Path) -> bytes:
    """A passphrase for a key that will be written; typed twice, because nothing brings it back."""
    given = os.environ.get(NEW_VARIABLE, os.environ.get(VARIABLE))
    if given is None:
        if not sys.stdin.isatty():
            raise ProvisionError(f"{key}: will be encrypted; set {NEW_VARIABLE}, or run this at a terminal")
        given = getpass.getpass(f"New passphrase for {key}: ")
        if getpass.getpass("The same again: ") != given:
            raise ProvisionError(f"{key}: the two passphrases differ; nothing was written")
    if len(given) < SHORTEST:
        raise ProvisionError(f"{key}: a passphrase has at least {SHORTEST} characters")
    return given.encode()
