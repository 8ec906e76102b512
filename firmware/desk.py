"""Where do the city's orders arrive? Each is judged, then carried out, by who is loaded for it and forgotten after it.

Only a node whose node.json says whom it trusts has a desk. Everything behind it remembers on flash, so nothing has to
stay in the heap between two orders.
"""

import asyncio
import gc

from firmware.contract import topic
from firmware.forgetting import forget

MOST_WAITING = 4
# What orders need and readings don't.
_LOADED = "clerk commands config own_orders update download release signature ecdsa orders trial settings spans"


class Desk:
    """``kind``, the kind itself, may carry out commands; it and what ``opens`` brings are there after the start."""

    def __init__(self, folder: str, settings: dict, hal) -> None:
        self.refused = 0  # commands that nobody we know has signed
        self.number, self.error = 0, ""  # of the configuration, for the state
        self.kind = None
        self.folder = folder
        self.publisher, self.thing = settings["publisher"], settings["thing"]
        self.trust = settings["trust"]
        self._kind_module = "nodes." + settings["kind"]
        self.hal = hal
        self.outbox = self.context = self._collector = None
        self.own = None  # while an order to the node itself is carried out
        self._command_topic = topic(settings["city"], self.publisher, "command")
        self._config_topic = topic(settings["city"], self.publisher, "config")
        self._waiting = []
        self._trial = self._proving = None  # while something has still to prove itself

    def start(self) -> dict | None:
        """The settings of the kind as a configuration has them; None: as node.json has them. Raises SettingsError."""
        own, self._trial = self._clerk().start()
        self._forget()
        return own

    def opens(self, outbox, context, collector) -> None:
        """``context`` is the node's TLS; ``collector`` knows whether the collector says it is away."""
        self.outbox, self.context, self._collector = outbox, context, collector

    def is_offline(self) -> bool:
        return self._collector is not None and self._collector.is_collector_offline()

    def begin(self, own) -> None:
        """An order to the node itself is to be carried out."""
        self.own = own

    def give_up(self, reason: str) -> bool:
        """The kind refuses its settings: if a configuration gave them, the one before is back at the next start."""
        if self.number:
            self._clerk().give_up(reason)
        return self.number > 0

    # ---- from the link and the node

    def take(self, name: str, payload: bytes, retained: bool) -> bool:
        """Whether the message was for this desk; what does not fit into the queue is sent again by the city."""
        is_mine = name in (self._command_topic, self._config_topic)
        if is_mine and len(self._waiting) < MOST_WAITING:
            self._waiting.append((name, payload, retained))
        return is_mine

    def is_busy(self) -> bool:
        """Whether something is on its way that sleep would interrupt."""
        return bool(self._waiting) or self.own is not None

    def is_on_trial(self) -> bool:
        """Whether the version or the configuration has still to prove itself."""
        return self._trial is not None

    def answered(self) -> None:
        """A receipt has come: the city understands this version."""
        if self._trial is not None:
            self._trial.answered()

    def sleeps(self) -> None:
        """The node has sampled, and is about to sleep."""
        if self._trial is not None:
            self._trial.sleeps()

    # ---- one after the other

    async def run(self) -> None:
        """Never returns."""
        await self._clerk().finish()
        if self._trial is not None:
            self._proving = asyncio.create_task(self._prove(self._trial))
        self._forget()
        while True:
            if self._waiting:
                gc.collect()
                try:
                    await self._handle(*self._waiting[0])
                except MemoryError:  # the readings need no order to go on
                    self.error = "an order did not fit into the heap"
                    print("desk: " + self.error)
                self._waiting.pop(0)
            elif self.own is not None:
                await self.own.carry_out()
                self.own = None
            else:
                await asyncio.sleep_ms(50)
                continue
            self._forget()

    async def _handle(self, name: str, payload: bytes, retained: bool) -> None:
        """Who judges a signature is forgotten before anybody is loaded who acts on it: there is no room for both."""
        if name == self._command_topic:
            command = await self._keys().command(payload)
            self._forget()
            if command is None:
                self.refused += 1
            else:
                await self._clerk().command_came(command, retained)
            return
        message, digest = self._clerk().config_offered(payload)
        if message is not None:
            self._forget()
            is_signed = await self._keys().signed(message)
            self._forget()
            self._clerk().config_came(message, digest, is_signed)

    async def _prove(self, trial) -> None:
        await trial.run()
        self._trial = None

    def judge(self, verdict: str) -> None:
        """A trial is over, or goes on after a sleep."""
        getattr(self._clerk(), verdict)()
        if not self.is_busy():
            self._forget()

    def _keys(self):
        from firmware.signature import Keys

        return Keys(self.folder + "/keys")

    def _clerk(self):
        from firmware.clerk import Clerk

        return Clerk(self)

    def _forget(self) -> None:
        """Their heap belongs to the readings again."""
        forget(self._kind_module, "air.certificates", *_LOADED.split())
        gc.collect()
