"""Which tables stand beside the observations, and how are they opened? SQLite in the data directory."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
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
)
from sqlalchemy.engine import URL

metadata = MetaData()

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
    sqlite_autoincrement=True,
)

datastream = Table(
    "datastream",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("thing", String(64), nullable=False),
    Column("quantity", String(128), nullable=False),
    Column("period", BigInteger, nullable=False),
    UniqueConstraint("thing", "quantity", "period"),
    sqlite_autoincrement=True,
)

outbox = Table(
    "outbox",
    metadata,
    Column("publisher", String(64), primary_key=True),
    Column("outbox", String(64), primary_key=True),
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


def open_metadata(file: Path) -> Engine:
    """Open or make the file and bring its tables up to date; raises OSError or sqlalchemy's DBAPIError."""
    engine = create_engine(URL.create("sqlite", database=str(file)))
    event.listen(engine, "connect", _durable)
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")
    return engine


def _durable(connection: Any, _: object) -> None:
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=full")  # a receipt may follow this commit: it has to survive power loss
