"""Places, their history, sensors and features in tables of their own: each keeps the number of the thing it was of."""

import time
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

POINT = "application/geo+json"


def upgrade() -> None:
    _add_columns()
    _make_tables()
    bind = op.get_bind()
    found = sa.table("thing", *map(sa.column, ("number", "name_en", "id", "longitude", "latitude", "height")))
    things = bind.execute(sa.select(found)).all()
    placed = [(one.number, _point(one)) for one in things if one.longitude is not None]
    now = time.time_ns() // 1_000_000
    empty = {"name": "", "description": "", "encoding_type": POINT, "properties": {}}  # as inventory.toml has it
    _fill("location", [{"id": number, "thing": number, "location": point, **empty} for number, point in placed])
    _fill("feature", [{"id": number, "location": number, "feature": point, **empty} for number, point in placed])
    _fill("sensor", [{"id": o.number, "thing": o.number, **empty, "encoding_type": "text/plain"} for o in things])
    history = [{"id": number, "thing": number, "time": now, "locations": [number]} for number, _ in placed]
    _fill("historical_location", history)
    _fill("placed", [{"thing": number, "since": now, "feature": number} for number, _ in placed])
    last = max((number for number, _ in placed), default=0)
    numbers = dict.fromkeys(("location", "feature", "historical_location"), last)
    numbers |= dict.fromkeys(("thing", "sensor"), max((one.number for one in things), default=0))
    numbers["datastream"] = bind.scalar(sa.text("select max(id) from datastream")) or 0
    _fill("number", [{"of": of, "last": number} for of, number in (numbers | {"change": 0}).items()])
    own = sa.table("thing", sa.column("number", sa.Integer), sa.column("locations", sa.JSON))
    for number, _ in placed:
        bind.execute(sa.update(own).where(own.c.number == number).values(locations=[number]))


def _add_columns() -> None:
    with op.batch_alter_table("thing") as thing:
        thing.add_column(sa.Column("description", sa.Text, nullable=False, server_default=""))
        thing.add_column(sa.Column("properties", sa.JSON, nullable=False, server_default="{}"))
        thing.add_column(sa.Column("locations", sa.JSON, nullable=False, server_default="[]"))
        thing.add_column(sa.Column("inventory", sa.Boolean, nullable=False, server_default=sa.true()))
    with op.batch_alter_table("datastream") as datastream:
        datastream.add_column(sa.Column("name", sa.Text, nullable=False, server_default=""))
        datastream.add_column(sa.Column("description", sa.Text, nullable=False, server_default=""))
        datastream.add_column(sa.Column("sensor", sa.Integer))
        datastream.add_column(sa.Column("unit", sa.JSON))
        datastream.add_column(sa.Column("observed_area", sa.JSON))
        datastream.add_column(sa.Column("properties", sa.JSON, nullable=False, server_default="{}"))


def _make_tables() -> None:
    op.create_table("location", *_described(), sa.Column("thing", sa.Integer), sa.Column("location", sa.JSON))
    op.create_table("sensor", *_described(), sa.Column("thing", sa.Integer), sa.Column("metadata", sa.JSON))
    op.create_table("feature", *_described(), sa.Column("location", sa.Integer), sa.Column("feature", sa.JSON))
    op.create_table(
        "historical_location",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("thing", sa.Integer, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("locations", sa.JSON, nullable=False),
    )
    op.create_table(
        "placed",
        sa.Column("thing", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("since", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("feature", sa.Integer),
    )
    op.create_table(
        "sampled",
        sa.Column("datastream", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("feature", sa.Integer, nullable=False),
    )
    op.create_table(
        "number",
        sa.Column("of", sa.String(32), primary_key=True),
        sa.Column("last", sa.BigInteger, nullable=False),
    )


def _described() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("encoding_type", sa.Text, nullable=False),
        sa.Column("properties", sa.JSON, nullable=False),
    )


def _fill(name: str, rows: list[dict[str, object]]) -> None:
    if rows:
        columns = [
            sa.column(key, sa.JSON) if isinstance(of, (dict, list)) else sa.column(key) for key, of in rows[0].items()
        ]
        op.get_bind().execute(sa.insert(sa.table(name, *columns)), rows)


def _point(row: sa.Row[Any]) -> dict[str, object]:
    numbers = [one for one in (row.longitude, row.latitude, row.height) if one is not None]
    return {"type": "Point", "coordinates": numbers}
