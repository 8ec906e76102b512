"""A certificate that is not right opens nothing, and the node's log and outbox say why it waits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hil_tests.instruments import broker, certificates, node
from hil_tests.instruments.process import BenchError, Program, find, wait_until
from provisioning.__main__ import main as provision
from provisioning.broker import Kind, port_of

try:
    find("micropython")
except BenchError as missing:
    pytest.skip(str(missing), allow_module_level=True)

Spoil = Callable[[Path], Any]


@contextmanager
def running(kind: Kind, directory: Path, tmp_path: Path) -> Iterator[Program]:
    """A broker and a node of this directory, as its certificates are now."""
    config = {
        "city": "koper",
        "publisher": "park-0001",
        "thing": "spot-0001",
        "kind": "parking",
        "period_ms": 200,
        "broker": {"host": "127.0.0.1", "port": port_of(directory), "server_name": "localhost"},
        "hal": {"sensor": "127.0.0.1:1"},
    }
    built = node.build(tmp_path / "node", config, directory / "certificates", directory / "ca" / "ca.der")
    started = broker.start(kind, directory, tmp_path / "broker.log")
    program = Program("park-0001", built.command, tmp_path / "node.log", environment=built.environment)
    program.start()
    try:
        yield program
    finally:
        program.kill()
        started.kill()


def of_broker(**how: Any) -> Spoil:
    def spoil(directory: Path) -> None:
        how_signed = {"host": "localhost", **how}
        certificates.replace(directory, "broker", certificates.of_city(directory), **how_signed)

    return spoil


def of_node(**how: Any) -> Spoil:
    return lambda directory: certificates.replace(directory, "park-0001", certificates.of_city(directory), **how)


# nats-server knows names, mosquitto the revocation list.
REVOKED = {
    "nats": "refused: not authorized",
    "mosquitto": "the broker refuses our certificate: revoked, or of another authority?",
}
CASES: dict[str, tuple[Spoil, str | dict[str, str]]] = {
    "broker expired": (of_broker(days=(-30, -1)), "the broker's certificate has expired"),
    "broker not yet valid": (of_broker(days=(2, 30)), "the broker's certificate is not valid yet: is the clock right?"),
    "broker of another name": (of_broker(host="elsewhere"), "the broker's certificate has another name"),
    "broker of strangers": (
        lambda directory: certificates.replace(directory, "broker", certificates.stranger(directory), host="localhost"),
        "the broker's certificate is not signed by our authority",
    ),
    "node expired": (of_node(days=(-30, -1)), "the broker refuses our certificate: it has expired"),
    "node of strangers": (
        lambda directory: certificates.replace(directory, "park-0001", certificates.stranger(directory)),
        "the broker refuses our certificate: revoked, or of another authority?",
    ),
    "node revoked": (lambda directory: provision(["revoke", str(directory), "park-0001"]), REVOKED),
}


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_certificate_is_refused_with_its_reason(case: str, kind: Kind, directory: Path, tmp_path: Path) -> None:
    spoil, named = CASES[case]
    reason = named[kind] if isinstance(named, dict) else named
    spoil(directory)
    with running(kind, directory, tmp_path) as program:
        wait_until(lambda: program.last_lines(50).count(f"link: {reason}") >= 2, reason, 120)
        assert program.is_running, "sampling goes on"
        assert "connected" not in program.last_lines(50)


def test_right_certificates_open_the_connection(kind: Kind, directory: Path, tmp_path: Path) -> None:
    """Or the refusals above would prove nothing."""
    certificates.replace(directory, "broker", certificates.of_city(directory), host="localhost")
    certificates.replace(directory, "park-0001", certificates.of_city(directory))
    with running(kind, directory, tmp_path) as program:
        wait_until(lambda: "node: connected" in program.last_lines(50), "the connection", 120)
