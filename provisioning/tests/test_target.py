from pathlib import Path

import pytest

from provisioning import ProvisionError
from provisioning.target import Target, over_ssh


@pytest.fixture
def target(tmp_path: Path) -> Target:
    root = tmp_path / 'the root\'s "name" $HOME'
    root.mkdir()
    return Target(("sh", "-c"), str(root))


def test_a_file_is_written_once_with_its_mode_and_not_again(target: Target) -> None:
    content = b"'quotes' \"and\" $(nothing) \x00\xff\n"
    assert target.put("/var/lib/it's here/key", content, 0o600)
    found = Path(target.root + "/var/lib/it's here/key")
    assert (found.read_bytes(), found.stat().st_mode & 0o777) == (content, 0o600)
    assert found.parent.stat().st_mode & 0o777 == 0o755
    inode = found.stat().st_ino
    assert not target.put("/var/lib/it's here/key", content, 0o600)
    assert found.stat().st_ino == inode, "what is there already is not written again"
    assert target.put("/var/lib/it's here/key", content, 0o640), "another mode is another file"
    assert target.put("/var/lib/it's here/key", b"", 0o640)
    assert not list(found.parent.glob("*.new"))


def test_a_dry_run_says_whether_it_would_and_leaves_it(target: Target) -> None:
    assert target.put("/etc/a", b"one", dry=True)
    assert not Path(target.root + "/etc").exists()
    target.put("/etc/a", b"one")
    assert not target.put("/etc/a", b"one", dry=True)
    assert target.put("/etc/a", b"two", dry=True)
    assert Path(target.root + "/etc/a").read_bytes() == b"one"


def test_a_script_that_fails_is_told_with_its_last_line(target: Target) -> None:
    with pytest.raises(ProvisionError, match=r"^the unit: no such thing$"):
        target.run("the unit", "echo first >&2; echo no such thing >&2; exit 3")
    with pytest.raises(ProvisionError, match=r"^the unit: exit status 4$"):
        target.run("the unit", "exit 4")


def test_a_script_that_hangs_is_ended(target: Target) -> None:
    with pytest.raises(ProvisionError, match=r"^the unit: not done in 0 s$"):
        target.run("the unit", "exec sleep 30", seconds=0.3)


def test_a_program_that_is_missing_is_named() -> None:
    with pytest.raises(ProvisionError, match=r"^no-such-ssh: is not installed$"):
        Target(("no-such-ssh", "pi")).run("it", "true")


def test_ssh_gets_the_script_as_one_quoted_word() -> None:
    plain = over_ssh("pi@192.168.7.1", ("-o", "Port=2222"), sudo=False)
    assert plain.command[-5:] == ("-o", "Port=2222", "pi@192.168.7.1", "sh", "-c")
    assert plain.is_quoted
    assert over_ssh("pi", sudo=True).command[-5:] == ("pi", "sudo", "-n", "sh", "-c")
