import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

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


SECRET = b"four words nobody guesses"


def test_an_encrypted_key_opens_with_its_passphrase_only(tmp_path: Path) -> None:
    Authority.create(tmp_path, "koper", SECRET).issue("park-0001", "node")
    assert b"ENCRYPTED" in (tmp_path / "ca/ca.key").read_bytes()
    assert not (tmp_path / "ca/ca.key.der").exists()
    Authority(tmp_path, lambda _: SECRET).issue("park-0002", "node")
    with pytest.raises(ProvisionError, match=r"ca\.key: the passphrase is wrong; if it is lost, nothing brings"):
        Authority(tmp_path, lambda _: b"something else").issue("park-0003", "node")
    assert not Authority(tmp_path).knows("park-0003")


def test_a_passphrase_that_nobody_can_type_is_asked_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Authority.create(tmp_path, "koper", SECRET)
    monkeypatch.delenv("SENZORIKA_PASSPHRASE", raising=False)
    monkeypatch.setattr("sys.stdin", (tmp_path / "ca/ca.pem").open())
    with pytest.raises(ProvisionError, match="is encrypted; set SENZORIKA_PASSPHRASE"):
        Authority(tmp_path).issue("park-0001", "node")
    monkeypatch.setenv("SENZORIKA_PASSPHRASE", SECRET.decode())
    Authority(tmp_path).issue("park-0001", "node")


def test_reading_rights_and_lists_needs_no_passphrase(tmp_path: Path) -> None:
    Authority.create(tmp_path, "koper", SECRET).issue("park-0001", "node")

    def never(_: Path) -> bytes:
        raise AssertionError("asked")

    assert Authority(tmp_path, never).holder("park-0001")


def test_a_key_in_clear_is_encrypted_later(authority: Authority, tmp_path: Path) -> None:
    authority.encrypt(SECRET)
    assert Authority(tmp_path).is_encrypted
    assert Authority(tmp_path, lambda _: SECRET).issue("park-0001", "node")


def test_a_renewed_certificate_has_the_same_key_and_the_old_stays_good(authority: Authority, tmp_path: Path) -> None:
    authority.issue("park-0001", "node")
    key = (tmp_path / "certificates/park-0001.key").read_bytes()
    old = authority.certificate_of("park-0001")
    authority.renew("park-0001")
    new = authority.certificate_of("park-0001")
    assert new.serial_number != old.serial_number
    assert new.public_key() == old.public_key()
    assert (tmp_path / "certificates/park-0001.key").read_bytes() == key
    assert openssl_verifies(tmp_path, "park-0001")


def test_a_rotated_name_has_a_new_key_and_its_old_certificate_is_revoked(authority: Authority, tmp_path: Path) -> None:
    authority.issue("park-0001", "node")
    shutil.copy(tmp_path / "certificates/park-0001.pem", tmp_path / "certificates/old.pem")
    authority.rotate("park-0001", keep_old=True)
    assert openssl_verifies(tmp_path, "old")  # a node in the field still has it
    assert [e.name for e in authority.settle("park-0001")] == ["park-0001"]
    assert not openssl_verifies(tmp_path, "old")
    assert openssl_verifies(tmp_path, "park-0001")
    assert authority.settle("park-0001") == []
    with pytest.raises(ProvisionError, match="park-0001: has a valid certificate already"):
        authority.issue("park-0001", "node")


def test_revoking_takes_every_certificate_of_a_name(authority: Authority, tmp_path: Path) -> None:
    authority.issue("park-0001", "node")
    shutil.copy(tmp_path / "certificates/park-0001.pem", tmp_path / "certificates/old.pem")
    authority.renew("park-0001")
    authority.revoke("park-0001")
    assert not openssl_verifies(tmp_path, "old")
    assert not openssl_verifies(tmp_path, "park-0001")
    with pytest.raises(ProvisionError, match="park-0001: has no valid certificate"):
        authority.renew("park-0001")


def test_a_key_is_forgotten_once_the_node_has_it(authority: Authority, tmp_path: Path) -> None:
    authority.issue("park-0001", "node")
    authority.forget_key("park-0001")
    assert not [*tmp_path.glob("certificates/*.key"), *tmp_path.glob("certificates/*.key.der")]
    assert (tmp_path / "certificates/park-0001.der").exists()
    with pytest.raises(ProvisionError, match="park-0001: there is no key of this name"):
        authority.forget_key("park-0001")
    authority.renew("park-0001")  # needs no private key of the node


