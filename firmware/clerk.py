"""Who carries out an order of the city? One clerk per order, who finds on flash what was done before."""

import json
import os


class Clerk:
    """Tells ``desk`` what came of it."""

    def __init__(self, desk) -> None:
        self._desk = desk

    # ---- at start

    def start(self) -> tuple:
        """(Settings of the kind as a configuration has them, or None; the trial of what is new, or None).

        Raises SettingsError.
        """
        own, slots = None, None
        config = self._config() if self._has("config.json") or self._has("config.old") else None
        if config is not None:
            own = config.start()
            self._tell(config)
        if self._has("slot.json"):
            slots = self._slots()
        if (slots is None or slots.trial is None) and (config is None or not config.is_trial):
            return own, None
        from firmware.trial import Trial

        is_of_version, is_of_config = slots is not None and slots.trial is not None, bool(config and config.is_trial)
        return own, Trial(is_of_version, is_of_config, self._desk.hal, self._desk.is_offline, self._desk.judge)

    def give_up(self, reason: str) -> None:
        """The kind refuses the settings of the configuration."""
        self._config().give_up(reason)

    async def finish(self) -> None:
        """Answer what was begun before this start."""
        if self._has("commands.json"):
            await self._commander().finish()
        if self._has("update.json"):
            self._own_orders().judge()

    # ---- what came

    async def command_came(self, command: dict, retained: bool) -> None:
        """Its signature is right."""
        commander = self._commander()
        await commander.handle(command, retained)
        self._desk.refused += commander.refused

    def config_offered(self, payload: bytes) -> tuple:
        """(The message, its digest), whose signature is to be judged; (None, "") when that is not worth while."""
        config = self._config()
        found = config.news(payload)
        if found[0] is None:
            self._tell(config)
        return found

    def config_came(self, message: dict, digest: str, is_signed: bool) -> None:
        config = self._config()
        is_accepted = config.offer(message, digest, is_signed)
        self._tell(config)
        if is_accepted:
            print("config: number " + str(config.number) + ", restarting")
            self._desk.hal.restart()

    async def command(self, name: str, arguments: dict, identifier: str) -> tuple:
        """An order to the node itself."""
        if self._desk.own is not None:
            return "refused", {}, "another order to this node is on its way"
        own = self._own_orders()
        found = own.take(name, arguments, identifier)
        if found[0] != "refused":
            self._desk.begin(own)
        return found

    async def outcome(self, name: str, arguments: dict) -> tuple:
        """What became of one that was begun before the last start."""
        return self._own_orders().outcome(name, arguments)

    # ---- verdicts of a trial

    def config_stays(self) -> None:
        self._config().confirm()

    def version_stays(self) -> None:
        slots = self._slots()
        slots.confirm()
        print("trial: release " + str(slots.confirmed) + " stays")
        self._own_orders().confirm()

    def version_rests(self) -> None:
        self._slots().rest()

    # ---- made when they are needed

    def _slots(self):
        from firmware.boot.slots import Slots

        return Slots(self._desk.folder)

    def _config(self):
        from firmware.config import Config

        return Config(self._desk.folder, self._asked, self._desk.trust)

    def _asked(self) -> tuple:
        """What node.json says, and the module of the kind. The start has judged the whole of it."""
        from firmware.nodes import module
        from firmware.settings import SettingsError

        try:
            with open(self._desk.folder + "/node.json") as file:
                given = json.load(file)
            kind = module(given["kind"])
            rest = {key: value for key, value in given.items() if key in kind.KEYS or key in kind.OPTIONAL}
            return {"rest": rest, "period_ms": given["period_ms"]}, kind
        except (OSError, ValueError, KeyError, TypeError, ImportError):
            raise SettingsError("node.json: can't be read") from None

    def _commander(self):
        from firmware.commands import Commander

        desk, actors = self._desk, {}
        actors[desk.publisher] = self
        if hasattr(desk.kind, "command"):
            actors[desk.thing] = desk.kind
        return Commander(desk.folder, desk.hal, desk.outbox, desk.trust, actors)

    def _own_orders(self):
        from firmware.own_orders import OwnOrders

        return OwnOrders(
            self._desk.folder, self._slots, self._updater, self._commander().answer, self._desk.hal.restart
        )

    def _updater(self, slots):
        from firmware.signature import Keys
        from firmware.update import Updater

        return Updater(slots, Keys(self._desk.folder + "/keys"), self._desk.trust, self._desk.context)

    def _tell(self, config) -> None:
        self._desk.number, self._desk.error = config.number, config.error

    def _has(self, name: str) -> bool:
        try:
            os.stat(self._desk.folder + "/" + name)
        except OSError:
            return False
        return True
