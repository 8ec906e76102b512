"""What the InfluxDB store is tested against: real servers, and one that writes down what it is asked."""

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from collector.bench.servers import influx_settings

Server = subprocess.Popen[bytes]


@contextmanager
def running_influx(folder: Path, port: int, *, auth: bool = False, tls: bool = False) -> Iterator[Server]:
    """A real influxd 1.x on the loopback. ``tls`` wants influx.pem and influx.key in the folder."""
    program = shutil.which("influxd")
    if program is None:
        pytest.skip("there is no influxd here (apt install influxdb)")
    settings = influx_settings(folder, port, auth=auth, tls=tls)
    with _running([program, "-config", str(settings)], folder / "log", port) as server:
        yield server


@contextmanager
def running_victoria(folder: Path, port: int) -> Iterator[Server]:
    """VictoriaMetrics speaks InfluxDB's way of writing and no InfluxQL: a peer for tests, no store."""
    program = shutil.which("victoria-metrics")
    if program is None:
        pytest.skip("there is no victoria-metrics here (apt install victoria-metrics)")
    settings = [f"-httpListenAddr=127.0.0.1:{port}", f"-storageDataPath={folder}/data", "-retentionPeriod=100y"]
    with _running([program, *settings], folder / "log", port) as server:
        yield server


@dataclass
class Request:
    method: str
    path: str
    parameters: dict[str, str]
    headers: dict[str, str]
    body: bytes


class Recorder:
    """Writes down what it is asked, and answers as it is told: ``answers`` to POSTs in turn, 204 when none is left."""

    def __init__(self, version: str) -> None:
        self.requests: list[Request] = []
        self.answers: list[tuple[int, dict[str, str], bytes] | None] = []
        """(status, headers, body); None: the connection is closed without a word."""
        self.rows = b'{"results":[{"statement_id":0}]}'
        self.version = version
        self.port = 0

    @property
    def writes(self) -> list[Request]:
        return [one for one in self.requests if one.method == "POST"]

    def answer(self, request: Request) -> tuple[int, dict[str, str], bytes] | None:
        self.requests.append(request)
        if request.path == "/ping":
            return 204, {"X-Influxdb-Build": "OSS", "X-Influxdb-Version": self.version}, b""
        if request.method == "GET":
            return 200, {"Content-Type": "application/json"}, self.rows
        return self.answers.pop(0) if self.answers else (204, {}, b"")


@contextmanager
def recording(version: str, tls: SSLContext | None = None) -> Iterator[Recorder]:
    recorder = Recorder(version)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = Request(self.command, url.path, dict(parse_qsl(url.query)), dict(self.headers.items()), body)
            answer = recorder.answer(request)
            if answer is None:
                self.close_connection = True
                return
            status, headers, content = answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST  # noqa: N815  # the name is http.server's

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that trusts nobody hangs up."""

        def get_request(self) -> tuple[socket.socket, Any]:
            connection, address = super().get_request()
            return (tls.wrap_socket(connection, server_side=True) if tls else connection), address

    server = Server(("127.0.0.1", 0), Handler)
    recorder.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield recorder
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def _running(command: list[str], log: Path, port: int) -> Iterator[Server]:
    with log.open("wb") as file:
        server = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        deadline = time.monotonic() + 20
        while not _answers(port):
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{command[0]} does not start: {log.read_text()[-500:]}")
            time.sleep(0.05)
        yield server
    finally:
        server.terminate()
        server.wait(10)


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status in (204, 400)  # 400: it expects TLS
    except OSError:
        return False
    finally:
        connection.close()


def certificate(folder: Path, name: str) -> SSLContext:
    """A server at 127.0.0.1 whose certificate signs itself; ``name``.pem is what to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    pkcs8, bare = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / f"{name}.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, bare))
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context
