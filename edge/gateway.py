"""What runs in a gateway? One owner per line, the uplink, and the changes of a configuration that is read again."""

import asyncio
import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

from edge import budget, signature, timeserver
from edge.bus import bus_of
from edge.clock import is_steered
from edge.commands import Commander
from edge.config import Alarm, Config, LineConfig
from edge.errors import ConfigError
from edge.health import health, metrics
from edge.http import Pages
from edge.keep import Keeper, Stamps, Urgency, now_ms
from edge.keys import Keys
from edge.keys import load as load_keys
from edge.mbus.quantity import Values
from edge.notify import watch
from edge.outbox import Outbox
from edge.owner import Owner
from edge.radio import Radio
from edge.signature import PublicKey
from edge.uplink import Uplink
from firmware.chain import Chain, ChainError

log = logging.getLogger(__name__)


class Gateway:
    """Reads every line and publishes, until cancelled; made inside a running loop."""

    def __init__(self, config: Config, outbox: Outbox, uplink: Uplink) -> None:
        self.config = config
        self.outbox = outbox
        self.uplink = uplink
        self.owners: dict[str, Owner] = {}
        self._lines: dict[str, asyncio.Task[None]] = {}
        last = outbox.last(now_ms())
        self._readouts = {thing: one.readouts for thing, one in last.items()}
        self._urgency = Urgency(_alarms(config))
        stamps = Stamps(last={thing: one.at for thing, one in last.items()})
        self.keeper = Keeper(outbox, uplink.wake, stamps, self._urgency)
        keys = load_keys(config.keys) if config.keys else Keys()
        self.radios = [Radio(receiver, keys, self.keeper.keep) for receiver in config.receiver]
        self._tasks = asyncio.TaskGroup()
        self._audit_file = _opened(config.audit)
        try:
            audit = Chain(self._audit_file, partial(os.fsync, self._audit_file.fileno()), now_ms())
        except ChainError as error:
            raise ConfigError(f"audit: {config.audit}: {error}") from error
        self.commander = Commander(
            lambda: self.config, _keys(config), self.owners, outbox, audit,
            publish_again=uplink.again, clock=now_ms, is_clock_trusted=self.is_clock_trusted,
        )  # fmt: skip
        uplink.on_command = self.commander.take
        parts = self.owners, outbox, uplink, self.radios
        self.pages = Pages(partial(health, *parts), partial(metrics, *parts))
        # Who keeps the head of the audit elsewhere sees that lines were cut off its end.
        uplink.more_state = lambda: {
            "clock": "ntp" if is_steered() else "host",
            "audit": f"{audit.number}:{audit.head}",
            "silent_receivers": " ".join(radio.name for radio in self.radios if radio.is_silent or radio.error)[:64],
        }

    def is_clock_trusted(self) -> bool:
        """Whether it may be decided by it what has expired."""
        return self.config.clock == "host" or is_steered()

    async def run(self) -> None:
        """ConfigError when a port is taken."""
        served: list[asyncio.Server | asyncio.DatagramTransport] = []
        try:
            await self._serve(served)
            await self._run()
        finally:
            for one in served:
                one.close()
            self._audit_file.close()

    async def _serve(self, served: list[asyncio.Server | asyncio.DatagramTransport]) -> None:
        try:
            if self.config.http is not None:
                served.append(await self.pages.serve(self.config.http.port))
        except OSError as error:
            raise ConfigError(f"http.port: {error}") from error
        try:
            if self.config.time is not None:
                where = self.config.time
                served.append(await timeserver.serve(where.host, where.port, self.is_clock_trusted))
        except OSError as error:
            raise ConfigError(f"time: {error}") from error

    def stalled(self, seconds: float) -> list[str]:
        """Lines whose owner has made no progress for so long."""
        now = asyncio.get_running_loop().time()
        return [name for name, owner in self.owners.items() if now - owner.alive_at > seconds]

    async def _run(self) -> None:
        async with self._tasks:
            self._tasks.create_task(watch(self.stalled), name="watchdog")
            self._tasks.create_task(self.uplink.run(), name="uplink")
            self._tasks.create_task(self.commander.run(), name="commands")
            for line in self.config.line:
                self._start(line)
            for radio in self.radios:
                self._tasks.create_task(radio.run(), name=radio.name)

    def reload(self, load: Callable[[], Config]) -> None:
        """Take over what changed in lines and meters; ConfigError of ``load`` passes through, and nothing changes."""
        new = load()
        for key in set(Config.model_fields) - {"line", "interlock"}:
            if getattr(new, key) != getattr(self.config, key):
                log.warning("%s: changed; takes a restart", key)
        old_lines = {line.name: line for line in self.config.line}
        new_lines = {line.name: line for line in new.line}
        for name in old_lines.keys() - new_lines.keys():
            self._stop(name)
        for name, line in new_lines.items():
            old = old_lines.get(name)
            if old is None or _without_meters(old) != _without_meters(line):
                self._stop(name)
                self._start(line)
            elif changed := self.owners[name].replace(line.meter):
                log.info("%s: changed: %s", name, " ".join(changed))
                _say_budget(line)
        self._urgency.replace(_alarms(new))
        self.config = self.config.model_copy(update={"line": new.line, "interlock": new.interlock})

    def _start(self, line: LineConfig) -> None:
        _say_budget(line)
        bus = bus_of(line)

        def keep(thing: str, values: Values) -> None:
            self.keeper.keep(thing, values, bus.source(thing))

        owner = Owner(line.name, bus, line.meter, keep, readouts=self._readouts)
        self.owners[line.name] = owner
        self._lines[line.name] = self._tasks.create_task(owner.run(), name=line.name)

    def _stop(self, name: str) -> None:
        if name in self._lines:
            log.info("%s: stopped", name)
            self.owners[name].is_ended = True
            self._lines.pop(name).cancel()
            del self.owners[name]


def _opened(path: Path) -> BinaryIO:
    try:
        file = path.open("a+b")
    except OSError as error:
        raise ConfigError(f"audit: {path}: {error}") from error
    return file


def _keys(config: Config) -> dict[str, PublicKey]:
    keys = {name: signature.load(f"center.{name}.key", center.key) for name, center in config.center.items()}
    if config.collector is not None:
        keys["collector"] = signature.load("collector.key", config.collector.key)
    return keys


def _alarms(config: Config) -> dict[str, list[Alarm]]:
    return {meter.thing: meter.alarm for line in config.line for meter in line.meter if meter.alarm}


def _without_meters(line: LineConfig) -> LineConfig:
    return line.model_copy(update={"meter": []})


def _say_budget(line: LineConfig) -> None:
    found = budget.of(line)
    if not found.is_met:
        log.warning(
            "%s: the plan can not be met: %d meters take %.0f s, and %.0f %% of the time there is",
            line.name, len(line.meter), found.round, 100 * found.load,
        )  # fmt: skip
