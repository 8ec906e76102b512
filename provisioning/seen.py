"""Did a reading come through, from the board to the collector's answers? Asked over HTTP, with a deadline."""

import datetime as dt
import time
from typing import Any, NamedTuple

import httpx

from provisioning import ProvisionError

_SECONDS = 10.0
_PAUSE = 0.5
_STATE_MS = 3_600_000
"""A board that waits on the van's bench says its state when it connects; its first reading comes from the place."""


class Collector(NamedTuple):
    """Where it answers, and what opens it."""

    url: str
    token: str


class Seen(NamedTuple):
    """The newest observation of the board's state and of its thing, None where none came since."""

    state: dict[str, Any] | None
    reading: dict[str, Any] | None

    @property
    def is_whole(self) -> bool:
        return self.state is not None and self.reading is not None


NOTHING = Seen(None, None)


def wait_until_seen(collector: Collector, board: str, thing: str, since: int, seconds: float) -> Seen:
    """Ask again until both came or the time is over; ``since`` in ms UTC. No collector there: nothing was seen."""
    headers = {"Authorization": f"Bearer {collector.token}"} if collector.token else {}
    end = time.monotonic() + seconds
    found = NOTHING
    try:
        with httpx.Client(base_url=collector.url, headers=headers, timeout=_SECONDS) as client:
            while True:
                found = Seen(_newest(client, board, since - _STATE_MS), _newest(client, thing, since))
                if found.is_whole or time.monotonic() >= end:
                    return found
                time.sleep(_PAUSE)
    except httpx.InvalidURL as error:
        raise ProvisionError(f"{collector.url}: {error}") from None
    except httpx.HTTPError:  # there is no network in the field: it stays open
        return found


def _newest(client: httpx.Client, thing: str, since: int) -> dict[str, Any] | None:
    answer = client.get("/api/last.rows.json", params={"thing": thing})
    if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise ProvisionError(f"{client.base_url}: the token is not good for asking what came")
    if answer.status_code != httpx.codes.OK:  # the collector does not know it yet
        return None
    rows: list[dict[str, Any]] = [row for row in answer.json() if _ms(row["time"]) >= since]
    newest = max(rows, key=lambda row: _ms(row["time"]), default=None)
    return newest and {key: newest[key] for key in ("time", "quantity", "value")}


def _ms(time_text: str) -> int:
    return int(dt.datetime.fromisoformat(time_text).timestamp() * 1000)
