"""Does water run that should not? By the times of a meter's pulses, in us of the input that recorded them.

Continuous flow: the longest rest between two pulses stays under ``rest_ms`` for ``continuous_ms``. Burst: more flow
than ``limit`` pulses in a window of ``burst_ms``. Back-flow: ``back_flow_pulses`` more backwards than forwards since
they last were even. Stuck: no edge at all for ``stuck_ms``. What a pulse of 100 L can't resolve is not seen.
"""

import struct

CONTINUOUS, BURST, BACK_FLOW, TAMPER, STUCK, LOST = 1, 2, 4, 8, 16, 32  # bits of water_flags
_FORM = "<qqqqIBH"
SIZE = 39  # of what is remembered


class Leak:
    """``settings`` has rest_ms, continuous_ms, burst_ms, back_flow_pulses, stuck_ms; ``limit`` None: no burst."""

    def __init__(self, settings: dict, limit: int | None) -> None:
        self._rest_us = settings["rest_ms"] * 1000
        self._continuous_us = settings["continuous_ms"] * 1000
        self._burst_us = settings["burst_ms"] * 1000
        self._back_flow_pulses = settings["back_flow_pulses"]
        self._stuck_us = settings["stuck_ms"] * 1000
        self._limit = limit
        self.restart(None)
        self._backwards = 0

    def restart(self, now_us: int | None) -> None:
        """The input's clock began anew, or pulses were lost: what runs now is not known to have run before."""
        self._run_us = self._pulse_us = -1  # when the flow began, when the last pulse was
        self._edge_us = -1 if now_us is None else now_us
        self._window, self._in_window, self._was_burst = -1, 0, False

    def pulse(self, us: int) -> None:
        """One pulse, in the order of time."""
        if self._pulse_us < 0 or us - self._pulse_us >= self._rest_us:
            self._run_us = us
        self._pulse_us = us
        self._turn(us)
        self._in_window = min(self._in_window + 1, 2**32 - 1)

    def edge(self, us: int) -> None:
        """The last edge, of whatever kind."""
        self._edge_us = us

    def balance(self, forwards: int, backwards: int) -> None:
        self._backwards = max(0, min(self._backwards + backwards - forwards, 65535))

    def flags(self, now_us: int) -> int:
        """Bits, all watched until ``now_us``."""
        if self._edge_us < 0:
            self._edge_us = now_us
        self._turn(now_us)
        runs = self._pulse_us >= 0 and now_us - self._pulse_us < self._rest_us
        flags = CONTINUOUS if runs and now_us - self._run_us >= self._continuous_us else 0
        if self._was_burst or self._exceeds():
            flags |= BURST
        if self._backwards >= self._back_flow_pulses:
            flags |= BACK_FLOW
        if now_us - self._edge_us >= self._stuck_us:
            flags |= STUCK
        return flags

    def _turn(self, us: int) -> None:
        """A new window: a burst is over when a whole window was below the limit."""
        window = us // self._burst_us
        if window != self._window:
            self._was_burst = window == self._window + 1 and self._exceeds()
            self._window, self._in_window = window, 0

    def _exceeds(self) -> bool:
        return self._limit is not None and self._in_window > self._limit

    def remember(self) -> bytes:
        return struct.pack(
            _FORM,
            self._run_us,
            self._pulse_us,
            self._edge_us,
            self._window,
            self._in_window,
            self._was_burst,
            self._backwards,
        )

    def recall(self, octets: bytes) -> None:
        (
            self._run_us,
            self._pulse_us,
            self._edge_us,
            self._window,
            self._in_window,
            was_burst,
            self._backwards,
        ) = struct.unpack(_FORM, octets)
        self._was_burst = bool(was_burst)


def burst_limit(flow: tuple | None, window_ms: int, litres: tuple) -> int | None:
    """The most pulses in a window at ``flow`` m3/h (integer, exponent); ``litres`` (integer, exponent) a pulse."""
    if flow is None:
        return None
    shift = flow[1] - litres[1]
    above = flow[0] * 1000 * window_ms * 10 ** max(shift, 0)
    return above // (litres[0] * 3600000 * 10 ** max(-shift, 0))
