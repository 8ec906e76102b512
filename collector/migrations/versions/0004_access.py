"""Tokens, what the inventory protects, what was erased, and commands."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "token",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String(64), nullable=False, unique=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("grants", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("revoked", sa.BigInteger),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "protection",
        sa.Column("thing", sa.String(64), primary_key=True),
        sa.Column("openness", sa.String(16)),
        sa.Column("household", sa.String(64)),
    )
    op.create_table(
        "erased",
        sa.Column("thing", sa.String(64), primary_key=True),
        sa.Column("before", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "command",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("center", sa.String(32), nullable=False),
        sa.Column("publisher", sa.String(64), nullable=False),
        sa.Column("thing", sa.String(64), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("arguments", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("valid_for", sa.BigInteger, nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("asked", sa.BigInteger, nullable=False),
        sa.Column("approved_by", sa.Text),
        sa.Column("approved", sa.BigInteger),
        sa.Column("withdrawn_by", sa.Text),
        sa.Column("payload", sa.LargeBinary),
    )
