"""How is a series erased from InfluxDB? 1.x and 2.x delete by tags and time; 3 can't, and says so."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlencode

from collector.influx.address import Address
from collector.influx.answers import describe
from collector.influx.connection import HttpConnection, InfluxConnection
from collector.influx.lines import MEASUREMENT, quoted
from collector.observation import Series
from collector.store import NotOfferedError, StoreError


def erase_series(address: Address, connection: InfluxConnection, several: Sequence[Series], before: int) -> None:
    """What they measured before that time (ms UTC); raises StoreError or NotOfferedError."""
    if address.version == 3:
        raise NotOfferedError("influx: InfluxDB 3 deletes no single series: drop the table, or let its retention do it")
    for one in several:
        until = before + (one.period > 0)
        if address.version == 1:
            connection.change(
                f"delete from {MEASUREMENT} where thing = {quoted(one.thing)} and quantity = {quoted(one.quantity)} "  # noqa: S608
                f"and period = '{one.period}' and time < {until}ms"
            )
        else:
            _erase_2(address, one, until)


def _erase_2(address: Address, one: Series, until: int) -> None:
    """/api/v2/delete: ``stop`` is inclusive to the nanosecond."""
    http = HttpConnection(address)
    predicate = f'thing="{one.thing}" AND quantity="{one.quantity}" AND period="{one.period}"'
    stop = datetime.fromtimestamp((until - 1) / 1000, UTC).isoformat(timespec="milliseconds")
    body = {"start": "1970-01-01T00:00:00Z", "stop": stop, "predicate": predicate}
    path = "/api/v2/delete?" + urlencode({"org": address.org, "bucket": address.database})
    try:
        answer = http.ask("POST", path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    finally:
        http.close()
    if answer.status != 204:
        raise StoreError(f"{address.where}: /api/v2/delete: {describe(answer)}")
