"""How does a phone reach the page? HTTPS on the laptop, one connection a thread, nothing from anywhere else.

Cameras and receivers open to pages of HTTPS only. Everything but the page itself and the authority's certificate asks
for the cookie that the code gave.
"""

import json
import socket
import ssl
import sys
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from provisioning import ProvisionError
from provisioning.phone_door import Door
from provisioning.phone_work import PhoneWork

LARGEST = 32 * 1024 * 1024
"""Of a request: a photo of 20 MiB in base64, and the rest."""
SECONDS = 30.0
_COOKIE = "senzorika-phone"
_WEB = Path(__file__).parent / "web"
_FILES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/words.js": ("words.js", "text/javascript; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob:; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Permissions-Policy": "camera=(self), geolocation=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Page(NamedTuple):
    """What the server needs: who may enter, what they may do, and by which names it is asked."""

    door: Door
    work: PhoneWork
    hosts: tuple[str, ...]
    certificate: Path
    key: Path
    authority: Path
    """The root's certificate in DER, for a phone to install."""


def server(page: Page, host: str, port: int) -> ThreadingHTTPServer:
    """Bound and not yet serving; raise ProvisionError where the port is taken."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(page.certificate, page.key)
    try:
        made = _Server((host, port), partial(_Handler, page))
    except OSError as error:
        raise ProvisionError(f"{host}:{port}: {error.strerror or error}") from None
    # The handshake is made in the thread of its connection: a phone that stalls stops nobody else.
    made.socket = context.wrap_socket(made.socket, server_side=True, do_handshake_on_connect=False)
    return made


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A phone that went away is no trouble; anything else is a mistake of ours and is shown."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "senzorika"
    sys_version = ""
    connection: socket.socket

    def __init__(self, page: Page, *arguments: Any) -> None:
        self._page = page
        super().__init__(*arguments)

    def setup(self) -> None:
        self.request.settimeout(SECONDS)
        self.request.do_handshake()
        super().setup()

    def do_GET(self) -> None:
        if not self._is_for_us():
            return
        if self.path in _FILES:
            name, media_type = _FILES[self.path]
            self._answer(HTTPStatus.OK, (_WEB / name).read_bytes(), media_type)
        elif self.path == "/ca.crt":
            self._answer(HTTPStatus.OK, self._page.authority.read_bytes(), "application/x-x509-ca-cert")
        elif self.path == "/api/names":
            self._do(lambda _: self._page.work.names())
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such page")

    def do_POST(self) -> None:
        if not self._is_for_us():
            return
        ways = {"/api/commission": self._page.work.commission, "/api/finish": self._page.work.finish}
        if self.headers.get_content_type() != "application/json":
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected application/json")
        elif self.path == "/api/enter":
            self._enter()
        elif self.path in ways:
            self._do(ways[self.path])
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such page")

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the name it has there
        """What is asked is no news on the laptop."""

    def _is_for_us(self) -> bool:
        """A name that somebody else's page made point to us is not ours."""
        name = self.headers.get("Host", "").partition(":")[0]
        if name in self._page.hosts:
            return True
        self._refuse(HTTPStatus.MISDIRECTED_REQUEST, "this laptop is not asked by that name")
        return False

    def _enter(self) -> None:
        try:
            told = self._body()
            token = self._page.door.enter(told.get("code") if isinstance(told, dict) else None)
        except ProvisionError as error:
            self._refuse(HTTPStatus.FORBIDDEN, str(error))
            return
        cookie = f"{_COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Strict"
        self._answer(HTTPStatus.OK, b"{}", "application/json", {"Set-Cookie": cookie})

    def _do(self, way: Callable[[Any], dict[str, Any]]) -> None:
        if not self._page.door.knows(self._token()):
            self._refuse(HTTPStatus.UNAUTHORIZED, "code: type the one on the laptop")
            return
        try:
            answer = way(self._body() if self.command == "POST" else None)
        except ProvisionError as error:
            self._refuse(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
            return
        self._answer(HTTPStatus.OK, json.dumps(answer).encode(), "application/json")

    def _token(self) -> str:
        try:
            cookie = SimpleCookie(self.headers.get("Cookie", ""))
        except CookieError:
            return ""
        return cookie[_COOKIE].value if _COOKIE in cookie else ""

    def _body(self) -> Any:
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or int(length) > LARGEST:
            raise ProvisionError(f"the request: expected a Content-Length of at most {LARGEST >> 20} MiB")
        try:
            return json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            raise ProvisionError("the request: is no JSON") from None

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        self.close_connection = True  # what was not read of it is no next request
        self._answer(status, json.dumps({"message": message}).encode(), "application/json", {"Connection": "close"})

    def _answer(self, status: HTTPStatus, body: bytes, media_type: str, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (_HEADERS | {"Content-Type": media_type, "Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
