"""How does the collector sign? ECDSA P-256 over the contract's signed bytes, r and s as base64url."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from collector.entities.inventory import ConfigError
from firmware import orders


class Signer:
    """A key of the collector's own, or of a center; who verifies needs its public half. ``name``: the setting."""

    def __init__(self, key: Path, name: str = "broker.key") -> None:
        try:
            loaded = load_pem_private_key(key.read_bytes(), password=None)
        except (OSError, ValueError) as error:
            raise ConfigError(f"{name}: {key}: {error}") from None
        if not isinstance(loaded, ec.EllipticCurvePrivateKey) or not isinstance(loaded.curve, ec.SECP256R1):
            raise ConfigError(f"{name}: {key}: expected an EC P-256 key")
        self._key = loaded

    def signed(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """The message with its ``signature``."""
        der = self._key.sign(orders.signed_bytes(dict(message)), ec.ECDSA(SHA256()))
        octets = b"".join(number.to_bytes(32, "big") for number in decode_dss_signature(der))
        return {**message, "signature": urlsafe_b64encode(octets).rstrip(b"=").decode()}
