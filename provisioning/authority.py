"""Who may call themselves what: the certificate authority of one city, or of one van of it.

``DIR/ca/`` holds the authority: ``ca.key`` (mode 0600, encrypted unless the city stands on the loopback), ``ca.pem``
(the root and the vans it trusts: what brokers and collectors check with), ``ca.der`` (the root: what nodes check
with), ``crl.pem`` (the revocation lists of all these), ``issued.json`` and ``issuers/``, from which the two bundles
are put together. In a van, ``van.pem`` is its own certificate, an intermediate that the root signed.
``DIR/certificates/`` holds what was issued, as ``NAME.pem`` and ``NAME.key`` for brokers, gateways and people,
``NAME.der`` and ``NAME.key.der`` (SEC1) for nodes: MicroPython reads DER only. A PEM brings its van's certificate.
"""

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from firmware import contract
from provisioning import ProvisionError, certificate, passphrase
from provisioning.authority_key import forget_leaf_key, is_encrypted, open_key, save_authority_key, save_leaf_key
from provisioning.durable import replace_file
from provisioning.issuers import Issuers

Role = Literal["collector", "node", "gateway", "center", "reader", "broker", "van"]
ROLES: tuple[Role, ...] = get_args(Role)
VAN_ROLES: tuple[Role, ...] = ("node", "gateway", "reader", "broker")
"""What a van may issue."""


class Issued(NamedTuple):
    """One certificate that left an authority of the city."""

    name: str
    role: Role
    serial: int
    expires: str
    revoked: bool = False
    van: str = ""
    """Which van issued it; "": the root."""


