"""Whose row of the ledger it is: several collectors share one, each with rows of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

COLUMNS = "publisher, outbox, first_seen, next_seq, stored, quarantined, dropped, closed"


def upgrade() -> None:
    op.rename_table("outbox", "outbox_0001")
    op.create_table(
        "outbox",
        sa.Column("publisher", sa.String(64), primary_key=True),
        sa.Column("outbox", sa.String(64), primary_key=True),
        sa.Column("collector", sa.String(64), primary_key=True),
        sa.Column("first_seen", sa.BigInteger, nullable=False),
        sa.Column("next_seq", sa.BigInteger, nullable=False),
        sa.Column("stored", sa.Text, nullable=False),
        sa.Column("quarantined", sa.Text, nullable=False),
        sa.Column("dropped", sa.Text, nullable=False),
        sa.Column("closed", sa.Boolean, nullable=False),
    )
    op.execute(f"insert into outbox ({COLUMNS}, collector) select {COLUMNS}, '' from outbox_0001")  # noqa: S608  # our own names
    op.drop_table("outbox_0001")
