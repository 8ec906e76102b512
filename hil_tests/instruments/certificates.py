"""Certificates that a careful authority never issues: expired, not yet valid, for another host, of strangers."""

import datetime as dt
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAY = dt.timedelta(days=1)


class Signer(NamedTuple):
    """Who signs: the name and key of an authority."""

    name: x509.Name
    key: ec.EllipticCurvePrivateKey


def of_city(directory: Path) -> Signer:
    """The authority of a provisioned city."""
    certificate = x509.load_pem_x509_certificate((directory / "ca" / "ca.pem").read_bytes())
    key = serialization.load_pem_private_key((directory / "ca" / "ca.key").read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return Signer(certificate.subject, key)


def stranger(directory: Path) -> Signer:
    """An authority nobody has heard of, with the same name as the city's."""
    return Signer(of_city(directory).name, ec.generate_private_key(ec.SECP256R1()))


def replace(
    directory: Path, name: str, signer: Signer, *, host: str | None = None, days: tuple[int, int] = (-1, 30)
) -> None:
    """Put another certificate and key in the place of ``name``'s; ``days`` from now say when it is valid."""
    now, key = dt.datetime.now(dt.UTC), ec.generate_private_key(ec.SECP256R1())
    use = ExtendedKeyUsageOID.SERVER_AUTH if host else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(signer.name)
        .public_key(key.public_key())
        .not_valid_before(now + days[0] * _DAY)
        .not_valid_after(now + days[1] * _DAY)
        .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
    )
    if host:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    certificate = builder.sign(signer.key, hashes.SHA256())
    plain, folder = serialization.NoEncryption(), directory / "certificates"
    encoding, form = serialization.Encoding, serialization.PrivateFormat
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(encoding.PEM))
    (folder / f"{name}.der").write_bytes(certificate.public_bytes(encoding.DER))
    (folder / f"{name}.key").write_bytes(key.private_bytes(encoding.PEM, form.PKCS8, plain))
    (folder / f"{name}.key.der").write_bytes(key.private_bytes(encoding.DER, form.TraditionalOpenSSL, plain))
