"""What runs in a gateway? One owner per line, the uplink, and the changes of a configuration that is read again."""

import asyncio
import logging
from collections.abc import Callable

from edge import budget
from edge.bus import bus_of
from edge.config import Alarm, Config, LineConfig
from edge.keep import Keeper, Stamps, Urgency, now_ms
from edge.outbox import Outbox
from edge.owner import Owner
from edge.uplink import Uplink

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
        self._tasks = asyncio.TaskGroup()

    async def run(self) -> None:
        async with self._tasks:
            self._tasks.create_task(self.uplink.run(), name="uplink")
            for line in self.config.line:
                self._start(line)

    def reload(self, load: Callable[[], Config]) -> None:
        """Take over what changed in lines and meters; ConfigError of ``load`` passes through, and nothing changes."""
        new = load()
        for key in set(Config.model_fields) - {"line"}:
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
        self.config = self.config.model_copy(update={"line": new.line})

    def _start(self, line: LineConfig) -> None:
        _say_budget(line)
        owner = Owner(line.name, bus_of(line), line.meter, self.keeper.keep, readouts=self._readouts)
        self.owners[line.name] = owner
        self._lines[line.name] = self._tasks.create_task(owner.run(), name=line.name)

    def _stop(self, name: str) -> None:
        if name in self._lines:
            log.info("%s: stopped", name)
            self._lines.pop(name).cancel()
            del self.owners[name]


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