class Authority:
    """The authority in a directory; opened or made. Its key is opened when something is to be signed."""

    def __init__(self, directory: Path, ask: passphrase.Ask = passphrase.ask) -> None:
        self._ca = directory / "ca"
        self._certificates = directory / "certificates"
        self._ask = ask
        if not (self._ca / "ca.key").is_file():
            raise ProvisionError(f"{self._ca}: no certificate authority here; run quickstart first")
        self.issuers = Issuers(self._ca)
        own = self._ca / "van.pem"
        self.certificate = _load(own) if own.exists() else self.issuers.root
        self.van = certificate.common_name(self.certificate).removeprefix("van ") if own.exists() else ""

    @classmethod
    def create(cls, directory: Path, city: str, secret: bytes = b"") -> "Authority":
        """Make a new authority, or open the one that is there: a second call changes nothing.

        ``secret`` is the passphrase that encrypts the key; b"" leaves it in clear.
        """
        ca = directory / "ca"
        if not (ca / "ca.key").exists():
            key = ec.generate_private_key(ec.SECP256R1())
            root = certificate.root(key, city)
            replace_file(ca / "ca.pem", root.public_bytes(serialization.Encoding.PEM))
            replace_file(ca / "ca.der", root.public_bytes(serialization.Encoding.DER))
            replace_file(ca / "issued.json", b"[]\n")
            save_authority_key(ca / "ca.key", key, secret)  # last: its presence says that the authority is whole
        authority = cls(directory, (lambda _: secret) if secret else passphrase.ask)
        if not (ca / "crl.pem").exists():
            authority.publish_revocations()
        return authority

    @cached_property
    def key(self) -> ec.EllipticCurvePrivateKey:
        """What signs certificates, revocation lists and the records of this van."""
        path = self._ca / "ca.key"
        key = open_key(path, self._ask)
        if key.public_key() != self.certificate.public_key():
            raise ProvisionError(f"{path}: does not belong to the certificate beside it")
        return key

    @property
    def is_encrypted(self) -> bool:
        return is_encrypted(self._ca / "ca.key")

    def encrypt(self, secret: bytes) -> None:
        """Write the key again under a new passphrase."""
        save_authority_key(self._ca / "ca.key", self.key, secret)
        (self._ca / "ca.key.der").unlink(missing_ok=True)  # earlier versions left it there in clear

    def issued(self) -> list[Issued]:
        """Everything that is known to have left an authority of this city, oldest first."""
        return [Issued(**entry) for entry in json.loads((self._ca / "issued.json").read_text())]

    def holder(self, name: str) -> Issued | None:
        """The newest valid certificate of this name, if there is one."""
        return next((entry for entry in reversed(self.issued()) if entry.name == name and not entry.revoked), None)

    def knows(self, name: str) -> bool:
        """Whether this name ever had a certificate."""
        return any(entry.name == name for entry in self.issued())

    def certificate_of(self, name: str) -> x509.Certificate:
        """The certificate of a name, as it was written last."""
        return _load(self._certificates / f"{name}.pem")

    def issue(self, name: str, role: Role, hosts: Sequence[str] = ()) -> Issued:
        """Make a key and a certificate; ``hosts`` are the names and addresses a broker answers to."""
        self._check_new(name)
        if self.van and role not in VAN_ROLES:
            raise ProvisionError(
                f"{name}: a van issues {' '.join(VAN_ROLES)}; a {role} comes from the city's authority"
            )
        key = ec.generate_private_key(ec.SECP256R1())
        return self._certify(name, role, hosts, key.public_key(), key)

    def check_issue(self, name: str, role: Role) -> None:
        """Raise ProvisionError when this name can't be given."""
        self._check_new(name)
        if self.van and role not in VAN_ROLES:
            raise ProvisionError(
                f"{name}: a van issues {' '.join(VAN_ROLES)}; a {role} comes from the city's authority"
            )

    def renew(self, name: str) -> Issued:
        """A later date for the key that a name has; the earlier certificate stays good until its own date."""
        entry = self._own(name)
        public = self.certificate_of(name).public_key()
        if not isinstance(public, ec.EllipticCurvePublicKey):
            raise ProvisionError(f"{name}: its certificate holds no EC key")
        return self._certify(name, entry.role, self.hosts_of(name), public, None)

    def rotate(self, name: str, hosts: Sequence[str] = (), *, keep_old: bool = False) -> Issued:
        """A new key under the same name. The old certificates are revoked at once, or with ``keep_old`` by ``settle``.

        mosquitto reads the revocation list; nats-server knows names only, and there the old key stays good until its
        date.
        """
        entry = self._own(name)
        hosts = hosts or self.hosts_of(name)
        if entry.role == "broker" and not hosts:
            raise ProvisionError(f"{name}: --host: which names and addresses does it answer to?")
        key = ec.generate_private_key(ec.SECP256R1())
        issued = self._certify(name, entry.role, hosts, key.public_key(), key)
        if not keep_old:
            self.settle(name)
        return issued

    def settle(self, name: str) -> list[Issued]:
        """Revoke what a name had before its newest certificate and return it. One with the same key goes too."""
        newest = self._own(name)
        _ = self.key
        old = [e for e in self.issued() if e.name == name and not e.revoked and e != newest]
        self._mark(old)
        return old

    def revoke(self, name: str) -> Issued:
        """Take a name's certificates back and publish the revocation list. The broker must be told: see ``broker``.

        Of a van, everything it issued goes with it. A second call finishes what a cut left of the first.
        """
        of_name = [entry for entry in self.issued() if entry.name == name]
        if not of_name:
            raise ProvisionError(f"{name}: has no valid certificate")
        entry = of_name[-1]
        with_it = name if entry.role == "van" else None
        gone = [e for e in self.issued() if e.name == name or (with_it is not None and e.van == with_it)]
        _ = self.key  # a wrong passphrase is noticed before anything is changed
        if with_it is not None:
            self.issuers.drop(name)
        self._mark(gone)
        return entry._replace(revoked=True)

    def enrol_van(self, name: str, directory: Path, secret: bytes) -> Issued:
        """Make an intermediate authority in another directory, with its own key under its own passphrase."""
        if self.van:
            raise ProvisionError(f"{name}: a van makes no vans; ask the city's authority")
        self._check_new(name)
        if name == "root":
            raise ProvisionError("root: is what the city's own authority is called; choose another name")
        if not secret:
            raise ProvisionError(f"{name}: the key of a van is encrypted: give a passphrase")
        limit = self.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
        if limit == 0:
            raise ProvisionError(f"{self._ca / 'ca.pem'}: was made before there were vans, and can sign none")
        ca = directory / "ca"
        if (ca / "ca.key").exists():
            raise ProvisionError(f"{ca}: there is an authority already")
        key = ec.generate_private_key(ec.SECP256R1())
        made = certificate.van(key.public_key(), name, self.certificate, self.key)
        pem = made.public_bytes(serialization.Encoding.PEM)
        entry = Issued(name, "van", made.serial_number, made.not_valid_after_utc.isoformat())
        self._save([*self.issued(), entry])  # before the key exists: a van that nobody knows could not be revoked
        self.issuers.put(name, pem, b"")
        for file in ("ca.pem", "ca.der", "crl.pem", "issued.json"):
            replace_file(ca / file, (self._ca / file).read_bytes())
        replace_file(ca / "van.pem", pem)
        save_authority_key(ca / "ca.key", key, secret)
        van = Authority(directory, lambda _: secret)
        van.issuers.copy(self.issuers)
        van.publish_revocations()
        self.issuers.put(name, pem, van.issuers.revocations(name))
        return entry

    def take(self, other: "Authority") -> list[str]:
        """Take over what another authority of the city issued and revoked, and return the names that both gave.

        No keys travel. Taking twice changes nothing, and the order of two does not matter.
        """
        if other.root_fingerprint != self.root_fingerprint:
            raise ProvisionError(f"{other.directory}: belongs to another city's authority")
        before = self.issued()
        ours = {entry.serial: entry for entry in before}
        known = {entry.name: entry.van for entry in before}
        clashes = set()
        for entry in other.issued():
            if entry.van == self.van and entry.serial not in ours:
                raise ProvisionError(f"{other.directory}: says that we issued {entry.name}, which we did not")
            if entry.van and entry.role not in VAN_ROLES:
                raise ProvisionError(f"{entry.name}: van {entry.van} issued a {entry.role}, which no van may")
            if known.get(entry.name, entry.van) != entry.van:
                clashes.add(entry.name)
            mine = ours.get(entry.serial, entry)
            ours[entry.serial] = mine._replace(revoked=mine.revoked or entry.revoked)
        merged = sorted(ours.values(), key=lambda e: e.expires)
        newly = any(
            e.revoked and not was.revoked
            for e in merged
            for was in before
            if e.serial == was.serial and e.van == self.van
        )
        self._save(merged)
        self._copy_certificates(other)
        self.issuers.copy(other.issuers)
        for entry in merged:
            if entry.role == "van" and entry.revoked:
                self.issuers.drop(entry.name)
        if newly:
            self.publish_revocations()
        return sorted(clashes)

    def _copy_certificates(self, other: "Authority") -> None:
        newest = {entry.name: entry.serial for entry in self.issued() if not entry.revoked}
        for name, serial in newest.items():
            theirs = other.directory / "certificates" / f"{name}.pem"
            if theirs.exists() and _load(theirs).serial_number == serial:
                replace_file(self._certificates / f"{name}.pem", theirs.read_bytes())
                der = _load(theirs).public_bytes(serialization.Encoding.DER)
                replace_file(self._certificates / f"{name}.der", der)

    @property
    def directory(self) -> Path:
        return self._ca.parent

    @property
    def root_fingerprint(self) -> str:
        return certificate.fingerprint(self.issuers.root)

    def is_whole(self, entry: Issued) -> bool:
        """Whether the certificate stands here in both forms, and is the one that was issued last."""
        path = self._certificates / entry.name
        try:
            made = self.certificate_of(entry.name)
            der = path.with_name(f"{entry.name}.der").read_bytes()
        except (OSError, ProvisionError):
            return False
        return made.serial_number == entry.serial and made.public_bytes(serialization.Encoding.DER) == der

    def forget_key(self, name: str) -> None:
        """Remove the private key of a name from this disk, once the node has it."""
        if not forget_leaf_key(self._certificates / name):
            raise ProvisionError(f"{name}: there is no key of this name in {self._certificates}")

    def hosts_of(self, name: str) -> tuple[str, ...]:
        """Which names and addresses a server's certificate answers to; none for a client."""
        if not (self._certificates / f"{name}.pem").exists():  # cut off while it was written
            return ()
        try:
            names = self.certificate_of(name).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return ()
        addresses = [str(one) for one in names.get_values_for_type(x509.IPAddress)]
        return (*names.get_values_for_type(x509.DNSName), *addresses)

    def publish_revocations(self) -> None:
        """Write this authority's list again, with a new date."""
        serials = [e.serial for e in self.issued() if e.revoked and e.van == self.van]
        last = certificate.list_number(self.issuers.revocations(self.van))
        crl = certificate.revocations(serials, self.certificate, self.key, after=last)
        own = b"" if not self.van else self.certificate.public_bytes(serialization.Encoding.PEM)
        self.issuers.put(self.van, own, crl.public_bytes(serialization.Encoding.PEM))

    def _check_new(self, name: str) -> None:
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

    def _own(self, name: str) -> Issued:
        """The valid certificate of a name that this authority itself issued."""
        entry = self.holder(name)
        if entry is None:
            raise ProvisionError(f"{name}: has no valid certificate")
        if entry.van != self.van or entry.role == "van":
            issuer = f"van {entry.van}" if entry.van else "the city's authority"
            raise ProvisionError(f"{name}: was issued by {issuer}, which alone can issue it anew")
        return entry

    def _certify(
        self,
        name: str,
        role: Role,
        hosts: Sequence[str],
        public: ec.EllipticCurvePublicKey,
        key: ec.EllipticCurvePrivateKey | None,
    ) -> Issued:
        made = certificate.leaf(public, name, hosts, self.certificate, self.key)
        entry = Issued(name, role, made.serial_number, made.not_valid_after_utc.isoformat(), van=self.van)
        self._save([*self.issued(), entry])  # first: what nobody knows of could not be revoked
        path = self._certificates / name
        if key is not None:
            save_leaf_key(path, key)
        pem = made.public_bytes(serialization.Encoding.PEM)
        if self.van:
            pem += self.certificate.public_bytes(serialization.Encoding.PEM)
        replace_file(path.with_name(f"{name}.pem"), pem)
        replace_file(path.with_name(f"{name}.der"), made.public_bytes(serialization.Encoding.DER))
        return entry

    def _mark(self, gone: list[Issued]) -> None:
        serials = {entry.serial for entry in gone}
        self._save([e._replace(revoked=True) if e.serial in serials else e for e in self.issued()])
        if any(entry.van == self.van for entry in gone):
            self.publish_revocations()

    def _save(self, entries: list[Issued]) -> None:
        text = json.dumps([e._asdict() for e in entries], indent=1)
        replace_file(self._ca / "issued.json", text.encode() + b"\n")


def _load(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        raise ProvisionError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise ProvisionError(f"{path}: is no certificate in PEM") from None
