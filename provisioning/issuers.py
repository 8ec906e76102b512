"""Which authorities does the city trust, and what did each take back? ``ca.pem`` and ``crl.pem`` are put together here.

``ca/issuers/`` holds ``VAN.pem`` for each intermediate that the root signed, and ``root.crl.pem``, ``VAN.crl.pem``.
Brokers read one file of each kind; a van whose list is missing is trusted by none of them (openssl: "unable to get
certificate CRL"), so both go in together.
"""

from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from provisioning import ProvisionError
from provisioning.certificate import list_number
from provisioning.durable import replace_file


class Issuers:
    """The folder, and the two bundles made from it."""

    def __init__(self, ca: Path) -> None:
        self._ca = ca
        self.folder = ca / "issuers"
        self.root = x509.load_pem_x509_certificates((ca / "ca.pem").read_bytes())[0]

    def put(self, van: str, pem: bytes, crl: bytes) -> None:
        """Keep an intermediate ("": the root itself, without ``pem``) and its list; what is empty is left as it is."""
        if van:
            self._check_signed(van, x509.load_pem_x509_certificate(pem))
            replace_file(self.folder / f"{van}.pem", pem)
        if crl:
            issuer = x509.load_pem_x509_certificate(pem) if van else self.root
            if not x509.load_pem_x509_crl(crl).is_signature_valid(_public(issuer)):
                raise ProvisionError(f"{van or 'root'}: its revocation list is signed by somebody else")
            replace_file(self._crl(van), crl)
        self._bundle()

    def drop(self, van: str) -> None:
        """Trust a van no more: its certificate and its list leave the bundles."""
        (self.folder / f"{van}.pem").unlink(missing_ok=True)
        self._crl(van).unlink(missing_ok=True)
        self._bundle()

    def copy(self, other: "Issuers") -> None:
        """Take over another's intermediates, and of each revocation list the newer one."""
        for van in ("", *other.vans()):
            pem = (other.folder / f"{van}.pem").read_bytes() if van else b""
            crl = other.revocations(van)
            newer = list_number(crl) > list_number(self.revocations(van))
            self.put(van, pem, crl if newer else b"")

    def vans(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.pem") if not path.name.endswith(".crl.pem"))

    def revocations(self, van: str) -> bytes:
        """One list as PEM; b"" where there is none."""
        try:
            return self._crl(van).read_bytes()
        except FileNotFoundError:
            return b""

    def _crl(self, van: str) -> Path:
        return self.folder / f"{van or 'root'}.crl.pem"

    def _check_signed(self, van: str, certificate: x509.Certificate) -> None:
        try:
            certificate.verify_directly_issued_by(self.root)
        except (ValueError, TypeError, InvalidSignature):
            raise ProvisionError(f"{van}: its certificate is not signed by this city's authority") from None

    def _bundle(self) -> None:
        vans = self.vans()
        pems = [self.root.public_bytes(serialization.Encoding.PEM)]
        pems += [(self.folder / f"{van}.pem").read_bytes() for van in vans]
        crls = [self.revocations(van) for van in ("", *vans)]
        if crls[0]:  # an empty file would lock everybody out of mosquitto
            replace_file(self._ca / "crl.pem", b"".join(crls))
        replace_file(self._ca / "ca.pem", b"".join(pems))


def _public(certificate: x509.Certificate) -> ec.EllipticCurvePublicKey:
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ProvisionError(f"{certificate.subject.rfc4514_string()}: holds no EC key")
    return key
