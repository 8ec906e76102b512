"""Is this configuration of a gateway what a center of the city has signed, and for this gateway? Number, text, name.

The message is a configuration as the contract has it; the gateway's file is the text ``settings.toml``.
"""

from base64 import urlsafe_b64decode
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from firmware import orders
from firmware.contract import ContractError
from provisioning import ProvisionError
from provisioning.release import signed


class SignedConfig(NamedTuple):
    """``lines`` is what a technician writes of lines and meters; the city's part is added where it is laid down."""

    number: int
    publisher: str
    lines: str
    by: str


def sign(config: SignedConfig, key: ec.EllipticCurvePrivateKey) -> bytes:
    settings = {"publisher": config.publisher, "toml": config.lines}
    try:
        return orders.encode_config(signed({"number": config.number, "settings": settings}, key, config.by))
    except ContractError as error:
        raise ProvisionError(f"the configuration: {error}") from None


def load(path: Path, directory: Path, centers: list[str]) -> SignedConfig:
    """Of a file; ``centers`` are the names that may sign. Raises ProvisionError."""
    try:
        message = orders.decode_config(path.read_bytes())
    except OSError as error:
        raise ProvisionError(f"{path}: {error.strerror}") from None
    except ContractError as error:
        raise ProvisionError(f"{path}: {error}") from None
    by, settings = message.get("by", ""), message["settings"]
    if by not in centers:
        raise ProvisionError(f"{path}: by: {by or 'missing'}: no center of this city")
    if not all(isinstance(settings.get(key), str) for key in ("publisher", "toml")):
        raise ProvisionError(f"{path}: settings: expected publisher and toml")
    certificate = directory / "certificates" / f"{by}.pem"
    try:
        key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
        octets = urlsafe_b64decode(message.get("signature", "") + "==")
    except (OSError, ValueError) as error:
        raise ProvisionError(f"{certificate}, {path}: {error}") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not _is_signed(key, octets, orders.signed_bytes(message)):
        raise ProvisionError(f"{path}: not signed by {by}")
    return SignedConfig(message["number"], settings["publisher"], settings["toml"], by)


def _is_signed(key: ec.EllipticCurvePublicKey, octets: bytes, covered: bytes) -> bool:
    if len(octets) != 64:
        return False
    signature = encode_dss_signature(int.from_bytes(octets[:32], "big"), int.from_bytes(octets[32:], "big"))
    try:
        key.verify(signature, covered, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True
