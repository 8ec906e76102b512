"""Has what is new proved itself? A version or a configuration on trial stays when it works, and goes when it does not.

A version is confirmed when a receipt has come and the node has run for ``STEADY_MS``; without a receipt it starts again
after ``PATIENCE_MS``, which counts as a failed start. While the collector says it is offline, nobody loses patience. A
configuration needs no receipt: it can't change how the node connects. A node that sleeps confirms before it sleeps.
"""

STEADY_MS = 60000
PATIENCE_MS = 900000
_LOOK_MS = 1000
# What ``judge`` is told.
CONFIG_STAYS, VERSION_STAYS, VERSION_RESTS = "config_stays", "version_stays", "version_rests"


class Trial:
    """Of a version, of a configuration, or of both; neither has to be in the heap meanwhile.

    ``judge(verdict)`` makes the verdict durable; ``is_offline()``: whether the collector says it is away.
    """

    def __init__(self, is_of_version: bool, is_of_config: bool, hal, is_offline, judge) -> None:
        self._is_of_version = is_of_version
        self._is_of_config = is_of_config
        self._hal = hal
        self._is_offline = is_offline
        self._judge = judge
        self._is_answered = False

    def answered(self) -> None:
        """A receipt has come: the city understands this version."""
        self._is_answered = True

    def sleeps(self) -> None:
        """The node has sampled, and is about to sleep."""
        self._confirm()
        if self._is_of_version:
            self._judge(VERSION_RESTS)

    async def run(self) -> None:
        """Ends when all is proved; ends the node when it waited too long."""
        waited, begun = 0, self._hal.monotonic_ms()
        while self._is_of_version or self._is_of_config:
            before = self._hal.monotonic_ms()
            await self._hal.sleep_ms(_LOOK_MS)
            now = self._hal.monotonic_ms()
            if now - begun >= STEADY_MS:
                self._confirm()
            if not self._is_offline():
                waited += now - before
            if self._is_of_version and waited >= PATIENCE_MS and not self._is_answered:
                print("trial: no receipt for " + str(PATIENCE_MS // 1000) + " s")
                self._hal.restart()

    def _confirm(self) -> None:
        """What has proved itself now."""
        if self._is_of_config:
            self._is_of_config = False
            self._judge(CONFIG_STAYS)
        if self._is_of_version and self._is_answered:
            self._is_of_version = False
            self._judge(VERSION_STAYS)
