"""What may be written to a device, who may ask for it, and did it happen?

One command at a time. It is taken on durably before anything is written; so after a crash between the write and the
answer, the device is looked at and answered for, and nothing is written a second time. Every step is in the audit.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from edge import profile
from edge.bus import Bus
from edge.config import Config, Meter
from edge.errors import DeviceError, LineError, Refusal
from edge.mbus.quantity import Values
from edge.modbus.model import Command, ModbusProfile
from edge.outbox import Outbox
from edge.owner import COMMAND, Owner
from edge.signature import PublicKey
from firmware import contract, orders
from firmware.chain import Chain
from firmware.contract import ContractError

log = logging.getLogger(__name__)

READ, REPLAY = "read", "replay"
_COLLECTOR = "collector"
_MOST_WAITING = 100
_LOOK = 1.0  # s between two looks whether it has been reached
_REMEMBERED = 86_400_000  # ms that an answered command is known beyond its expiry


class Commander:
    """Takes commands and answers them through the outbox; ``clock`` in ms UTC."""

    def __init__(  # noqa: PLR0913 - what it needs of the gateway, each by name
        self,
        config: Callable[[], Config],
        keys: Mapping[str, PublicKey],
        owners: Mapping[str, Owner],
        outbox: Outbox,
        audit: Chain,
        *,
        publish_again: Callable[[int], None],
        clock: Callable[[], int],
        is_clock_trusted: Callable[[], bool],
    ) -> None:
        self._config = config
        self._keys = keys
        self._owners = owners
        self._outbox = outbox
        self._audit = audit
        self._publish_again = publish_again
        self._clock = clock
        self._is_clock_trusted = is_clock_trusted
        self._waiting: asyncio.Queue[tuple[bytes, bool]] = asyncio.Queue(_MOST_WAITING)

    def take(self, payload: bytes, is_retained: bool) -> None:
        """A message came on the command topic."""
        try:
            self._waiting.put_nowait((payload, is_retained))
        except asyncio.QueueFull:
            log.warning("commands: more than %d wait, one is not taken", _MOST_WAITING)

    async def run(self) -> None:
        """For ever; first, what a crash left unanswered is answered for."""
        for command in self._outbox.unanswered():
            self._note("found unanswered", command)
            await self._answer(command, self._look_after(command))
        while True:
            payload, is_retained = await self._waiting.get()
            await self.handle(payload, is_retained)

    async def handle(self, payload: bytes, is_retained: bool) -> None:
        """From the message to the answer."""
        try:
            command = orders.decode_command(payload)
        except ContractError as error:
            log.warning("commands: %s", error)
            return
        try:
            self._check_origin(command, is_retained)
            known = self._outbox.command(command["id"])
            if known is not None:
                self._answer_again(command, *known)
                return
            self._check_time(command)
        except Refusal as refusal:
            self._finish(command, refusal.status, {}, str(refusal))
            return
        if not self._outbox.take_on(command):
            self._finish(command, "failed", {}, "the disk is full")
            return
        self._note("taken on", command)
        await self._answer(command, self._carry_out(command))
        self._outbox.forget_commands(self._clock() - _REMEMBERED)

    async def _answer(self, command: dict[str, Any], outcome: Awaitable[Values]) -> None:
        try:
            self._finish(command, "done", await outcome, "")
        except Refusal as refusal:
            self._finish(command, refusal.status, {}, str(refusal))
        except (DeviceError, LineError) as error:
            self._finish(command, "failed", {}, str(error))

    # ---- the checks

    def _check_origin(self, command: dict[str, Any], is_retained: bool) -> None:
        if is_retained:
            raise Refusal("retained: it may be old")
        center = command["by"].split("/")[0]  # "environment/ana.kovac": the center answers for its people
        is_replay = command["name"] == REPLAY
        key = self._keys.get(center)
        if key is None or is_replay != (center == _COLLECTOR):
            raise Refusal(f"{center} may not ask for {command['name']} here")
        if not key.signed(command):
            raise Refusal("not signed by " + center)
        things = None if is_replay else self._config().center[center].things
        if things is not None and command["thing"] not in things:
            raise Refusal(f"{center} has no say over {command['thing']}")

    def _check_time(self, command: dict[str, Any]) -> None:
        if not self._is_clock_trusted():
            raise Refusal("the clock is not trusted")
        if command["expires"] <= self._clock():
            raise Refusal("came after it had expired", "expired")

    def _device(self, thing: str) -> tuple[Owner, Meter]:
        for line in self._config().line:
            for meter in line.meter:
                if meter.thing == thing and line.name in self._owners:
                    return self._owners[line.name], meter
        raise Refusal(f"{thing} is not on a line of this gateway")

    async def _check_interlocks(self, command: dict[str, Any]) -> None:
        for lock in self._config().interlock:
            if command["thing"] not in lock.things or command["name"] in lock.free:
                continue
            for other in lock.things:
                if other == command["thing"]:
                    continue
                owner, _ = self._device(other)
                try:
                    value = (await owner.read_now(other)).get(lock.quantity)
                except (DeviceError, LineError) as error:
                    raise Refusal(f"interlock: {other} can not be read: {error}") from error
                if not isinstance(value, tuple) or Decimal(value[0]).scaleb(value[1]) <= Decimal(lock.above):
                    raise Refusal(f"interlock: {other} has no {lock.quantity} above {lock.above}")

    # ---- the deed

    async def _carry_out(self, command: dict[str, Any]) -> Values:
        if command["name"] == REPLAY:
            return self._replay(command["arguments"])
        owner, meter = self._device(command["thing"])
        if command["name"] == READ:
            await owner.read_now(meter.thing)  # the reading goes its own way through the outbox
            return {}
        allowed, value = _allowed(meter, command)
        try:
            words = allowed.words(value)
        except ValueError as error:
            raise Refusal(str(error)) from error
        await self._check_interlocks(command)

        async def write(bus: Bus) -> None:
            if command["expires"] <= self._clock():
                raise Refusal("expired while it waited for the line", "expired")
            self._note("writing", command)
            await bus.write(meter, allowed.table, allowed.address, words)

        try:
            await owner.ask(COMMAND, write)
        except DeviceError as error:
            self._note("the write was not acknowledged: " + str(error), command)
        else:
            self._note("written", command)
        return await self._until_reached(owner, meter, allowed, value)

    async def _look_after(self, command: dict[str, Any]) -> Values:
        """What became of a command that was taken on before a crash: looked at, never written again."""
        if command["name"] in (READ, REPLAY):
            return await self._carry_out(command)  # these change no device
        owner, meter = self._device(command["thing"])
        return await self._until_reached(owner, meter, *_allowed(meter, command))

    async def _until_reached(self, owner: Owner, meter: Meter, allowed: Command, value: Decimal) -> Values:
        loop = asyncio.get_running_loop()
        until = loop.time() + allowed.within
        while True:
            try:
                found, reason = (await owner.read_now(meter.thing)).get(allowed.quantity), ""
            except (DeviceError, LineError) as error:
                found, reason = None, str(error)
            if found is not None and allowed.is_reached(value, found):
                return {allowed.quantity: found}
            if loop.time() >= until:
                seen = reason or f"reads {found}"
                raise DeviceError(f"not reached within {allowed.within} s: {allowed.quantity} {seen}")
            await asyncio.sleep(_LOOK)

    def _replay(self, arguments: dict[str, Any]) -> Values:
        first, last = arguments.get("from"), arguments.get("to")
        if arguments.get("outbox") != self._outbox.id:
            raise Refusal("this outbox is another one")
        if not isinstance(first, int) or not isinstance(last, int) or not 0 < first <= last < 2**53:
            raise Refusal("from, to: expected sequence numbers")
        again = self._outbox.replay(first, last)
        if not again:
            raise Refusal(f"none of {first} to {last} is kept with a receipt")
        self._publish_again(again[0])
        return {}

    # ---- the answer

    def _finish(self, command: dict[str, Any], status: str, values: Values, reason: str) -> None:
        """Audit first: an answer that nobody wrote down must not leave."""
        self._note(f"{status}: {reason}" if reason else status, command)
        result = {"id": command["id"], "status": status, "at": self._clock(), "values": dict(values)}
        if reason:
            result["reason"] = reason.encode()[: contract.TEXT_LIMIT].decode(errors="ignore")
        if self._outbox.append_result(result) is None:
            log.error("commands: the disk is full, the answer to %s is counted as dropped", command["id"])
        self._publish_again(0)

    def _answer_again(
        self, command: dict[str, Any], known: dict[str, Any], result: dict[str, Any] | None, seq: int | None
    ) -> None:
        if known != command:
            self._note("refused: its id was used for another command", command)
        if result is None or seq is None or self._outbox.message(seq) is not None:
            return  # the answer is being worked on, or waits for its receipt and is sent anyway
        self._note("answered again", command)
        self._outbox.append_result(result)
        self._publish_again(0)

    def _note(self, step: str, command: dict[str, Any]) -> None:
        event = {key: command[key] for key in ("id", "thing", "name", "arguments", "by") if key in command}
        self._audit.append({**event, "step": step}, self._clock())
        log.info("command %s: %s %s by %s: %s", command["id"], command["name"], command["thing"], command["by"], step)


def _allowed(meter: Meter, command: dict[str, Any]) -> tuple[Command, Decimal]:
    """What the profile says of this command, and the value to be reached; Refusal when it allows none of it."""
    model = profile.load(meter.profile) if meter.profile else None
    rows = model.command if isinstance(model, ModbusProfile) else []
    for row in rows:
        if row.name == command["name"]:
            return row, _value(row, command["arguments"])
    raise Refusal(f"the profile of {meter.thing} allows no {command['name']}")


def _value(row: Command, arguments: dict[str, Any]) -> Decimal:
    if set(arguments) - {row.argument}:
        raise Refusal(f"arguments: only {row.argument or 'none'} is known")
    if row.argument is None:
        return Decimal(row.value or 0)
    try:
        value = Decimal(str(arguments[row.argument]))
    except (KeyError, InvalidOperation):
        raise Refusal(f"arguments.{row.argument}: expected a number") from None
    if not Decimal(row.low) <= value <= Decimal(row.high):
        raise Refusal(f"arguments.{row.argument}: expected {row.low} to {row.high}")
    return value
