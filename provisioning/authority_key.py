"""Where does a private key stand, and who can read it? EC P-256, for its owner only, the authority's encrypted."""

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from provisioning import ProvisionError
from provisioning.durable import replace_file
from provisioning.passphrase import Ask

_LOST = (
    "if it is lost, nothing brings the key back: make a new authority in a new directory and certify every node again"
)


def is_encrypted(path: Path) -> bool:
    return b"ENCRYPTED" in _read(path)


def open_key(path: Path, ask: Ask) -> ec.EllipticCurvePrivateKey:
    """The key in a PEM file; ``ask`` is called only when it is encrypted."""
    content = _read(path)
    passphrase = ask(path) if b"ENCRYPTED" in content else None
    try:
        key = serialization.load_pem_private_key(content, passphrase)
    except ValueError:
        reason = f"the passphrase is wrong; {_LOST}" if passphrase is not None else "is no private key in PEM"
        raise ProvisionError(f"{path}: {reason}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ProvisionError(f"{path}: expected an EC P-256 key")
    return key


def save_authority_key(path: Path, key: ec.EllipticCurvePrivateKey, passphrase: bytes) -> None:
    """PEM; with b"" as passphrase in clear, which is for a city on the loopback only."""
    how: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        how = serialization.BestAvailableEncryption(passphrase)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)
    replace_file(path, pem, mode=0o600)


def save_leaf_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """``NAME.key`` (PEM) and ``NAME.key.der`` (SEC1: MicroPython reads DER only) beside ``path``."""
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    replace_file(path.with_name(f"{path.name}.key"), pem, mode=0o600)
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, plain)
    replace_file(path.with_name(f"{path.name}.key.der"), der, mode=0o600)


def forget_leaf_key(path: Path) -> bool:
    """Overwrite and remove both files of a key; False if there was none. A flash disk may still hold old blocks."""
    found = False
    for file in (path.with_name(f"{path.name}.key"), path.with_name(f"{path.name}.key.der")):
        if file.exists():
            found = True
            file.write_bytes(bytes(file.stat().st_size))
            file.unlink()
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ProvisionError(f"{path}: {error.strerror}") from None
