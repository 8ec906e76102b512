"""Where do the city's orders arrive? Each is handed to code that is loaded for it and forgotten after it.

Only a node whose node.json says whom it trusts has a desk. Everything behind it remembers on flash, so nothing has to
stay in the heap between two orders: who carries them out is made anew for each.
"""

import asyncio
import gc
import os
import sys

import firmware
from firmware.contract import topic

MOST_WAITING = 4
# What orders need and readings don't.
_LOADED = ("commands", "config", "own_orders", "update", "download", "release", "signature", "ecdsa", "orders", "trial")


class Desk:
    """``kind_module`` says what a configuration may change; ``context`` is the node's TLS.

    ``kind``, the kind itself, may carry out commands; ``is_offline()`` is whether the collector says it is away.
    """

    def __init__(self, folder: str, settings: dict, hal, outbox, kind_module, context, is_offline) -> None:
        city, name = settings["city"], settings["publisher"]
        self.command_topic = topic(city, name, "command")
        self.config_topic = topic(city, name, "config")
        self.refused = 0  # commands that nobody we know has signed
        self.number, self.error = 0, ""  # of the configuration, for the state
        self.kind = None
        self._folder = folder
        self._settings = settings
        self._hal = hal
        self._outbox = outbox
        self._kind_module = kind_module
        self._context = context
        self._is_offline = is_offline
        self._waiting = []
        self._own = None  # while an order to the node itself is carried out
        self._trial = self._proving = None  # while something has still to prove itself

    # ---- at start

    def start(self) -> dict | None:
        """The settings of the kind as a configuration has them; None: as node.json has them. Raises SettingsError."""
        from firmware.signature import trust

        trust("trust", self._settings["trust"])
        own, slots = None, None
        config = self._config() if self._has("config.json") or self._has("config.old") else None
        if config is not None:
            own = config.start()
            self._tell(config)
        if self._has("slot.json"):
            slots = self._slots()
        is_version, is_config = slots is not None and slots.trial is not None, config is not None and config.is_trial
        if is_version or is_config:
            from firmware.trial import Trial

            self._trial = Trial(
                slots or self._slots(), config or self._config(), self._hal, self._is_offline, self._confirmed
            )
        return own

    def give_up(self, reason: str) -> bool:
        """The kind refuses its settings: if a configuration gave them, the one before is back at the next start."""
        if not self.number:
            return False
        self._config().give_up(reason)
        return True

    # ---- from the link and the node

    def take(self, name: str, payload: bytes, retained: bool) -> bool:
        """Whether the message was for this desk; what does not fit into the queue is sent again by the city."""
        is_mine = name in (self.command_topic, self.config_topic)
        if is_mine and len(self._waiting) < MOST_WAITING:
            self._waiting.append((name, payload, retained))
        return is_mine

    def is_busy(self) -> bool:
        """Whether something is on its way that sleep would interrupt."""
        return bool(self._waiting) or self._own is not None

    @property
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
        if self._has("commands.json"):
            await self._commander().finish()
        if self._has("update.json"):
            self._own_orders().judge()
        if self._trial is not None:
            self._proving = asyncio.create_task(self._prove(self._trial))
        self._forget()
        while True:
            if self._waiting:
                await self._handle(*self._waiting[0])
                self._waiting.pop(0)
            elif self._own is not None:
                await self._own.carry_out()
                self._own = None
            else:
                await asyncio.sleep_ms(50)
                continue
            self._forget()

    async def _prove(self, trial) -> None:
        await trial.run()
        self._trial = None
        self._forget()

    def _confirmed(self) -> None:
        self._own_orders().confirm()

    async def _handle(self, name: str, payload: bytes, retained: bool) -> None:
        gc.collect()
        if name == self.command_topic:
            commander = self._commander()
            await commander.handle(payload, retained)
            self.refused += commander.refused
            return
        config = self._config()
        is_accepted = await config.offer(payload)
        self._tell(config)
        if is_accepted:
            print("config: number " + str(config.number) + ", restarting")
            self._hal.restart()

    async def command(self, name: str, arguments: dict, identifier: str) -> tuple:
        """An order to the node itself."""
        if self._own is not None:
            return "refused", {}, "another order to this node is on its way"
        own = self._own_orders()
        found = own.take(name, arguments, identifier)
        if found[0] != "refused":
            self._own = own
        return found

    async def outcome(self, name: str, arguments: dict) -> tuple:
        """What became of one that was begun before the last start."""
        return self._own_orders().outcome(name, arguments)

    # ---- made when they are needed

    def _slots(self):
        from firmware.boot.slots import Slots

        return Slots(self._folder)

    def _keys(self):
        from firmware.signature import Keys

        return Keys(self._folder + "/keys")

    def _config(self):
        from firmware.config import Config

        return Config(self._folder, self._settings, self._kind_module, self._keys(), self._settings["trust"])

    def _commander(self):
        from firmware.commands import Commander

        publisher, actors = self._settings["publisher"], {}
        actors[publisher] = self
        if hasattr(self.kind, "command"):
            actors[self._settings["thing"]] = self.kind
        return Commander(self._folder, self._hal, self._outbox, self._keys(), self._settings["trust"], actors)

    def _own_orders(self):
        from firmware.own_orders import OwnOrders
        from firmware.update import Updater

        slots = self._slots()
        updater = Updater(slots, self._keys(), self._settings["trust"], self._context)
        return OwnOrders(self._folder, slots, updater, self._commander().answer, self._hal.restart)

    def _tell(self, config) -> None:
        self.number, self.error = config.number, config.error

    def _has(self, name: str) -> bool:
        try:
            os.stat(self._folder + "/" + name)
        except OSError:
            return False
        return True

    def _forget(self) -> None:
        """Their heap belongs to the readings again."""
        if self._own is not None or self._trial is not None or sys.implementation.name != "micropython":
            return
        for name in _LOADED:
            if sys.modules.pop("firmware." + name, None) is not None and hasattr(firmware, name):
                delattr(firmware, name)
        gc.collect()
