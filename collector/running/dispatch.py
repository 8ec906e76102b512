"""How does an approved command reach its publisher? It is sent again and again until it is answered or expires.

At QoS 0 and never retained: what is late must not act. The publisher knows a repetition by its id.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from sqlalchemy.exc import DBAPIError

from collector.city import City
from collector.command_book import CommandBook
from firmware import contract

log = logging.getLogger("collector.dispatch")

AGAIN = 5.0  # s

Publish = Callable[[str, bytes], bool]
"""Whether it went out."""


class Dispatch:
    def __init__(self, city: City, book: CommandBook, publish: Publish) -> None:
        self._city = city
        self._book = book
        self._publish = publish

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.send()
            except DBAPIError as error:
                log.warning("commands: %s", error)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._city.approved.wait(), AGAIN)
            self._city.approved.clear()

    async def send(self) -> int:
        """Everything that is due; returns how many went out."""
        due = await asyncio.to_thread(self._book.to_send)
        sent = 0
        for one in due:
            topic = contract.topic(self._city.registry.city, one.wish.publisher, "command")
            if one.payload is not None and self._publish(topic, one.payload):
                sent += 1
        if sent:
            self._city.metrics.add("commands_sent_total", sent)
        return sent
