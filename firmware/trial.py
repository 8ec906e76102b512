"""Has what is new proved itself? A version or a configuration on trial stays when it works, and goes when it does not.

A version is confirmed when a receipt has come and the node has run for ``STEADY_MS``; without a receipt it starts again
after ``PATIENCE_MS``, which counts as a failed start. While the collector says it is offline, nobody loses patience. A
configuration needs no receipt: it can't change how the node connects. A node that sleeps confirms before it sleeps.
"""

STEADY_MS = 60000
PATIENCE_MS = 900000
_LOOK_MS = 1000


class Trial:
    """``confirmed()`` is called when the version was; ``is_offline()``: whether the collector says it is away."""

    def __init__(self, slots, config, hal, is_offline, confirmed) -> None:
        self._slots = slots
        self._config = config
        self._hal = hal
        self._is_offline = is_offline
        self._confirmed = confirmed
        self._is_answered = False

    @property
    def is_of_version(self) -> bool:
        """Whether the version that runs has still to prove itself."""
        return self._slots.trial is not None

    def answered(self) -> None:
        """A receipt has come: the city understands this version."""
        self._is_answered = True

    def sleeps(self) -> None:
        """The node has sampled, and is about to sleep."""
        self._config.confirm()
        if self._is_answered:
            self._confirm()
        elif self.is_of_version:
            self._slots.rest()

    async def run(self) -> None:
        """Ends when all is proved; ends the node when it waited too long."""
        waited, begun = 0, self._hal.monotonic_ms()
        while self.is_of_version or self._config.is_trial:
            before = self._hal.monotonic_ms()
            await self._hal.sleep_ms(_LOOK_MS)
            now = self._hal.monotonic_ms()
            if now - begun >= STEADY_MS:
                self._config.confirm()
                if self._is_answered:
                    self._confirm()
            if not self._is_offline():
                waited += now - before
            if self.is_of_version and waited >= PATIENCE_MS and not self._is_answered:
                print("trial: no receipt for " + str(PATIENCE_MS // 1000) + " s")
                self._hal.restart()

    def _confirm(self) -> None:
        if self.is_of_version:
            self._slots.confirm()
            print("trial: release " + str(self._slots.confirmed) + " stays")
            self._confirmed()
