"""Which InfluxDB a URL names, and every URL that is refused."""

from pathlib import Path

import pytest

from collector.influx.address import KEYS, Address, parse_address
from collector.stores import open_store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "influx.token").write_text("s3cret-Token==\n")
    (tmp_path / "influx.user").write_text("senzorika:s3cret-Word\n")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "two").write_text("s3cret-one\ns3cret-two\n")
    (tmp_path / "binary").write_bytes(b"s3cret\xff")
    return tmp_path


def test_a_plain_url_is_influxdb_1_on_the_loopback(folder: Path) -> None:
    address = parse_address("//127.0.0.1:8086/senzorika", folder)
    assert address == Address("127.0.0.1", 8086, "senzorika")
    assert not address.is_encrypted


@pytest.mark.parametrize("version", [2, 3])
def test_the_version_stands_in_the_url(folder: Path, version: int) -> None:
    org = "&org=koper" if version == 2 else ""
    address = parse_address(f"//localhost/senzorika?version={version}{org}&token_file=influx.token", folder)
    assert (address.version, address.port, address.token) == (version, {2: 8086, 3: 8181}[version], "s3cret-Token==")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "localhost", "[::1]"])
def test_on_the_machine_itself_nothing_is_encrypted_or_packed(folder: Path, host: str) -> None:
    address = parse_address(f"//{host}:8086/senzorika", folder)
    assert (address.is_local, address.is_encrypted) == (True, False)


@pytest.mark.parametrize("host", ["influx.koper.si", "10.0.0.4", "[2001:db8::1]", "[2001:db8::]", "127.0.0.1.koper.si"])
def test_to_another_machine_everything_is_encrypted(folder: Path, host: str) -> None:
    address = parse_address(f"//{host}:8086/senzorika?token_file=influx.user", folder)
    assert (address.is_local, address.is_encrypted) == (False, True)


REFUSED = [
    ("", "expected HOST:PORT"),
    ("/senzorika", "expected HOST:PORT"),
    ("//:8086/senzorika", "expected HOST:PORT"),
    ("//127.0.0.1:/senzorika", "expected HOST:PORT"),
    ("//127.0.0.1:port/senzorika", "expected HOST:PORT"),
    ("//127.0.0.1:99999/senzorika", "expected HOST:PORT"),
    ("//127.0.0.1:8086", "expected a database"),
    ("//127.0.0.1:8086/", "expected a database"),
    ("//127.0.0.1:8086/a/b", "expected a database"),
    ('//127.0.0.1:8086/a";drop', "expected a database"),
    ("//127.0.0.1:8086/senzorika#x", "expected a database"),
    ("//127.0.0.1:8086/?version=2&org=koper&token_file=influx.token", "expected a bucket"),
    ("//127.0.0.1:8086/senzorika?version=4", "version: expected 1, 2 or 3, got 4"),
    ("//127.0.0.1:8086/senzorika?version=", "version: expected a value"),
    (
        "//127.0.0.1:8086/senzorika?precision=ns",
        "expected one of version, org, token_file, ca_file after [?], got precision",
    ),
    ("//127.0.0.1:8086/senzorika?version=1&version=2", "each key after [?] once"),
    ("//127.0.0.1:8086/senzorika?version=2&token_file=influx.token", "org: expected the organization"),
    ("//127.0.0.1:8086/senzorika?org=koper", "org: InfluxDB 1 has no organizations"),
    ("//127.0.0.1:8086/senzorika?version=3&org=koper&token_file=influx.token", "org: InfluxDB 3 has no"),
    ("//127.0.0.1:8086/senzorika?version=2&org=koper", "token_file: InfluxDB 2 is spoken to with a token"),
    ("//127.0.0.1:8086/senzorika?version=3", "token_file: InfluxDB 3 is spoken to with a token"),
    ("//127.0.0.1:8086/senzorika?version=3&token_file=none", "token_file: .*none cannot be read: FileNotFoundError"),
    ("//127.0.0.1:8086/senzorika?version=3&token_file=empty", "token_file: expected one word"),
    ("//127.0.0.1:8086/senzorika?version=3&token_file=two", "token_file: expected one word"),
    ("//127.0.0.1:8086/senzorika?version=3&token_file=binary", "token_file: .*binary cannot be read"),
    ("//127.0.0.1:8086/senzorika?token_file=influx.token", "token_file: expected user:password"),
    ("//127.0.0.1:8086/senzorika?ca_file=none", "ca_file: expected a PEM file"),
    ("//127.0.0.1:8086/senzorika?ca_file=influx.token", "ca_file: expected a PEM file"),
    ("//senzorika:s3cret@127.0.0.1:8086/senzorika", "credentials stand in a file"),
    ("//127.0.0.1:8086/senzorika?version=3&token=s3cret", "a token stands in a file"),
]


@pytest.mark.parametrize(("rest", "reason"), REFUSED)
def test_a_wrong_url_is_refused_with_what_is_wrong_and_no_secret(folder: Path, rest: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refusal:
        open_store(f"influx:{rest}", folder)
    assert "s3cret" not in str(refusal.value)


def test_every_url_of_the_readme_is_understood_and_every_key_is_in_it(tmp_path: Path) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    section = readme.partition("\n## InfluxDB\n")[2].partition("\n## ")[0]
    (tmp_path / "influx.token").write_text("token")
    (tmp_path / "influx.user").write_text("user:password")
    urls = [line.removeprefix("influx:") for line in section.splitlines() if line.startswith("influx://")]
    assert [parse_address(rest.partition("&ca_file")[0], tmp_path).version for rest in urls] == [1, 1, 2, 3]
    assert all(f"`{key}`" in section or f"{key}=" in section for key in KEYS)


def test_an_address_shows_no_token(folder: Path) -> None:
    address = parse_address("//127.0.0.1/senzorika?version=3&token_file=influx.token", folder)
    assert "s3cret" not in repr(address) + address.where
