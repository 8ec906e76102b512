"""From where do nodes fetch a release? From the laptop: HTTPS that takes certificates of the city alone.

``/manifest.json`` is the one of the folder; nothing outside of what a manifest can name is handed out.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from provisioning import ProvisionError, offered

_DEADLINE_S = 30


class _Handler(BaseHTTPRequestHandler):
    """``contents``: by path, held in memory: a folder that changes meanwhile changes nothing."""

    timeout = _DEADLINE_S

    def __init__(self, *arguments: object, contents: dict[str, bytes]) -> None:
        self._contents = contents
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        octets = self._contents.get(self.path)
        if octets is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    def log_message(self, *_: object) -> None:
        """The rollout says what became of it."""


@contextmanager
def serving(directory: Path, folder: Path, name: str, host: str, port: int) -> Iterator[int]:
    """The port on which it is served, until the block ends; ``name``: whose certificate is shown (its host counts)."""
    manifest = offered.load(folder)
    paths = ["manifest.json", *(file["path"] for file in manifest["files"])]
    contents = {f"/{path}": (folder / path).read_bytes() for path in paths}
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(directory / "ca" / "ca.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    certificate = directory / "certificates" / name
    try:
        context.load_cert_chain(f"{certificate}.pem", f"{certificate}.key")
        server = ThreadingHTTPServer((host, port), partial(_Handler, contents=contents))
    except (OSError, ssl.SSLError) as error:
        raise ProvisionError(f"{certificate}.pem, {host}:{port}: {error}") from None
    server.daemon_threads = True
    # A handshake belongs to its own thread: who only connects must not hold up the others.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
