"""Where do the city's orders arrive? Commands and configurations, each handed to who carries them out.

Only a node whose node.json says whom it trusts has a desk; the code behind it is loaded with it.
"""

import asyncio

from firmware.boot.slots import Slots
from firmware.commands import Commander
from firmware.contract import topic
from firmware.own_orders import OwnOrders
from firmware.signature import Keys
from firmware.update import Updater


class Desk:
    """``kind`` may carry out commands itself; ``context`` is the node's TLS; ``config`` takes configurations."""

    def __init__(self, folder: str, settings: dict, hal, outbox, kind, context, config) -> None:
        city, name, trust = settings["city"], settings["publisher"], settings["trust"]
        self.command_topic = topic(city, name, "command")
        self.config_topic = topic(city, name, "config")
        self._hal = hal
        self._config = config
        self._offered = None
        keys = Keys(folder + "/keys")
        slots = Slots(folder)
        self._own = OwnOrders(folder, slots, Updater(slots, keys, trust, context), self._answer, hal.restart)
        actors = {name: self._own}
        if hasattr(kind, "command"):
            actors[settings["thing"]] = kind
        self._commander = Commander(folder, hal, outbox, keys, trust, actors)

    @property
    def refused(self) -> int:
        """Commands that nobody we know has signed."""
        return self._commander.refused

    def take(self, name: str, payload: bytes, retained: bool) -> bool:
        """Whether the message was for this desk."""
        if name == self.command_topic:
            self._commander.take(payload, retained)
        elif name == self.config_topic:
            self._offered = payload
        return name in (self.command_topic, self.config_topic)

    def is_busy(self) -> bool:
        """Whether something is on its way that sleep would interrupt."""
        return self._own.is_busy() or self._commander.is_busy() or self._offered is not None

    def confirmed(self) -> None:
        """A receipt has come: what runs, with the configuration it has, talks to the city."""
        self._own.confirm()
        self._config.confirm()

    async def run(self) -> None:
        """Never returns."""
        await asyncio.gather(self._commander.run(), self._own.run(), self._configure())

    async def _configure(self) -> None:
        while True:
            if self._offered is not None:
                payload, self._offered = self._offered, None
                if await self._config.offer(payload):
                    print("config: number " + str(self._config.number) + ", restarting")
                    self._hal.restart()
            await asyncio.sleep_ms(100)

    def _answer(self, identifier: str, outcome: tuple) -> None:
        self._commander.answer(identifier, outcome)
