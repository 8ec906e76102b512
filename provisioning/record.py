"""Who says that a board hangs where it hangs? A record, signed by the van's key (ECDSA P-256 over SHA-256)."""

from collections.abc import Iterable
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from firmware import wire_json
from provisioning.certificate import fingerprint

# The same key signs certificates: what begins like this is neither a certificate nor a revocation list.
_PURPOSE = b"senzorika commissioning record 1\n"


def sign(record: dict[str, Any], key: ec.EllipticCurvePrivateKey) -> str:
    """The signature in DER, as hexadecimal digits."""
    return key.sign(_covered(record), ec.ECDSA(hashes.SHA256())).hex()


def is_signed(record: Any, signature: Any, signer: Any, trusted: Iterable[x509.Certificate]) -> bool:
    """Whether one of the trusted authorities, the one with the fingerprint ``signer``, signed exactly this."""
    if not isinstance(record, dict) or not isinstance(signature, str):
        return False
    for certificate in trusted:
        key = certificate.public_key()
        if fingerprint(certificate) == signer and isinstance(key, ec.EllipticCurvePublicKey):
            try:
                key.verify(bytes.fromhex(signature), _covered(record), ec.ECDSA(hashes.SHA256()))
            except (InvalidSignature, ValueError):
                return False
            return True
    return False


def _covered(record: dict[str, Any]) -> bytes:
    return _PURPOSE + wire_json.encode(record)
