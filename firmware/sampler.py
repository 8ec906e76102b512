"""What becomes of a sample? A reading in the outbox, durable before anything else happens to it."""

from firmware import contract


class Sampler:
    """Asks ``kind`` and keeps what it says; ``ledger`` may be None."""

    def __init__(self, thing: str, hal, outbox, kind, status, ledger=None) -> None:
        self._thing = thing
        self._hal = hal
        self._outbox = outbox
        self._kind = kind
        self._status = status
        self._ledger = ledger

    async def once(self) -> bool:
        """One sample; whether it was urgent."""
        if self._ledger is not None:
            self._ledger.sensor_on(self._hal.monotonic_ms())
        samples = await self._kind.sample()
        if self._ledger is not None:
            self._ledger.sensor_off(self._hal.monotonic_ms())
        for sample in samples:
            self._keep(sample)
        return any(sample.urgent for sample in samples)

    def _keep(self, sample) -> None:
        reading = {"thing": self._thing, "values": sample.values}
        if sample.period is not None:
            reading["period"] = sample.period
        if sample.quality:
            reading["quality"] = sample.quality
        now, mono = self._hal.now_ms(), self._hal.monotonic_ms()
        try:
            seq = self._outbox.append(reading, now, mono, sample.urgent, sample.note)
        except contract.ContractError as error:
            self._status.refused += 1
            print("node: " + str(error))
            return
        if seq and sample.note is not None:
            self._kind.keep(sample.note)
