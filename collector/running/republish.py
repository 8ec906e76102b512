"""How do MQTT clients hear of new observations? Copies of those that anyone may see, as SensorThings has them.

``<city>/v1.1/Datastreams(<id>)/Observations``, QoS 0, not retained. Receipts matter more: while the collector is
behind, or more is stored than is copied in a second, copies are left out, and counted.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec

from collector.access.asker import ANYONE
from collector.city import City
from collector.entities.registry import Datastream
from collector.observation import Observation
from collector.sensorthings.observations import Found
from collector.sensorthings.resource import entity_of
from collector.series.feed import News
from collector.view import View
from firmware import mqtt_codec as mqtt

MOST = 2_000  # copies in a second; each costs some 20 µs of the loop that receives
AT_ONCE = 200  # copies in one write
GATHER = 0.05  # s that news wait for each other

Send = Callable[[bytes], bool]


class Republishing:
    """One task. ``send`` puts packets on the connection, unless there is none or the collector is behind."""

    def __init__(self, city: City, send: Send, most: int = MOST) -> None:
        self._city = city
        self._send = send
        self._most = most
        self._left = float(most)  # copies that may be made now
        self._since = time.monotonic()

    async def run(self) -> None:
        """Until cancelled."""
        with self._city.feed.subscribe() as stored:
            dropped = 0
            while True:
                several = await stored.news()
                self._leave_out(stored.dropped - dropped)
                dropped = stored.dropped
                await self._copy(several)
                await asyncio.sleep(GATHER)

    async def _copy(self, several: Sequence[News]) -> None:
        """The newest that there is room for, the oldest of them first."""
        now = time.monotonic()
        self._left = min(self._most, self._left + (now - self._since) * self._most)
        self._since = now
        room = int(self._left)
        chosen: list[Sequence[Observation]] = []
        for news in reversed(several):
            taken = news.observations[-room:] if room else ()
            chosen.append(taken)
            room -= len(taken)
            self._leave_out(len(news.observations) - len(taken))
        self._left -= int(self._left) - room
        for observations in reversed(chosen):
            for start in range(0, len(observations), AT_ONCE):
                self._write(observations[start : start + AT_ONCE])
                await asyncio.sleep(0)

    def _write(self, observations: Sequence[Observation]) -> None:
        packets = list(self._packets(observations))
        if packets and self._send(b"".join(packets)):
            self._city.metrics.add("observations_republished_total", len(packets))
        else:
            self._leave_out(len(packets))

    def _packets(self, observations: Sequence[Observation]) -> Iterator[bytes]:
        """What anyone sees is named inside as it is outside: there are no pseudonyms among it."""
        registry = self._city.registry
        for one in View(self._city, ANYONE).seen(observations):
            stream = registry.datastream_of(one.series)
            if stream is not None:
                yield packet(registry.city, stream, one)

    def _leave_out(self, count: int) -> None:
        self._city.metrics.add("observations_not_republished_total", count)


def packet(city: str, stream: Datastream, one: Observation) -> bytes:
    """The id and the properties that HTTP gives; no links, since an MQTT client knows no address of ours."""
    entity = entity_of(Found(stream, one))
    content = {"@iot.id": entity.id, **entity.properties}
    return mqtt.publish(f"{city}/v1.1/Datastreams({stream.id})/Observations", msgspec.json.encode(content))
