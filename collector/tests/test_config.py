"""A wrong configuration is refused at the door, and the message names the file and the key."""

import subprocess
import sys
from pathlib import Path

import pytest

from collector.config import load_config
from collector.entities.inventory import ConfigError, load_inventory


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("city")
    command = [sys.executable, "-m", "provisioning", "quickstart", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def test_what_the_quickstart_wrote_is_taken_and_its_paths_are_absolute(quickstart: Path) -> None:
    config = load_config(quickstart / "collector.toml")
    assert (config.city, config.store.url) == ("koper", "duckdb:observations.duckdb")
    assert config.data == quickstart / "data"
    assert config.broker.key == quickstart / "certificates" / "collector.key"
    inventory = load_inventory(config.inventory)
    assert inventory.publisher[0].things == ("spot-0001",)
    assert inventory.thing[0].name.it == "Posto auto 1, Belvedere"


@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
def test_one_line_chooses_the_broker(quickstart: Path, kind: str) -> None:
    file = quickstart / "chosen.toml"
    file.write_text((quickstart / "collector.toml").read_text().replace('kind = "nats"', f'kind = "{kind}"'))
    assert load_config(file).broker.config == quickstart / "broker" / f"{kind}.conf"
    assert load_config(file).broker.config.is_file()


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ('city = "koper"', 'city = "Koper"', "city: "),
        ('city = "koper"', "", "city: Field required"),
        ('data = "data"', 'dada = "data"', "dada: unknown key"),
        ("[http]", "[http]\nlogin = true", "http.login: unknown key"),
        (
            'host = "127.0.0.1"\nport = 8080',
            'host = "0.0.0.0"\nport = 8080',
            "http: host: 0.0.0.0 is reached from outside",
        ),
        ("[http]", '[http]\ncertificate = "http.pem"', "http: certificate: it takes a certificate and a key"),
        ("[http]", '[http]\ncertificate = "no.pem"\nkey = "no.key"', "http.certificate: there is no file"),
        ("[http]", '[http.oidc]\nissuer = "http://sign.in"\naudience = "x"\n[http]', "http.oidc.issuer: "),
        ("[http]", "[http]\nanyone = { per_second = 0, at_once = 1 }", "http.anyone.per_second: "),
        ("[http]", '[access]\nopen = "all"\n[http]', "access.open: unknown key"),
        ("port = 8080", 'port = "many"', "http.port: "),
        ("port = 8883", "port = 70000", "broker.port: "),
        ('kind = "nats"', 'kind = "emqx"', "broker.kind: "),
        ("certificates/collector.pem", "certificates/none.pem", "broker.certificate: there is no file"),
        ("[store]", "[store", "line"),
        ("[http]", '[[store.keep]]\nquantity = "laek"\ndays = 30\n[http]', "store.keep.0.quantity: unknown quantity"),
        ("[http]", '[[store.keep]]\nquantity = "laeq"\ndays = 0\n[http]', "store.keep.0.days: "),
    ],
)
def test_a_wrong_key_is_named(quickstart: Path, before: str, after: str, expected: str) -> None:
    file = quickstart / "wrong.toml"
    text = (quickstart / "collector.toml").read_text()
    assert before in text
    file.write_text(text.replace(before, after))
    with pytest.raises(ConfigError) as refused:
        load_config(file)
    assert str(file) in str(refused.value)
    assert expected in str(refused.value)


def test_what_is_kept_for_how_long_is_read(quickstart: Path) -> None:
    file = quickstart / "keep.toml"
    rules = '[[store.keep]]\nquantity = "laeq"\nperiod = 1000\ndays = 40\n[[store.keep]]\nquantity = "*"\ndays = 800\n'
    file.write_text((quickstart / "collector.toml").read_text() + rules)
    found = [(one.quantity, one.period, one.days) for one in load_config(file).store.keep]
    assert found == [("laeq", 1000, 40), ("*", None, 800)]


SHARED = (
    'server_name = "localhost"\nshare = "collectors"',
    'kind = "external"',
    'url = "influx://127.0.0.1:8086/senzorika"',
    '[metadata]\nurl = "sqlite:/var/lib/senzorika/registry.sqlite"\n\n[http]',
)


def shared(quickstart: Path, *changes: tuple[str, str]) -> Path:
    text = (quickstart / "collector.toml").read_text()
    before = ('server_name = "localhost"', 'kind = "nats"', 'url = "duckdb:observations.duckdb"', "[http]")
    for old, new in (*zip(before, SHARED, strict=True), *changes):
        assert old in text
        text = text.replace(old, new)
    file = quickstart / "shared.toml"
    file.write_text(text)
    return file


def test_several_may_share_what_influxdb_stores(quickstart: Path) -> None:
    config = load_config(shared(quickstart))
    assert (config.broker.share, config.broker.member) == ("collectors", "collector")
    assert load_config(quickstart / "collector.toml").broker.member == ""


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            'kind = "external"',
            'kind = "nats"',
            "broker.kind: nats-server grants a shared subscription and delivers nothing",
        ),
        (
            "influx://127.0.0.1:8086/senzorika",
            "duckdb:observations.duckdb",
            "store.url: only influx: can be written by",
        ),
        ("influx://127.0.0.1:8086/senzorika", "memory:", "store.url: only influx: can be written by"),
        ("sqlite:/var/lib/senzorika/", "sqlite:", "metadata.url: collectors that share need one ledger"),
        ('share = "collectors"', 'share = "a/b"', "broker.share: "),
        (
            'share = "collectors"',
            'share = "collectors"\nclient_id = "collector-2"',
            "broker.client_id: expected collector, the name in broker.certificate",
        ),
    ],
)
def test_what_several_cannot_share_is_refused_with_its_key(
    quickstart: Path, before: str, after: str, expected: str
) -> None:
    with pytest.raises(ConfigError, match=r"shared\.toml") as refused:
        load_config(shared(quickstart, (before, after)))
    assert expected in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: No such file"):
        load_config(tmp_path / "none.toml")


THING = '[[thing]]\nid = "t-1"\nname = { sl = "a", it = "b", en = "c" }\ncenter = "mobility"\n'
PUBLISHER = '[[publisher]]\nid = "p-1"\nrole = "node"\nthings = ["t-1"]\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (THING.replace("mobility", "parking"), "thing.0.center: "),
        (THING.replace("t-1", "T 1"), "thing.0.id: "),
        (THING.replace('it = "b", ', ""), "thing.0.name.it: Field required"),
        (THING + "location = [200, 45]\n", "thing.0.location"),
        (THING + "colour = 1\n", "thing.0.colour: unknown key"),
        (THING + THING, "thing.1.id: t-1 stands here twice"),
        (PUBLISHER, "publisher.0.things.0: there is no thing t-1"),
        (THING + PUBLISHER.replace("t-1", "*"), "publisher.0.things.0: "),
        (THING + PUBLISHER + PUBLISHER, "publisher.1.id: p-1 is taken"),
        (THING + PUBLISHER.replace("p-1", "collector"), "publisher.0.id: collector is taken"),
        (THING + PUBLISHER.replace("node", "king"), "publisher.0.role: "),
    ],
)
def test_a_wrong_inventory_is_refused_with_its_key(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "inventory.toml"
    file.write_text(f'city = "koper"\n{text}')
    with pytest.raises(ConfigError) as refused:
        load_inventory(file)
    assert expected in str(refused.value)
