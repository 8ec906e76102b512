"""What does a certificate of the city say? Authorities, vans, clients and servers, as X.509 values without files."""

import datetime as dt
import ipaddress
from collections.abc import Iterable, Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_DAYS = 3650
LEAF_DAYS = 825
# An expired CRL locks every client out of mosquitto (its issue 1826): it lives as long as the certificates.
CRL_DAYS = 825


def root(key: ec.EllipticCurvePrivateKey, city: str) -> x509.Certificate:
    """The city's own: it may sign the intermediates of vans, and these sign no further ones."""
    name = _name(f"{city} CA")
    return _authority(key.public_key(), name, name, key, path_length=1)


def van(
    key: ec.EllipticCurvePublicKey, name: str, issuer: x509.Certificate, by: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    """The intermediate of one van."""
    return _authority(key, _name(f"van {name}"), issuer.subject, by, path_length=0)


def leaf(
    key: ec.EllipticCurvePublicKey,
    name: str,
    hosts: Sequence[str],
    issuer: x509.Certificate,
    by: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    """A client, or with ``hosts`` a server that answers to them.

    A client's subject is its common name and nothing else: nats-server maps the whole distinguished name to a user.
    """
    use = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        _dated(LEAF_DAYS, issuer)
        .subject_name(_name(name))
        .issuer_name(issuer.subject)
        .public_key(key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([_host(h) for h in hosts]), critical=False)
    return builder.sign(by, hashes.SHA256())


def revocations(
    serials: Iterable[int], issuer: x509.Certificate, by: ec.EllipticCurvePrivateKey, after: int
) -> x509.CertificateRevocationList:
    """What the issuer took back. Of two lists the one with the greater number is the newer: ``after`` had the last."""
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(now - dt.timedelta(hours=1))
        .next_update(now + dt.timedelta(days=CRL_DAYS))
        .add_extension(x509.CRLNumber(after + 1), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    for serial in serials:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
        )
    return builder.sign(by, hashes.SHA256())


def list_number(crl: bytes) -> int:
    """Which of an issuer's lists this is; 0 for none, and for one without a number."""
    if not crl:
        return 0
    try:
        return x509.load_pem_x509_crl(crl).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        return 0


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 over the DER, as hexadecimal digits in capitals: what a label carries."""
    return certificate.fingerprint(hashes.SHA256()).hex().upper()


def common_name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _authority(
    key: ec.EllipticCurvePublicKey,
    name: x509.Name,
    issuer: x509.Name,
    by: ec.EllipticCurvePrivateKey,
    path_length: int,
) -> x509.Certificate:
    return (
        _dated(CA_DAYS)
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
        .sign(by, hashes.SHA256())
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _dated(days: int, issuer: x509.Certificate | None = None) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    end = now + dt.timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))  # a node's clock may be a little behind
        .not_valid_after(min(end, issuer.not_valid_after_utc) if issuer else end)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
