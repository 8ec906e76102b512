"""How are records hidden and proved? The security modes of EN 13757-7 and OMS, as functions of bytes."""

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, CTR
from cryptography.hazmat.primitives.cmac import CMAC

CHECK = b"\x2f\x2f"  # what decrypted records begin with: in mode 5 the only proof of the key
BLOCK = 16


def mode5(key: bytes, address: bytes, access_number: int, hidden: bytes) -> bytes:
    """AES-128-CBC; the initial vector is M, A (8 bytes as sent) and the access number eight times."""
    return _cbc(key, address + bytes((access_number,)) * 8, hidden)


def hide_mode5(key: bytes, address: bytes, access_number: int, plain: bytes) -> bytes:
    """The other direction, for the virtual radio; ``plain`` is a multiple of 16 bytes."""
    encryptor = Cipher(AES(key), CBC(address + bytes((access_number,)) * 8)).encryptor()
    return encryptor.update(plain) + encryptor.finalize()


def mode7_keys(key: bytes, identification: bytes, counter: bytes) -> tuple[bytes, bytes]:
    """(encryption key, authentication key) of one message: the key derivation A of OMS, from the AFL counter.

    ``identification`` is the meter's, 4 bytes as sent; ``counter`` 4 bytes as sent.
    """

    def derived(constant: int) -> bytes:
        return cmac(key, bytes((constant,)) + counter + identification + bytes((7,)) * 7)

    return derived(0), derived(1)


def mode7(encryption_key: bytes, hidden: bytes) -> bytes:
    """AES-128-CBC with an initial vector of zeros."""
    return _cbc(encryption_key, bytes(BLOCK), hidden)


def hide_mode7(encryption_key: bytes, plain: bytes) -> bytes:
    """The other direction, for the virtual radio."""
    encryptor = Cipher(AES(encryption_key), CBC(bytes(BLOCK))).encryptor()
    return encryptor.update(plain) + encryptor.finalize()


def extended_link(key: bytes, address: bytes, control: int, session: bytes, hidden: bytes) -> bytes:
    """AES-128-CTR of the extended link layer; both directions are the same (EN 13757-4 12.2)."""
    vector = address + bytes((control,)) + session + bytes(3)
    cipher = Cipher(AES(key), CTR(vector)).encryptor()
    return cipher.update(hidden) + cipher.finalize()


def cmac(key: bytes, octets: bytes) -> bytes:
    """AES-CMAC (RFC 4493)."""
    code = CMAC(AES(key))
    code.update(octets)
    return code.finalize()


def _cbc(key: bytes, vector: bytes, hidden: bytes) -> bytes:
    decryptor = Cipher(AES(key), CBC(vector)).decryptor()
    return decryptor.update(hidden) + decryptor.finalize()
