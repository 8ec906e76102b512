"""How is InfluxDB 1.x spoken to? Bytes to /write, InfluxQL to /query, over one kept connection per thread."""

import socket
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from collector.stores import StoreError


class RefusedLinesError(Exception):
    """InfluxDB will never take at least one of these lines; the text is its reason."""


class Address:
    """``//127.0.0.1:8086/senzorika``: host, port and database; raises ValueError."""

    def __init__(self, rest: str) -> None:
        parts = urlsplit(f"influx:{rest}")
        self.database = parts.path.strip("/")
        if not parts.hostname or not self.database.replace("_", "").replace("-", "").isalnum():
            raise ValueError(f"expected influx://127.0.0.1:8086/<database>, got influx:{rest}")
        self.host, self.port = parts.hostname, parts.port or 8086
        if self.host != "localhost" and not ip_address(self.host).is_loopback:
            raise ValueError(f"expected InfluxDB on the loopback (nothing is encrypted there), got {self.host}")


class InfluxConnection:
    """Everything blocks, for at most ``timeout`` seconds without a byte; belongs to one thread."""

    def __init__(self, address: Address, timeout: float = 30.0) -> None:
        self._address = address
        self._http = HTTPConnection(address.host, address.port, timeout=timeout)

    def write(self, lines: list[bytes]) -> None:
        """Return once InfluxDB has them on disk. Raises RefusedLinesError, StoreError when to try again."""
        parameters = urlencode({"db": self._address.database, "precision": "ms"})
        status, body = self._ask("POST", f"/write?{parameters}", b"\n".join(lines))
        if status in (400, 413):
            raise RefusedLinesError(_reason(body))
        if status != 204:
            raise StoreError(f"influx: {status}: {_reason(body)}")

    def query(self, statement: str) -> list[dict[str, Any]]:
        """Return the series of the answer, each with ``columns``, ``values`` and perhaps ``tags``."""
        form = urlencode({"db": self._address.database, "epoch": "ms", "q": statement}).encode()
        status, body = self._ask("POST", "/query", form, {"Content-Type": "application/x-www-form-urlencoded"})
        if status != 200:
            raise StoreError(f"influx: {status}: {_reason(body)}")
        result = msgspec.json.decode(body)["results"][0]
        if "error" in result:
            raise StoreError(f"influx: {result['error']}")
        series: list[dict[str, Any]] = result.get("series", [])
        return series

    def interrupt(self) -> None:
        """From any thread: what runs now ends with StoreError."""
        if self._http.sock:
            self._http.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._http.close()

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        try:
            self._http.request(method, path, body, headers or {})
            answer = self._http.getresponse()
            return answer.status, answer.read()
        except (OSError, HTTPException) as error:
            self._http.close()  # the next request opens a new connection
            raise StoreError(f"influx: {self._address.host}:{self._address.port}: {error or type(error)}") from error


def _reason(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body)["error"])
    except (ValueError, TypeError, KeyError):
        return body[:200].decode(errors="replace")
