"""The tables of version 0.1: thing, datastream, outbox, quarantine, forgotten, result."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "thing",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("name_sl", sa.Text, nullable=False),
        sa.Column("name_it", sa.Text, nullable=False),
        sa.Column("name_en", sa.Text, nullable=False),
        sa.Column("longitude", sa.Float),
        sa.Column("latitude", sa.Float),
        sa.Column("height", sa.Float),
        sa.Column("center", sa.String(32), nullable=False),
        sa.Column("listed", sa.Boolean, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "datastream",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("thing", sa.String(64), nullable=False),
        sa.Column("quantity", sa.String(128), nullable=False),
        sa.Column("period", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("thing", "quantity", "period"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "outbox",
        sa.Column("publisher", sa.String(64), primary_key=True),
        sa.Column("outbox", sa.String(64), primary_key=True),
        sa.Column("first_seen", sa.BigInteger, nullable=False),
        sa.Column("next_seq", sa.BigInteger, nullable=False),
        sa.Column("stored", sa.Text, nullable=False),
        sa.Column("quarantined", sa.Text, nullable=False),
        sa.Column("dropped", sa.Text, nullable=False),
        sa.Column("closed", sa.Boolean, nullable=False),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("publisher", sa.String(64), nullable=False, index=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("outbox", sa.String(64)),
        sa.Column("seq", sa.BigInteger),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("whole", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.UniqueConstraint("publisher", "digest"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "forgotten",
        sa.Column("publisher", sa.String(64), primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "result",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("publisher", sa.String(64), nullable=False),
        sa.Column("command", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("publisher", "digest"),
    )
