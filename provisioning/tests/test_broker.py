import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from provisioning import ProvisionError, broker
from provisioning.authority import Authority


@pytest.fixture
def city(tmp_path: Path) -> Path:
    authority = Authority.create(tmp_path, "koper")
    authority.issue("broker", "broker", hosts=("localhost",))
    authority.issue("park-0001", "node")
    authority.issue("reader", "reader")
    return tmp_path


def test_a_node_may_write_and_hear_its_own_topics_only(city: Path) -> None:
    broker.write(city, "koper", 18883)
    acl = (city / "broker/mosquitto.acl").read_text()
    assert "user park-0001\ntopic write koper/v1/park-0001/reading\n" in acl
    assert "topic write koper/v1/park-0001/receipt" not in acl
    nats = (city / "broker/nats.conf").read_text()
    line = next(line for line in nats.splitlines() if "CN=park-0001" in line)
    assert 'publish: {allow: ["koper.v1.park-0001.reading"' in line
    assert "*" not in line


def test_a_reader_publishes_nothing(city: Path) -> None:
    broker.write(city, "koper", 18883)
    nats = (city / "broker/nats.conf").read_text()
    assert '"CN=reader", allowed_connection_types: ["MQTT"], permissions: {publish: {deny: [">"]}' in nats
    acl = (city / "broker/mosquitto.acl").read_text()
    assert "write" not in acl.split("user reader")[1]


def test_nats_server_takes_the_configuration(city: Path) -> None:
    program = Path(sys.executable).with_name("nats-server")
    config = broker.write(city, "koper", 18883)["nats"]
    verdict = subprocess.run([program, "-c", config, "-t"], capture_output=True, text=True, check=False)
    assert verdict.returncode == 0, verdict.stderr


def test_a_revoked_name_loses_its_user_and_is_denied(city: Path) -> None:
    Authority(city).revoke("park-0001")
    broker.write(city, "koper", 18883)
    assert "CN=park-0001" not in (city / "broker/nats.conf").read_text()
    assert "user park-0001\ntopic deny #" in (city / "broker/mosquitto.acl").read_text()


def test_writing_again_keeps_the_port(city: Path) -> None:
    broker.write(city, "koper", 18883)
    assert broker.port_of(city) == 18883


def test_no_configuration_to_keep_a_port_from_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match=r"mosquitto\.conf: No such file or directory; run quickstart first"):
        broker.port_of(tmp_path)


def test_a_stale_process_number_is_nobody_to_reload(city: Path) -> None:
    broker.write(city, "koper", 18883)
    sleeper = subprocess.Popen([shutil.which("sleep") or "sleep", "30"])
    try:
        (city / "broker/nats.pid").write_text(str(sleeper.pid))
        assert broker.reload(city) is None
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()
