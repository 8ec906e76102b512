"""What stands in collector.toml? Checked once, with the path of the key in every error."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from collector.inventory import ConfigError, Id, first_error, read_toml

Port = Annotated[int, Field(ge=0, le=65535)]


def _is_loopback(host: str) -> str:
    if host != "localhost":
        try:
            loopback = ip_address(host).is_loopback
        except ValueError:
            loopback = False
        if not loopback:
            raise ValueError("only loopback (127.0.0.1) is taken: there is no login yet")
    return host


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


class StoreConfig(_Strict):
    url: str = "duckdb:observations.duckdb"


class HttpConfig(_Strict):
    host: Annotated[str, AfterValidator(_is_loopback)] = "127.0.0.1"
    port: Port = 8080


class CollectorConfig(_Strict):
    """The whole file, with its paths made absolute."""

    city: Id
    data: Path = Path("data")
    inventory: Path = Path("inventory.toml")
    broker: BrokerConfig = BrokerConfig()
    store: StoreConfig = StoreConfig()
    http: HttpConfig = HttpConfig()


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
    return config.model_copy(
        update={
            "data": folder / config.data,
            "inventory": folder / config.inventory,
            "broker": broker.model_copy(update=paths),
        }
    )