@pytest.fixture
def van(authority: Authority, tmp_path: Path) -> Authority:
    authority.enrol_van("van-1", tmp_path / "van-1", SECRET)
    return Authority(tmp_path / "van-1", lambda _: SECRET)


def test_the_city_trusts_what_a_van_issued_and_the_root_alone_suffices_with_the_chain(
    authority: Authority, van: Authority, tmp_path: Path
) -> None:
    van.issue("park-0007", "node")
    assert authority.take(van) == []
    assert openssl_verifies(tmp_path, "park-0007")
    assert authority.holder("park-0007").van == "van-1"
    root = tmp_path / "root.pem"
    root.write_bytes(authority.issuers.root.public_bytes(serialization.Encoding.PEM))
    chain = tmp_path / "certificates/park-0007.pem"
    command = ["openssl", "verify", "-x509_strict", "-CAfile", root, "-untrusted", chain, chain]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_what_a_van_revoked_is_revoked_in_the_city(authority: Authority, van: Authority, tmp_path: Path) -> None:
    van.issue("park-0007", "node")
    authority.take(van)
    van.revoke("park-0007")
    authority.take(van)
    assert not openssl_verifies(tmp_path, "park-0007")
    assert authority.holder("park-0007") is None


def test_what_the_city_revoked_of_a_van_gets_into_its_list_when_the_van_hears_of_it(
    authority: Authority, van: Authority, tmp_path: Path
) -> None:
    van.issue("park-0007", "node")
    authority.take(van)
    authority.revoke("park-0007")
    assert openssl_verifies(tmp_path, "park-0007")  # rights are gone; the list is the van's to sign
    van.take(authority)
    authority.take(van)
    assert not openssl_verifies(tmp_path, "park-0007")


def test_a_stolen_van_takes_everything_it_issued_with_it(authority: Authority, van: Authority, tmp_path: Path) -> None:
    van.issue("park-0007", "node")
    authority.take(van)
    authority.revoke("van-1")
    assert authority.holder("park-0007") is None
    assert not openssl_verifies(tmp_path, "park-0007")
    van.issue("park-0008", "node")
    authority.take(van)
    shutil.copy(van.directory / "certificates/park-0008.pem", tmp_path / "certificates/")
    assert not openssl_verifies(tmp_path, "park-0008")


def test_a_van_issues_no_collectors_and_no_vans(van: Authority, tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match="collector-2: a van issues node gateway reader broker"):
        van.issue("collector-2", "collector")
    with pytest.raises(ProvisionError, match="van-2: a van makes no vans"):
        van.enrol_van("van-2", tmp_path / "van-2", SECRET)


def test_a_van_needs_a_passphrase_and_its_own_directory(authority: Authority, van: Authority, tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match="van-2: the key of a van is encrypted"):
        authority.enrol_van("van-2", tmp_path / "van-2", b"")
    with pytest.raises(ProvisionError, match="there is an authority already"):
        authority.enrol_van("van-2", van.directory, SECRET)
    with pytest.raises(ProvisionError, match="root: is what"):
        authority.enrol_van("root", tmp_path / "van-2", SECRET)


def test_a_name_that_two_vans_gave_is_shown(authority: Authority, van: Authority, tmp_path: Path) -> None:
    authority.enrol_van("van-2", tmp_path / "van-2", SECRET)
    second = Authority(tmp_path / "van-2", lambda _: SECRET)
    van.issue("park-0007", "node")
    second.issue("park-0007", "node")
    assert authority.take(van) == []
    assert authority.take(second) == ["park-0007"]
    with pytest.raises(ProvisionError, match="park-0007: was issued by van van-2, which alone can issue it anew"):
        authority.rotate("park-0007")


def test_another_citys_authority_is_not_taken_over(authority: Authority, tmp_path: Path) -> None:
    other = Authority.create(tmp_path / "piran", "piran")
    with pytest.raises(ProvisionError, match="belongs to another city's authority"):
        authority.take(other)


def test_who_says_that_we_issued_what_we_did_not_is_refused(authority: Authority, van: Authority) -> None:
    van.issue("park-0007", "node")
    file = van.directory / "ca/issued.json"
    written = file.read_text().replace('"node"', '"collector"')
    file.write_text(written.replace('"van": "van-1"', '"van": ""'))
    with pytest.raises(ProvisionError, match="says that we issued park-0007, which we did not"):
        authority.take(van)
    file.write_text(written)
    with pytest.raises(ProvisionError, match="park-0007: van van-1 issued a collector, which no van may"):
        authority.take(van)
    assert not authority.knows("park-0007")
