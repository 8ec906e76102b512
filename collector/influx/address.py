"""Which InfluxDB does a URL name, and how may it be spoken to? Everything is refused here, once."""

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from ssl import SSLContext, SSLError, create_default_context
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

Version = Literal[1, 2, 3]

_EXAMPLE = "influx://127.0.0.1:8086/senzorika"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
KEYS = ("version", "org", "token_file", "ca_file")
_PORTS = {1: 8086, 2: 8086, 3: 8181}
_VERSIONS: dict[str, Version] = {"1": 1, "2": 2, "3": 3}


@dataclass(frozen=True)
class Address:
    """Where one database of one InfluxDB is."""

    host: str
    port: int
    database: str
    """A database of 1.x and 3, a bucket of 2.x."""
    version: Version = 1
    org: str = ""
    token: str = field(default="", repr=False)
    """``user:password`` on 1.x."""
    ca_file: Path | None = None
    is_local: bool = True
    """On this machine: nothing is compressed, and nothing encrypted unless ``ca_file`` is given."""

    @property
    def is_encrypted(self) -> bool:
        return not self.is_local or self.ca_file is not None

    @property
    def where(self) -> str:
        """For messages: holds nothing secret."""
        return f"influx: {self.host}:{self.port}"

    def tls(self) -> SSLContext:
        """The certificate is always verified: by the system's authorities, or by ``ca_file`` alone."""
        return create_default_context(cafile=self.ca_file)


def parse_address(rest: str, folder: Path) -> Address:
    """``//HOST:PORT/DATABASE?version=2&org=koper&token_file=influx.token``; files are relative to ``folder``.

    Raises ValueError with what is wrong. The message never repeats the URL, because a secret may stand in it.
    """
    parts = urlsplit(f"influx:{rest}")
    if parts.username is not None or parts.password is not None:
        raise ValueError("influx: expected no user in the URL: credentials stand in a file, token_file=influx.token")
    host, port = _host_and_port(parts.netloc)
    options = _options(parts.query)
    version = _VERSIONS.get(options.get("version", "1"))
    if version is None:
        raise ValueError(f"influx: version: expected 1, 2 or 3, got {options['version']}")
    database = parts.path.strip("/")
    if not _NAME.fullmatch(database) or parts.fragment:
        what = "bucket" if version == 2 else "database"
        raise ValueError(f"influx: expected a {what} of letters, digits, - and _ as the path, as in {_EXAMPLE}")
    if version == 2 and "org" not in options:
        raise ValueError("influx: org: expected the organization that owns the bucket, as in org=koper")
    if version != 2 and "org" in options:
        raise ValueError(f"influx: org: InfluxDB {version} has no organizations")
    if version != 1 and "token_file" not in options:
        raise ValueError(
            f"influx: token_file: InfluxDB {version} is spoken to with a token, as in token_file=influx.token"
        )
    address = Address(
        host=host,
        port=port or _PORTS[version],
        database=database,
        version=version,
        org=options.get("org", ""),
        token=_token(folder / options["token_file"], version) if "token_file" in options else "",
        ca_file=folder / options["ca_file"] if "ca_file" in options else None,
        is_local=_is_loopback(host),
    )
    if address.ca_file:
        try:
            address.tls()
        except (OSError, SSLError) as error:
            raise ValueError(
                f"influx: ca_file: expected a PEM file of certificates: {address.ca_file}: {error}"
            ) from None
    return address


def _host_and_port(netloc: str) -> tuple[str, int | None]:
    try:
        parts = urlsplit(f"//{netloc}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or netloc.endswith(":"):
        raise ValueError(f"influx: expected HOST:PORT after //, as in {_EXAMPLE}")
    return host, port


def _options(query: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    options = dict(pairs)
    for key, value in options.items():
        if key not in KEYS:
            hint = (
                ": a token stands in a file, token_file=influx.token" if key in ("token", "password", "p", "u") else ""
            )
            raise ValueError(f"influx: expected one of {', '.join(KEYS)} after ?, got {key}{hint}")
        if not value:
            raise ValueError(f"influx: {key}: expected a value")
    if len(options) != len(pairs):
        raise ValueError("influx: expected each key after ? once")
    return options


def _token(file: Path, version: Version) -> str:
    try:
        token = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"influx: token_file: {file} cannot be read: {type(error).__name__}") from None
    if not token.isascii() or not token.isprintable() or " " in token or not token:
        raise ValueError(f"influx: token_file: expected one word in {file}")
    if version == 1 and ":" not in token:
        raise ValueError(f"influx: token_file: expected user:password in {file}, as InfluxDB 1 has no tokens")
    return token


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
