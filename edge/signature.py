"""Did this center sign it? ECDSA P-256 over the contract's signed bytes, r and s as base64url."""

import binascii
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

from edge.errors import ConfigError
from firmware import orders

_SIZE = 64  # bytes of r and s


class PublicKey:
    """Of a center or the collector."""

    def __init__(self, key: ec.EllipticCurvePublicKey) -> None:
        self._key = key

    def signed(self, message: dict[str, Any]) -> bool:
        """Whether the message carries this key's signature."""
        text = message.get("signature")
        try:
            octets = urlsafe_b64decode(str(text) + "=" * (-len(str(text)) % 4))
        except (binascii.Error, ValueError):
            return False
        if text is None or len(octets) != _SIZE:
            return False
        numbers = (int.from_bytes(octets[:32], "big"), int.from_bytes(octets[32:], "big"))
        try:
            self._key.verify(encode_dss_signature(*numbers), orders.signed_bytes(message), ec.ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True


def load(where: str, path: Path) -> PublicKey:
    """From a PEM file with a public key or a certificate; ConfigError names ``where``."""
    try:
        octets = path.read_bytes()
        is_certificate = b"BEGIN CERTIFICATE" in octets
        key = load_pem_x509_certificate(octets).public_key() if is_certificate else load_pem_public_key(octets)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{where}: {path}: {error}") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ConfigError(f"{where}: {path}: expected an EC P-256 key")
    return PublicKey(key)
