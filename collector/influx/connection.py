"""How is InfluxDB asked? InfluxQL to /query, which 1.x, 2.x and 3 all have, over one kept connection per thread."""

import socket
from base64 import b64encode
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlencode

from collector.influx.address import Address
from collector.influx.answers import Answer, describe, is_partial, rows_of
from collector.store import StoreError


class HttpConnection:
    """Everything blocks, for at most ``timeout`` seconds without a byte; belongs to one thread."""

    def __init__(self, address: Address, timeout: float = 30.0) -> None:
        self._address = address
        if address.is_encrypted:
            self._http: HTTPConnection = HTTPSConnection(
                address.host, address.port, timeout=timeout, context=address.tls()
            )
        else:
            self._http = HTTPConnection(address.host, address.port, timeout=timeout)
        self._interrupted = False

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
        """Return the whole answer; raises StoreError. Ask only for what may be asked twice."""
        try:
            answer = self.open(method, path, body, headers)
            return Answer(answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()})
        except (OSError, HTTPException) as error:
            raise self.broken(error) from error

    def open(self, method: str, path: str, body: bytes | None, headers: dict[str, str] | None) -> HTTPResponse:
        """Return the answer with its body still to be read, which may raise OSError or HTTPException as this may."""
        was_open = self._http.sock is not None
        try:
            return self._request(method, path, body, headers)
        except (ConnectionError, HTTPException):
            if not was_open or self._interrupted:
                raise
        self._http.close()  # a kept connection that the other side had closed meanwhile: one new one
        return self._request(method, path, body, headers)

    def interrupt(self) -> None:
        """From any thread: what runs now, and everything after it, ends with StoreError."""
        self._interrupted = True
        if sock := self._http.sock:
            socket.socket.shutdown(sock, socket.SHUT_RDWR)  # below TLS, which another thread may be reading

    def close(self) -> None:
        self._http.close()

    def broken(self, error: Exception) -> StoreError:
        self._http.close()  # the next request opens a new connection
        text = "interrupted" if self._interrupted else str(error) or type(error).__name__
        return StoreError(f"{self._address.where}: {text}")

    def _request(self, method: str, path: str, body: bytes | None, headers: dict[str, str] | None) -> HTTPResponse:
        if self._interrupted:
            raise ConnectionAbortedError("interrupted")
        self._http.request(method, path, body, authorization(self._address) | (headers or {}))
        return self._http.getresponse()


class InfluxConnection:
    """Asks one database; belongs to one thread, only ``interrupt`` may come from another."""

    def __init__(self, address: Address, timeout: float = 30.0) -> None:
        self._address = address
        self._http = HttpConnection(address, timeout)

    def check_version(self) -> None:
        """Raise StoreError unless an InfluxDB of the version that the URL names answers.

        What speaks its write protocol only, as VictoriaMetrics does, answers before a write is durable.
        """
        answer = self._http.ask("GET", "/ping")
        found = answer.headers.get("x-influxdb-version", "").removeprefix("v")
        wanted = self._address.version
        if answer.status not in (200, 204):
            raise StoreError(f"{self._address.where}: /ping: {describe(answer)}")
        if not found:
            raise StoreError(f"{self._address.where}: this is no InfluxDB: /ping names no version")
        if found[0].isdigit() and found.partition(".")[0] != str(wanted):
            raise StoreError(f"{self._address.where}: expected InfluxDB {wanted} (version= in the URL), found {found}")

    def create_database(self) -> None:
        """1.x only: what exists stays as it is."""
        self.change(f'create database "{self._address.database}"')

    def query(self, statement: str) -> list[dict[str, Any]]:
        """Return the rows of one page."""
        return self._rows(self._http.ask("GET", self._path(statement)))

    def change(self, statement: str) -> None:
        """What does not only read; repeating it changes nothing more."""
        self._rows(self._http.ask("POST", self._path(statement)))

    def stream(self, statement: str, size: int) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows of an answer of any length, ``size`` at a time, as InfluxDB finds them."""
        try:
            answer = self._http.open("GET", self._path(statement, chunked="true", chunk_size=str(size)), None, None)
            if answer.status != 200:
                self._rows(Answer(answer.status, answer.read()))
            is_complete = False
            while line := answer.readline():
                if line.strip():
                    yield self._rows(Answer(200, line))
                    is_complete = not is_partial(line)
        except (OSError, HTTPException) as error:
            raise self._http.broken(error) from error
        if not is_complete:
            raise self._http.broken(EOFError("the answer ends in its middle"))

    def interrupt(self) -> None:
        """From any thread: what runs now, and everything after it, ends with StoreError."""
        self._http.interrupt()

    def close(self) -> None:
        self._http.close()

    def _path(self, statement: str, **more: str) -> str:
        return "/query?" + urlencode({"db": self._address.database, "epoch": "ms", "q": statement} | more)

    def _rows(self, answer: Answer) -> list[dict[str, Any]]:
        if answer.status != 200:
            raise StoreError(f"{self._address.where}: {describe(answer)}")
        try:
            return list(rows_of(answer.body))
        except StoreError as error:
            raise StoreError(f"{self._address.where}: {error}") from None


def authorization(address: Address) -> dict[str, str]:
    """The header that proves who asks: a user of 1.x, a token of 2.x and 3."""
    if not address.token:
        return {}
    if address.version == 1:
        return {"Authorization": "Basic " + b64encode(address.token.encode()).decode()}
    return {"Authorization": f"Token {address.token}"}  # 3 takes Token and Bearer alike
