"""Which tables stand beside the observations, and how are they opened? SQLite in the data directory, or PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

DEFAULT = "sqlite:registry.sqlite"
_WAIT = 20.0  # s that one collector waits for another's transaction on the same SQLite file
_TURN = 7_313_021  # any number that nobody else uses for an advisory lock in that database

metadata = MetaData()
_JSON = JSON(none_as_null=True)


def _described() -> tuple[Column[Any], ...]:
    return (
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("name", Text, nullable=False),  # "": as it follows from what stands in inventory.toml; so description
        Column("description", Text, nullable=False),
        Column("encoding_type", Text, nullable=False),
        Column("properties", _JSON, nullable=False),
    )


thing = Table(
    "thing",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),  # never given to another thing
    Column("id", String(64), nullable=False, unique=True),
    Column("name_sl", Text, nullable=False),
    Column("name_it", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("longitude", Float),
    Column("latitude", Float),
    Column("height", Float),
    Column("center", String(32), nullable=False),
    Column("listed", Boolean, nullable=False),  # false: no longer in the inventory, its observations stay
    Column("description", Text, nullable=False, default=""),
    Column("properties", _JSON, nullable=False, default=dict),  # beside ours
    Column("locations", _JSON, nullable=False, default=list),  # the ids of those it has now
    Column("inventory", Boolean, nullable=False, default=True),  # false: made over HTTP
    sqlite_autoincrement=True,
)

datastream = Table(
    "datastream",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("thing", String(64), nullable=False),
    Column("quantity", String(128), nullable=False),
    Column("period", BigInteger, nullable=False),
    Column("name", Text, nullable=False, default=""),  # "": as it follows from the series; so description
    Column("description", Text, nullable=False, default=""),
    Column("sensor", Integer),  # none: the thing's own
    Column("unit", _JSON),
    Column("observed_area", _JSON),
    Column("properties", _JSON, nullable=False, default=dict),  # beside ours
    UniqueConstraint("thing", "quantity", "period"),
    sqlite_autoincrement=True,
)

location = Table(
    "location",
    metadata,
    *_described(),
    Column("thing", Integer),  # the thing that inventory.toml put there; none: made over HTTP
    Column("location", _JSON),
)

sensor = Table(
    "sensor",
    metadata,
    *_described(),
    Column("thing", Integer),  # the thing of the inventory whose own sensor it is
    Column("metadata", _JSON),
)

feature = Table(
    "feature",
    metadata,
    *_described(),
    Column("location", Integer),  # the place it was generated from
    Column("feature", _JSON),
)

historical_location = Table(
    "historical_location",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("thing", Integer, nullable=False),
    Column("time", BigInteger, nullable=False),  # ms UTC
    Column("locations", _JSON, nullable=False),  # ids
)

placed = Table(  # which feature a thing's observations are of, from when on
    "placed",
    metadata,
    Column("thing", Integer, primary_key=True, autoincrement=False),
    Column("since", BigInteger, primary_key=True, autoincrement=False),  # ms UTC
    Column("feature", Integer),  # none: it has no place
)

sampled = Table(  # observations of a feature that is not that of their thing's place
    "sampled",
    metadata,
    Column("datastream", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, primary_key=True, autoincrement=False),  # ms UTC
    Column("feature", Integer, nullable=False),
)

number = Table(  # the last that was given out: never given again, whatever is deleted
    "number",
    metadata,
    Column("of", String(32), primary_key=True),
    Column("last", BigInteger, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("publisher", String(64), primary_key=True),
    Column("outbox", String(64), primary_key=True),
    Column("collector", String(64), primary_key=True),  # whose row it is; "" while one works alone
    Column("first_seen", BigInteger, nullable=False),  # ms UTC
    Column("next_seq", BigInteger, nullable=False),
    Column("stored", Text, nullable=False),  # ranges: "1-17 19-4211"
    Column("quarantined", Text, nullable=False),
    Column("dropped", Text, nullable=False),
    Column("closed", Boolean, nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("publisher", String(64), nullable=False, index=True),
    Column("digest", String(64), nullable=False),  # of topic and content: a repetition is not held twice
    Column("received", BigInteger, nullable=False),  # ms UTC
    Column("topic", Text, nullable=False),
    Column("outbox", String(64)),
    Column("seq", BigInteger),
    Column("content", LargeBinary, nullable=False),  # one reading as JSON, or the whole payload
    Column("whole", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    UniqueConstraint("publisher", "digest"),
    sqlite_autoincrement=True,
)

forgotten = Table(
    "forgotten",
    metadata,
    Column("publisher", String(64), primary_key=True),
    Column("count", BigInteger, nullable=False),  # readings the bound of the quarantine pushed out
)

result = Table(
    "result",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("publisher", String(64), nullable=False),
    Column("command", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("received", BigInteger, nullable=False),  # ms UTC
    Column("digest", String(64), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    UniqueConstraint("publisher", "digest"),
)


class MetadataError(Exception):
    """A URL that names no place for the tables; the text says why."""


def open_metadata(url: str, folder: Path) -> Engine:
    """Open ``sqlite:registry.sqlite`` (in ``folder``) or ``postgresql://…`` and bring its tables up to date.

    Raises MetadataError for any other URL, OSError or sqlalchemy's DBAPIError.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite" and rest.strip("/"):
        file = str(folder / rest)
        engine = create_engine(URL.create("sqlite", database=file), connect_args={"timeout": _WAIT})
        event.listen(engine, "connect", _durable)
    elif scheme == "postgresql":
        engine = _open_postgresql(url)
    else:
        raise MetadataError(f"expected sqlite:FILE or postgresql://USER@HOST/DATABASE, got {scheme}:")
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with in_turn(engine) as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")
    return engine


@contextmanager
def in_turn(engine: Engine) -> Iterator[Connection]:
    """A transaction of those of which two collectors must not run two at once."""
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_TURN)))
        else:
            connection.exec_driver_sql("begin immediate")
        yield connection


def insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT, which is no common SQL."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def sqlite_file(engine: Engine) -> Path | None:
    """Where the tables are; None when they are no file of ours."""
    return Path(engine.url.database or "") if engine.dialect.name == "sqlite" else None


def _open_postgresql(url: str) -> Engine:
    try:
        return create_engine(make_url(url).set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    except ArgumentError:
        raise MetadataError("expected postgresql://USER@HOST/DATABASE") from None
    except ModuleNotFoundError:
        raise MetadataError(
            "there is no driver for PostgreSQL (pip install 'senzorika[postgresql]' brings it)"
        ) from None


def _durable(connection: Any, _: object) -> None:
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=full")  # a receipt may follow this commit: it has to survive power loss
