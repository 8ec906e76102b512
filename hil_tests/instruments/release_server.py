"""Who serves releases to nodes? An HTTPS server that asks for a certificate of the city, as a provisioning tool will.

``/12/manifest.json`` is the manifest in the folder ``12`` below the root.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """The node says what matters."""


class ReleaseServer:
    """Listens on a free port of the loopback; ``directory`` is the city whose certificates count.

    ``name`` is whose certificate it shows: the broker's is for this host.
    """

    def __init__(self, directory: Path, root: Path, name: str = "broker") -> None:
        root.mkdir(parents=True, exist_ok=True)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(directory / "ca" / "ca.pem"))
        context.verify_mode = ssl.CERT_REQUIRED
        certificate = directory / "certificates" / name
        context.load_cert_chain(f"{certificate}.pem", f"{certificate}.key")
        self.root = root
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(root)))
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        Thread(target=self._server.serve_forever, daemon=True).start()

    def url(self, release: int) -> str:
        return f"https://localhost:{self._server.server_address[1]}/{release}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def serving(directory: Path, root: Path, name: str = "broker") -> Iterator[ReleaseServer]:
    """Until the block ends."""
    server = ReleaseServer(directory, root, name)
    try:
        yield server
    finally:
        server.stop()
