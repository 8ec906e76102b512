"""What stands in collector.toml? Checked once, with the path of the key in every error."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

from cryptography.x509 import load_pem_x509_certificate
from cryptography.x509.oid import NameOID
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from collector.access.oidc import OidcConfig
from collector.entities.inventory import ConfigError, Id, first_error, read_toml
from collector.metadata import DEFAULT as METADATA
from collector.observation import kind_of

Port = Annotated[int, Field(ge=0, le=65535)]


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BrokerConfig(_Strict):
    """Which broker, and as whom. ``nats`` and ``mosquitto`` are started by the collector, ``external`` is not."""

    kind: Literal["nats", "mosquitto", "external"] = "nats"
    config: Path = Path()
    """What the broker is started with; without it ``broker/<kind>.conf``, which quickstart wrote for both."""
    host: str = "127.0.0.1"
    port: Port = 8883
    server_name: str = "localhost"
    ca: Path = Path("ca/ca.pem")
    certificate: Path = Path("certificates/collector.pem")
    key: Path = Path("certificates/collector.key")
    client_id: Id = "collector"
    """Of several that share, each has its own, and a certificate of that name."""
    share: Id | None = None
    """The group of those who share the messages among them; without it the collector works alone."""

    @property
    def member(self) -> str:
        """Which of several; "" for one that works alone."""
        return self.client_id if self.share else ""


class KeepConfig(_Strict):
    """Raw observations of these series may go after so many days; see ``collector.store.Keep``."""

    quantity: str
    days: Annotated[int, Field(ge=1)]
    period: Annotated[int, Field(ge=0)] | None = None

    @field_validator("quantity")
    @classmethod
    def _is_known(cls, quantity: str) -> str:
        if quantity != "*":
            kind_of(quantity)
        return quantity


class StoreConfig(_Strict):
    url: str = "duckdb:observations.duckdb"
    keep: tuple[KeepConfig, ...] = ()
    """The first that covers a series counts; without one its raw observations stay for ever."""


class MetadataConfig(_Strict):
    url: str = METADATA


class RateConfig(_Strict):
    """How often one asks: so many at once, and so many per second after that."""

    per_second: Annotated[float, Field(gt=0)]
    at_once: Annotated[int, Field(ge=1)]


class HttpConfig(_Strict):
    host: str = "127.0.0.1"
    """Another than the loopback needs ``certificate`` and ``key``, or ``behind_proxy``."""
    port: Port = 8080
    certificate: Path | None = None
    key: Path | None = None
    """PEM; with both, HTTPS is spoken."""
    behind_proxy: bool = False
    """Somebody else speaks HTTPS before it, and says in X-Forwarded-For who asks."""
    names: tuple[str, ...] = ()
    """By which names it may be asked, beside those of the loopback."""
    anyone: RateConfig = RateConfig(per_second=50, at_once=300)
    """Of each address."""
    known: RateConfig = RateConfig(per_second=500, at_once=3000)
    """Of each token or person."""
    oidc: OidcConfig | None = None

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate: it takes a certificate and a key")
        if not (self.certificate or self.behind_proxy or _is_loopback(self.host)):
            raise ValueError(
                f"host: {self.host} is reached from outside: give certificate and key, or say behind_proxy = true"
            )
        return self


class AccessConfig(_Strict):
    """Who the centers are and what is open; without a file, what ships."""

    centers: Path | None = None
    """A folder with a scope file for each center."""
    openness: Path | None = None
    """Rules that count before those that ship (``collector/openness.toml``)."""
    keys: Path | None = None
    """A folder with ``<center>.key`` of each center whose commands are signed here."""
    pseudonyms: Path | None = None
    """The key of the pseudonyms, without it ``pseudonyms.key`` in the data directory; several collectors share one."""


class CollectorConfig(_Strict):
    """The whole file, with its paths made absolute."""

    city: Id
    data: Path = Path("data")
    inventory: Path = Path("inventory.toml")
    meters: Path | None = None
    """What is known of the meters (``collector.entities.meters``); without it nothing is."""
    broker: BrokerConfig = BrokerConfig()
    store: StoreConfig = StoreConfig()
    metadata: MetadataConfig = MetadataConfig()
    http: HttpConfig = HttpConfig()
    access: AccessConfig = AccessConfig()


def load_config(file: Path) -> CollectorConfig:
    """Paths in the file are relative to its folder. Raises ConfigError naming file and key."""
    try:
        config = CollectorConfig.model_validate(read_toml(file))
    except ValidationError as error:
        raise ConfigError(first_error(file, error)) from None
    folder = file.absolute().parent
    broker = config.broker
    paths = {name: folder / getattr(broker, name) for name in ("ca", "certificate", "key")}
    paths["config"] = folder / (Path(f"broker/{broker.kind}.conf") if broker.config == Path() else broker.config)
    for name in ("ca", "certificate", "key"):
        if not paths[name].is_file():
            raise ConfigError(f"{file}: broker.{name}: there is no file {paths[name]}")
    http = config.http
    for name, named in (("certificate", http.certificate), ("key", http.key)):
        if named and not (folder / named).is_file():
            raise ConfigError(f"{file}: http.{name}: there is no file {folder / named}")
    config = config.model_copy(
        update={
            "http": http.model_copy(update=_within(folder, http, "certificate", "key")),
            "access": config.access.model_copy(
                update=_within(folder, config.access, "centers", "openness", "keys", "pseudonyms")
            ),
            "data": folder / config.data,
            "inventory": folder / config.inventory,
            **_within(folder, config, "meters"),
            "broker": broker.model_copy(update=paths),
        }
    )
    if broker.share and (reason := _why_not_shared(config)):
        raise ConfigError(f"{file}: {reason}")
    return config


def _within(folder: Path, config: BaseModel, *names: str) -> dict[str, Path]:
    return {name: folder / path for name in names if (path := getattr(config, name))}


def _why_not_shared(config: CollectorConfig) -> str:
    """What several collectors cannot share, with its key; "" when all is well."""
    broker = config.broker
    if broker.kind == "nats":
        return "broker.kind: nats-server grants a shared subscription and delivers nothing: mosquitto or external can"
    if not config.store.url.startswith("influx:"):
        return "store.url: only influx: can be written by several collectors (broker.share)"
    scheme, _, rest = config.metadata.url.partition(":")
    if scheme == "sqlite" and not Path(rest).is_absolute():
        return "metadata.url: collectors that share need one ledger: sqlite:/PATH or postgresql://…"
    subject = load_pem_x509_certificate(broker.certificate.read_bytes()).subject
    named = [str(one.value) for one in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if named != [broker.client_id]:  # mosquitto takes the certificate's name for both
        return f"broker.client_id: expected {' '.join(named)}, the name in broker.certificate"
    return ""
