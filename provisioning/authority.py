"""Who may call themselves what: the certificate authority of one city.

``DIR/ca/`` holds the authority (``ca.pem``, ``ca.der``, ``ca.key`` with mode 0600), the list of what it issued
(``issued.json``) and the revocation list (``crl.pem``). ``DIR/certificates/`` holds what was issued, as
``NAME.pem`` and ``NAME.key`` for brokers, gateways and people, ``NAME.der`` and ``NAME.key.der`` (SEC1) for nodes:
MicroPython reads DER only. Keys are EC P-256. A client's subject is its common name and nothing else, because
nats-server maps the whole distinguished name to a user.
"""

import datetime as dt
import ipaddress
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from firmware import contract
from provisioning import ProvisionError

Role = Literal["collector", "node", "gateway", "center", "reader", "broker"]
ROLES: tuple[Role, ...] = get_args(Role)

_CA_DAYS = 3650
_LEAF_DAYS = 825
# An expired CRL locks every client out of mosquitto (its issue 1826): it lives as long as the certificates.
_CRL_DAYS = 825


class Issued(NamedTuple):
    """One certificate that left the authority."""

    name: str
    role: Role
    serial: int
    expires: str
    revoked: bool = False


class Authority:
    """The authority in a directory; opened or made."""

    def __init__(self, directory: Path) -> None:
        self._ca = directory / "ca"
        self._certificates = directory / "certificates"
        if not (self._ca / "ca.key").is_file():
            raise ProvisionError(f"{self._ca}: no certificate authority here; run quickstart first")
        self._certificate = x509.load_pem_x509_certificate((self._ca / "ca.pem").read_bytes())
        key = serialization.load_pem_private_key((self._ca / "ca.key").read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ProvisionError(f"{self._ca / 'ca.key'}: expected an EC P-256 key")
        self._key = key

    @classmethod
    def create(cls, directory: Path, city: str) -> "Authority":
        """Make a new authority, or open the one that is there: a second call changes nothing."""
        ca = directory / "ca"
        if not (ca / "ca.key").exists():
            key = ec.generate_private_key(ec.SECP256R1())
            name = _name(f"{city} CA")
            certificate = (
                _dated(x509.CertificateBuilder(), _CA_DAYS)
                .subject_name(name)
                .issuer_name(name)
                .public_key(key.public_key())
                .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
                .add_extension(_key_usage(signs_certificates=True), critical=True)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
                .sign(key, hashes.SHA256())
            )
            _write(ca / "ca.pem", certificate.public_bytes(serialization.Encoding.PEM))
            _write(ca / "ca.der", certificate.public_bytes(serialization.Encoding.DER))
            _write(ca / "issued.json", b"[]\n")
            _write_key(ca / "ca", key)  # last: its presence says that the authority is whole
        authority = cls(directory)
        if not (ca / "crl.pem").exists():
            authority._publish_revocations()
        return authority

    def issued(self) -> list[Issued]:
        """Everything that left this authority, oldest first."""
        return [Issued(**entry) for entry in json.loads((self._ca / "issued.json").read_text())]

    def holder(self, name: str) -> Issued | None:
        """The valid certificate of this name, if there is one."""
        return next((entry for entry in self.issued() if entry.name == name and not entry.revoked), None)

    def knows(self, name: str) -> bool:
        """Whether this name ever had a certificate."""
        return any(entry.name == name for entry in self.issued())

    def issue(self, name: str, role: Role, hosts: Sequence[str] = ()) -> Issued:
        """Make a key and a certificate; ``hosts`` are the names and addresses a broker answers to."""
        try:
            contract.check_id("name", name)
        except contract.ContractError as error:
            raise ProvisionError(f"{name!r}: {error}") from None
        if self.knows(name):
            raise ProvisionError(
                f"{name}: has a valid certificate already"
                if self.holder(name)
                # nats-server knows names, not serial numbers: a second certificate would open the door to the first
                else f"{name}: was revoked, and the name stays closed; choose another"
            )
        key = ec.generate_private_key(ec.SECP256R1())
        use = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = (
            _dated(x509.CertificateBuilder(), _LEAF_DAYS)
            .subject_name(_name(name))
            .issuer_name(self._certificate.subject)
            .public_key(key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName([_host(h) for h in hosts]), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        path = self._certificates / name
        _write_key(path, key)
        _write(path.with_name(f"{name}.pem"), certificate.public_bytes(serialization.Encoding.PEM))
        _write(path.with_name(f"{name}.der"), certificate.public_bytes(serialization.Encoding.DER))
        entry = Issued(name, role, certificate.serial_number, certificate.not_valid_after_utc.isoformat())
        self._save([*self.issued(), entry])
        return entry

    def revoke(self, name: str) -> Issued:
        """Take a name's certificate back and publish the revocation list. The broker must be told: see ``broker``."""
        entry = self.holder(name)
        if entry is None:
            raise ProvisionError(f"{name}: has no valid certificate")
        revoked = entry._replace(revoked=True)
        self._save([revoked if other == entry else other for other in self.issued()])
        self._publish_revocations()
        return revoked

    def _save(self, entries: list[Issued]) -> None:
        _write(self._ca / "issued.json", json.dumps([e._asdict() for e in entries], indent=1).encode() + b"\n")

    def _publish_revocations(self) -> None:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(now - dt.timedelta(hours=1))
            .next_update(now + dt.timedelta(days=_CRL_DAYS))
        )
        for entry in self.issued():
            if entry.revoked:
                builder = builder.add_revoked_certificate(
                    x509.RevokedCertificateBuilder().serial_number(entry.serial).revocation_date(now).build()
                )
        crl = builder.sign(self._key, hashes.SHA256())
        _write(self._ca / "crl.pem", crl.public_bytes(serialization.Encoding.PEM))


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _dated(builder: x509.CertificateBuilder, days: int) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        builder.serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))  # a node's clock may be a little behind
        .not_valid_after(now + dt.timedelta(days=days))
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


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    _write(path.with_name(f"{path.name}.key"), pem, mode=0o600)
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, plain)
    _write(path.with_name(f"{path.name}.key.der"), der, mode=0o600)


def _write(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Replace the file as a whole, so that a cut leaves the old one or the new one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(path.name + ".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise ProvisionError(f"{path}: {error.strerror}") from None
