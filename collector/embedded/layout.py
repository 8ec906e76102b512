"""Which tables are in the file of the embedded store, and how does an older file become today's?"""

import duckdb

from collector.embedded.marks import CENSORED, CONTENT, QUALITIES
from collector.embedded.source import one_row
from collector.observation import DERIVED
from collector.store import StoreError

VERSION = 2

# A series' id is its number in the SeriesTable plus 1. "at" is a reserved word of DuckDB, therefore the quotes.
_VERSION_1 = """
create table if not exists series (id integer not null, thing varchar not null, quantity varchar not null,
    period bigint not null);
create table if not exists observation (series integer not null, "at" bigint not null, number double, text varchar,
    quality varchar not null, censored varchar not null, source varchar not null, derived varchar not null,
    known bigint not null);
"""

# observation: what is not sealed; mark: see marks. superseded: versions that a later one has replaced. sealed: months
# of UTC, counted from 1970, that lie in Parquet. rollup: figures of closed windows; stale: windows to be made (again);
# followed: what became known up to here has been looked through. expired: raw observations whose window began before
# this are gone, and their roll-ups are closed.
_VERSION_2 = f"""
alter table observation rename to version_1;
create table observation (series integer not null, "at" bigint not null, number double, text varchar,
    source varchar not null, mark utinyint not null, known bigint not null);
insert into observation select series, "at", number, text, source,
    list_position({list(QUALITIES)}, quality) - 1 + {len(QUALITIES)} * (list_position({list(CENSORED)}, censored) - 1)
    + {CONTENT} * (list_position({list(DERIVED)}, derived) - 1), known from version_1;
drop table version_1;
create table superseded (series integer not null, "at" bigint not null, known bigint not null);
insert into superseded select series, "at", known from observation
    qualify row_number() over (partition by series, "at" order by known desc) > 1;
create table sealed (month integer not null, file varchar not null, points bigint not null);
create table rollup (size varchar not null, series integer not null, "begin" bigint not null, "end" bigint not null,
    count bigint not null, minimum double, maximum double, total double, power double,
    first_number double, first_text varchar, last_number double, last_text varchar, ranks double[],
    suspect bigint not null, estimated bigint not null, substituted bigint not null, censored bigint not null,
    known bigint not null);
create table stale (size varchar not null, series integer not null, "begin" bigint not null, "end" bigint not null);
create table followed (known bigint not null);
insert into followed values (0);
create table expired (series integer not null, before bigint not null);
create table layout (version integer not null);
insert into layout values (2);
"""  # noqa: S608  # our own words


def bring_up_to_date(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables, or those that an older file lacks; one transaction. StoreError for a file of a later version."""
    connection.begin()
    try:
        found = one_row(connection, "select count(*) from information_schema.tables where table_name = 'layout'")
        if found == (0,):
            connection.execute(_VERSION_1)
            connection.execute(_VERSION_2)
        (version,) = one_row(connection, "select version from layout")
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    if version != VERSION:
        raise StoreError(f"duckdb: the file has layout {version}, this program knows {VERSION}")
