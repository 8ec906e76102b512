import stat
import subprocess
from pathlib import Path

import pytest
from cryptography import x509

from provisioning import ProvisionError
from provisioning.authority import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path, "koper")


def openssl_verifies(directory: Path, name: str) -> bool:
    command = ["openssl", "verify", "-crl_check", "-CAfile", "ca/ca.pem", "-CRLfile", "ca/crl.pem"]
    verdict = subprocess.run([*command, f"certificates/{name}.pem"], cwd=directory, capture_output=True, check=False)
    return verdict.returncode == 0


def test_openssl_accepts_what_was_issued_and_refuses_what_was_revoked(authority: Authority, tmp_path: Path) -> None:
    authority.issue("park-0001", "node")
    authority.issue("park-0002", "node")
    authority.revoke("park-0002")
    assert openssl_verifies(tmp_path, "park-0001")
    assert not openssl_verifies(tmp_path, "park-0002")


def test_a_client_is_its_common_name_and_nothing_else(authority: Authority, tmp_path: Path) -> None:
    authority.issue("park-0001", "node")
    certificate = x509.load_pem_x509_certificate((tmp_path / "certificates/park-0001.pem").read_bytes())
    assert certificate.subject.rfc4514_string() == "CN=park-0001"
    with pytest.raises(x509.ExtensionNotFound):
        certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)


def test_the_broker_answers_to_its_hosts(authority: Authority, tmp_path: Path) -> None:
    authority.issue("broker", "broker", hosts=("localhost", "127.0.0.1"))
    certificate = x509.load_der_x509_certificate((tmp_path / "certificates/broker.der").read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]


def test_keys_are_for_their_owner_only(authority: Authority, tmp_path: Path) -> None:
    authority.issue("park-0001", "node")
    for key in [*tmp_path.rglob("*.key"), *tmp_path.rglob("*.key.der")]:
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_creating_twice_keeps_the_first_authority(authority: Authority, tmp_path: Path) -> None:
    authority.issue("park-0001", "node")
    before = (tmp_path / "ca/ca.pem").read_bytes()
    again = Authority.create(tmp_path, "koper")
    assert (tmp_path / "ca/ca.pem").read_bytes() == before
    assert again.holder("park-0001")


def test_a_name_is_given_once(authority: Authority) -> None:
    authority.issue("park-0001", "node")
    with pytest.raises(ProvisionError, match="park-0001: has a valid certificate already"):
        authority.issue("park-0001", "node")


def test_a_revoked_name_stays_closed(authority: Authority) -> None:
    authority.issue("park-0001", "node")
    authority.revoke("park-0001")
    with pytest.raises(ProvisionError, match="park-0001: was revoked"):
        authority.issue("park-0001", "node")


@pytest.mark.parametrize("name", ["", "Park 1", "../ca", "a" * 65, "park/1"])
def test_a_name_that_is_no_id_is_refused(authority: Authority, name: str) -> None:
    with pytest.raises(ProvisionError, match="expected 1 to 64 of a-z 0-9 -"):
        authority.issue(name, "node")


def test_revoking_a_stranger_is_refused(authority: Authority) -> None:
    with pytest.raises(ProvisionError, match="park-0009: has no valid certificate"):
        authority.revoke("park-0009")


def test_a_directory_without_an_authority_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match="no certificate authority here"):
        Authority(tmp_path)
