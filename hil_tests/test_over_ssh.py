"""A gateway is reached over a real sshd on the loopback: files, versions and the gateway's own verdict."""

import getpass
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil_tests.instruments.process import Program, answers, free_ports, wait_until
from hil_tests.instruments.second_root import SecondRoot, wheel
from provisioning import ProvisionError, gateway
from provisioning.gateway import APPLICATION, Judging
from provisioning.gateway_files import File
from provisioning.target import Target, over_ssh

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
if SSHD is None:
    pytest.skip("sshd is not installed", allow_module_level=True)


@pytest.fixture
def pi(tmp_path: Path) -> Iterator[SecondRoot]:
    made = SecondRoot(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def target(pi: SecondRoot, tmp_path: Path) -> Iterator[Target]:
    """With keys of its own; what it writes goes below the second root, not over this machine."""
    for name in ("host", "technician"):
        key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)]
        subprocess.run(key, check=True)
    shutil.copyfile(tmp_path / "technician.pub", tmp_path / "authorized_keys")
    port = free_ports(2)[1]
    config = tmp_path / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {tmp_path}/host\nPidFile none\nStrictModes no\n"
        f"AuthorizedKeysFile {tmp_path}/authorized_keys\nPasswordAuthentication no\nPermitRootLogin yes\n"
        f"SetEnv PATH={pi.path}\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd wants it, and a package makes it at boot only
    server = Program("sshd", [str(SSHD), "-D", "-e", "-f", config], tmp_path / "sshd.log")
    server.start()
    try:
        wait_until(lambda: answers(port) or not server.is_running, "sshd listens")
        assert server.is_running, server.last_lines()
        words = (
            f"Port={port}",
            f"IdentityFile={tmp_path}/technician",
            f"UserKnownHostsFile={tmp_path}/known_hosts",
            "StrictHostKeyChecking=accept-new",
        )
        options = tuple(word for one in words for word in ("-o", one))
        yield over_ssh(f"{getpass.getuser()}@127.0.0.1", options, sudo=False)._replace(root=str(pi.root))
    finally:
        server.kill()


def test_files_arrive_whole_and_only_when_they_differ(target: Target, pi: SecondRoot) -> None:
    content = b"'quotes' \"and\" $(nothing) `more` \x00\xff\n" * 5000
    wanted = [File("/etc/it's here", content, 0o600)]
    assert gateway.put(target, wanted, print, dry=False) == ["/etc/it's here"]
    assert (pi.root / "etc/it's here").read_bytes() == content
    assert pi.mode("etc/it's here") == 0o600
    assert gateway.put(target, wanted, print, dry=False) == []


def test_what_fails_there_and_who_is_not_there_is_told(target: Target) -> None:
    with pytest.raises(ProvisionError, match=r"^the unit: no such thing$"):
        target.run("the unit", "echo no such thing >&2; exit 3")
    nobody = target._replace(command=tuple(word.replace("@127.0.0.1", "@127.0.0.9") for word in target.command))
    with pytest.raises(ProvisionError, match=r"^the unit: .*127\.0\.0\.9.*refused"):
        nobody.run("the unit", "true")


@pytest.mark.slow
def test_a_version_is_installed_tried_and_left_again(target: Target, pi: SecondRoot, tmp_path: Path) -> None:
    """The first one runs and does nothing: no gateway, but a service."""
    judging = Judging(hold=2, patience=6)
    for version, mood, is_new in (("1.0.0", "silent", True), ("1.1.0", "crashing", False)):
        folder = gateway.install(target, version, wheel(tmp_path / version, version, mood))
        outcome = gateway.switch(target, APPLICATION, folder, judging, print)
        assert (outcome.is_new, outcome.runs) == (is_new, "senzorika-1.0.0"), outcome
    assert (pi.root / "opt/senzorika").readlink() == Path("senzorika-1.0.0")
