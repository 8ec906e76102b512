"""How do lines get into InfluxDB? As one body of bytes, which is answered when it is durable."""

import gzip
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from queue import SimpleQueue
from typing import Any, Protocol
from urllib.parse import urlencode

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from collector.influx.address import Address
from collector.influx.answers import Answer, RefusedLinesError, check_written
from collector.influx.connection import HttpConnection
from collector.store import StoreError


class LineWriter(Protocol):
    """Belongs to one thread; blocks for at most its timeout. Writing the same lines twice equals writing them once."""

    def write(self, lines: bytes) -> None:
        """Return once InfluxDB has all lines on disk. Raises RefusedLinesError, or StoreError when to try again."""

    def close(self) -> None: ...


class Writers:
    """Several requests at a time, and while InfluxDB writes them, the next are made. Belongs to one thread."""

    def __init__(self, address: Address, count: int = 2) -> None:
        self._all = [open_writer(address) for _ in range(count)]
        self._free: SimpleQueue[LineWriter] = SimpleQueue()
        for writer in self._all:
            self._free.put(writer)
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="influx")

    def write(self, bodies: Iterable[bytes]) -> list[RefusedLinesError | None]:
        """For each of the bodies, which are sent in no order, what ``LineWriter.write`` says of its lines.

        Return, or raise StoreError, only when all of them are answered.
        """
        sent = [self._threads.submit(self._write, body) for body in bodies]
        wait(sent)
        return [one.result() for one in sent]

    def close(self) -> None:
        self._threads.shutdown()
        for writer in self._all:
            writer.close()

    def _write(self, body: bytes) -> RefusedLinesError | None:
        writer = self._free.get()
        try:
            writer.write(body)
        except RefusedLinesError as error:
            return error
        finally:
            self._free.put(writer)
        return None


def open_writer(address: Address, timeout: float = 30.0) -> LineWriter:
    return _Writer1(address, timeout) if address.version == 1 else _ClientWriter(address, timeout)


class _Writer1:
    """1.x: /write."""

    def __init__(self, address: Address, timeout: float) -> None:
        self._address = address
        self._http = HttpConnection(address, timeout)
        self._path = "/write?" + urlencode({"db": address.database, "precision": "ms"})

    def write(self, lines: bytes) -> None:
        body, encoding = _packed(lines, self._address)
        _check(self._http.ask("POST", self._path, body, {"Content-Type": _TEXT} | encoding), self._address)

    def close(self) -> None:
        self._http.close()


class _ClientWriter:
    """2.x and 3: through influxdb-client, one synchronous call per body, no retry and no gzip of its own.

    3 has 2.x's path too, and answers there to a bad line as to a failing disk (400); its own path tells them apart,
    and names the line.
    """

    def __init__(self, address: Address, timeout: float) -> None:
        self._address = address
        scheme = "https" if address.is_encrypted else "http"
        host = f"[{address.host}]" if ":" in address.host else address.host
        self._client: Any = InfluxDBClient(  # its methods have no types
            url=f"{scheme}://{host}:{address.port}",
            token=address.token,
            org=address.org,
            timeout=round(timeout * 1000),
            ssl_context=address.tls() if address.is_encrypted else None,
            connection_pool_maxsize=1,
        )
        if address.version == 2:
            self._path = "/api/v2/write"
            self._query = [("org", address.org), ("bucket", address.database), ("precision", "ms")]
        else:
            self._path = "/api/v3/write_lp"
            self._query = [("db", address.database), ("precision", "millisecond"), ("no_sync", "false")]

    def write(self, lines: bytes) -> None:
        body, encoding = _packed(lines, self._address)
        headers = {"Content-Type": _TEXT, "Accept": "application/json"} | encoding
        try:
            _, status, _ = self._client.api_client.call_api(
                self._path, "POST", query_params=self._query, header_params=headers, body=body
            )
            answer = Answer(status, b"")
        except ApiException as error:
            if not error.status:
                raise StoreError(f"{self._address.where}: {' '.join(str(error.reason).split())}") from error
            names = {name.lower(): value for name, value in (error.headers or {}).items()}
            answer = Answer(error.status, (error.body or "").encode(), names)
        except (HTTPError, OSError) as error:
            raise StoreError(f"{self._address.where}: {error or type(error).__name__}") from error
        _check(answer, self._address)

    def close(self) -> None:
        self._client.close()


_TEXT = "text/plain; charset=utf-8"


def _packed(lines: bytes, address: Address) -> tuple[bytes, dict[str, str]]:
    """On the machine itself packing costs more than it saves; level 1 packs nearly as well as 9, in a third of time.

    No time of packing goes in: the same lines give the same bytes.
    """
    if address.is_local:
        return lines, {}
    return gzip.compress(lines, compresslevel=1, mtime=0), {"Content-Encoding": "gzip"}


def _check(answer: Answer, address: Address) -> None:
    try:
        check_written(answer)
    except StoreError as error:
        raise StoreError(f"{address.where}: {error}") from None
