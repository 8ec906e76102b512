"""Did they sign it, and may they ask for it here? Keys of centers, and the rights that node.json's ``trust`` gives.

``keys/<name>.der`` is a public key as SubjectPublicKeyInfo; ``trust`` is {"center-water": ["command", "config"],
"releases": ["update"]}. A message says by whom it is (``by``; "environment/ana.kovac": the center answers for its
people) and is signed over ``orders.signed_bytes``, as base64url of r and s.
"""

import binascii
import hashlib

from firmware.contract import ContractError, check_id
from firmware.forgetting import forget
from firmware.orders import decode_command, signed_bytes

COMMAND, CONFIG, UPDATE = "command", "config", "update"

# RFC 5480: an EC public key on P-256, uncompressed; x and y follow.
_PREFIX = binascii.unhexlify("3059301306072a8648ce3d020106082a8648ce3d030107034200" + "04")
_SIZE = len(_PREFIX) + 64


def digest(message: dict) -> bytes:
    """SHA-256 over what the signature of the message covers. Raises ContractError."""
    try:
        return hashlib.sha256(signed_bytes(message)).digest()
    except (ValueError, RuntimeError, MemoryError):  # 1e999, half a surrogate pair; depth
        raise ContractError("message: can't be signed") from None


def center(message: dict) -> str:
    """Whose key a message names: of "environment/ana.kovac" it is the center, which answers for its people."""
    by = message.get("by")
    return by.split("/")[0] if type(by) is str else ""


def may(trusted: dict, message: dict, right: str) -> bool:
    """Whether who the message names has this right. Says nothing of whether they signed it."""
    return right in trusted.get(center(message), ())


class Keys:
    """Public keys, read from ``folder`` when they are needed."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    async def command(self, payload: bytes) -> dict | None:
        """The command that these octets are, if who it names has signed it; otherwise the log says why not."""
        try:
            command = decode_command(payload)
        except ContractError as error:
            print("commands: " + str(error))
            return None
        if await self.signed(command):
            return command
        print("commands: not signed by " + command["by"])
        return None

    async def signed(self, message: dict) -> bool:
        """Whether the message carries the signature of whom it names.

        Takes a second or two on a chip, and lets others run meanwhile.
        """
        try:
            covered = digest(message)
        except ContractError:
            return False
        key, signature = self._key(center(message)), _octets(message.get("signature"))
        if key is None or signature is None:
            return False
        from firmware.ecdsa import verify  # most starts never need it

        is_theirs = await verify(key, covered, signature)
        forget("ecdsa")
        return is_theirs

    def _key(self, name: str) -> tuple | None:
        try:
            check_id("by", name)  # a name, and no way out of the folder
            with open(self._folder + "/" + name + ".der", "rb") as file:
                octets = file.read(_SIZE + 1)
        except (OSError, ContractError):
            return None
        if len(octets) != _SIZE or octets[: len(_PREFIX)] != _PREFIX:
            print("signature: " + name + ".der is no public key of P-256")
            return None
        return int.from_bytes(octets[-64:-32], "big"), int.from_bytes(octets[-32:], "big")


def _octets(text) -> bytes | None:
    """The 64 bytes of r and s, or None: base64url without padding (RFC 4648, 5)."""
    if type(text) is not str or len(text) != 86 or "+" in text or "/" in text:
        return None
    try:
        octets = binascii.a2b_base64(text.replace("-", "+").replace("_", "/") + "==")
    except ValueError:
        return None
    return octets if len(octets) == 64 else None
