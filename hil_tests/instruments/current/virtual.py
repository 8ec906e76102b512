"""What would a virtual node draw? Its own ledger, as it tells the city, with the prices of ``currents.toml``.

No current flows here: how long it was awake, on the radio and sampling is counted, what that costs is of data sheets.
"""

import json
import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from firmware import contract
from hil_tests import battery
from hil_tests.cities.city import CITY, VirtualCity
from hil_tests.instruments.client import Client, connected
from hil_tests.instruments.drivers import Place
from hil_tests.instruments.process import BenchError
from hil_tests.instruments.scenario import Strict

_PATIENCE = 120.0  # s beyond what was asked for, until the node speaks
_NAME = "reader"  # whose certificate may hear what nodes say of themselves


class Settings(Strict):
    pass


class LedgerMeter:
    def __init__(self, city: VirtualCity, device: str) -> None:
        self._city = city
        self._device = device
        self._kind = next(one.kind for one in city.plan.nodes if one.publisher == device)

    def mean(self, seconds: float) -> float:
        now = time.time_ns() // 1_000_000
        deadline = time.monotonic() + seconds + _PATIENCE
        with connected(self._city.plan.directory, _NAME) as (client,):
            client.subscribe(contract.topic(CITY, self._device, "state"))
            first = self._state(client, now, deadline)
            last = self._state(client, first["at"] + int(seconds * 1000), deadline)
        if last["boot"] - first["boot"] != last["wakes"] - first["wakes"]:
            raise BenchError(f"{self._device}: it lost its power meanwhile, and its ledger with it")
        return battery.priced(battery.spent_between(first, last), self._kind, battery.load())

    def _state(self, client: Client, after: int, deadline: float) -> dict[str, Any]:
        """The first of its states from that time (ms UTC) on."""
        while (left := deadline - time.monotonic()) > 0:
            try:
                state: dict[str, Any] = json.loads(client.received.get(timeout=left)[1])
            except queue.Empty:
                break
            if state["at"] >= after and state["online"]:
                if "wakes" not in state:
                    raise BenchError(f"{self._device}: it is not on a battery and keeps no ledger")
                return state
        raise BenchError(f"{self._device}: it said nothing of itself within {_PATIENCE:.0f} s")


@contextmanager
def opened(_settings: Settings, place: Place) -> Iterator[LedgerMeter]:
    yield LedgerMeter(place.virtual_city, place.device)
