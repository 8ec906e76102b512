"""The smallest collector there can be: it notes what arrives and answers with receipts, when it is told to."""

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from firmware import contract, mqtt_codec, orders
from provisioning.broker import port_of


class Receipts:
    """``contents`` counts each distinct reading payload; ``answers`` switches the receipts."""

    def __init__(self, directory: Path, city: str = "koper") -> None:
        self.contents: Counter[bytes] = Counter()
        self.states: list[dict[str, Any]] = []
        self.results: list[dict[str, Any]] = []
        self.answers = True
        self._city = city
        self._directory = directory
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.disconnect()

    async def connect(self) -> None:
        """Over mutual TLS, with a persistent session; tries until the broker is there."""
        context = ssl.create_default_context(cafile=str(self._directory / "ca" / "ca.pem"))
        certificate = self._directory / "certificates" / "collector"
        context.load_cert_chain(f"{certificate}.pem", f"{certificate}.key")
        while True:
            try:
                reader, self._writer = await asyncio.open_connection(
                    "127.0.0.1", port_of(self._directory), ssl=context, server_hostname="localhost"
                )
                break
            except OSError:
                await asyncio.sleep(0.1)
        self._write(mqtt_codec.connect("collector", 60, clean_session=False))
        topics = [contract.topic(self._city, "+", channel) for channel in ("reading", "result", "state")]
        self._write(mqtt_codec.subscribe(1, [(name, 1) for name in topics]))
        self._task = asyncio.create_task(self._read(reader))

    async def disconnect(self) -> None:
        if self._task is not None:
            self._task.cancel()
        if self._writer is not None:
            self._writer.close()

    def tell(self, *, online: bool, at: int) -> None:
        """Publish the retained state of the collector."""
        self._write(
            mqtt_codec.publish(
                contract.topic(self._city, "collector", "state"),
                contract.encode_state({"at": at, "online": online}),
                retain=True,
            )
        )

    def command(self, publisher: str, command: dict[str, Any]) -> None:
        """Send a command, signed by whoever made it."""
        topic = contract.topic(self._city, publisher, "command")
        self._write(mqtt_codec.publish(topic, orders.encode_command(command)))

    def numbers(self) -> set[int]:
        """The sequence numbers that arrived."""
        return {contract.decode_reading(payload)["seq"] for payload in self.contents}

    def readings(self) -> list[dict[str, Any]]:
        """Every distinct reading, in the order of ``at``."""
        found = [reading for payload in self.contents for reading in contract.decode_reading(payload)["readings"]]
        return sorted(found, key=lambda reading: reading["at"])

    async def until(self, is_true: Callable[[], bool], what: str, seconds: float = 120) -> None:
        """Return as soon as it is true; raise TimeoutError naming ``what``."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not is_true():
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"not within {seconds:.0f} s: {what}")
            await asyncio.sleep(0.05)

    async def has(self, count: int) -> None:
        """Return when that many distinct messages have arrived."""
        await self.until(lambda: len(self.contents) >= count, f"{count} messages, {len(self.contents)} arrived")

    def _write(self, octets: bytes) -> None:
        if self._writer is not None:
            self._writer.write(octets)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        decoder = mqtt_codec.Decoder()
        try:
            while octets := await reader.read(65536):
                for packet in decoder.feed(octets):
                    if packet[0] == mqtt_codec.PUBLISH:
                        self._take(*packet[1:5])
        except (ConnectionError, ssl.SSLError):
            return  # the broker died; the test connects again

    def _take(self, topic: str, payload: bytes, qos: int, packet_id: int) -> None:
        _, publisher, channel = contract.split_topic(topic)
        if publisher == "collector":
            pass  # its own retained state
        elif channel == "state":
            self.states.append(contract.decode_state(payload))
        elif channel == "result":
            self.results.append(orders.decode_result(payload))
            self._answer(publisher, self.results[-1])
        else:
            self.contents[payload] += 1
            self._answer(publisher, contract.decode_reading(payload))
        if qos:
            self._write(mqtt_codec.puback(packet_id))

    def _answer(self, publisher: str, message: dict[str, Any]) -> None:
        if self.answers:
            receipt = contract.encode_receipt(message["outbox"], [[message["seq"], message["seq"]]])
            self._write(mqtt_codec.publish(contract.topic(self._city, publisher, "receipt"), receipt))
