"""Which of the two beams of an entry were broken, in which order? From inputs that record edges, or from echoes.

Both have ``async look(low, cursors)`` -> (states, cursors, whether edges were lost): ``states`` are the pairs (A is
broken, B is broken) since ``low``, the last such pair; ``cursors`` name the next edges. DriverError: nothing to tell.
"""

from firmware.drivers import DriverError, jsn_sr04t
from firmware.drivers.reed_contact import settle

TIMEOUT_MS = 3000
STABLE_US = 30000  # a drop or an insect is shorter
_MOST = 30  # edges of one input at a time: who was away finds many, and has one heap; inputs don't keep them for ever


class Contacts:
    """Two inputs that record edges; a broken beam is low."""

    def __init__(self, a, b) -> None:
        self._inputs = a, b

    async def look(self, low: tuple, cursors: tuple) -> tuple:
        """What follows the first edge that has not settled, on either input, waits: its order is not known yet.

        So does a passage that is not over, unless it is a long one: each is told once, as a whole.
        """
        answers, lost = [], False
        for pulses, cursor in zip(self._inputs, cursors):
            answer = await pulses.since(cursor, TIMEOUT_MS, _MOST)
            if answer is None:
                raise DriverError("no_answer")
            answers.append(answer)
            lost = lost or answer[0] != cursor
        found, settled = [], []
        for beam, (_first, now_us, edges) in enumerate(answers):
            changes, consumed = settle(edges, now_us, low[beam], STABLE_US)
            found += [(us, beam, is_low) for us, is_low, _consumed in changes]
            settled.append(edges[consumed][0] if consumed < len(edges) else now_us)
        horizon = min(settled)
        states, whole_us = _states(found, low, horizon)
        if max([len(edges) for _first, _now_us, edges in answers]) < _MOST:
            horizon = whole_us + 1
        reached = [first + sum([us < horizon for us, _level in edges]) for first, _now_us, edges in answers]
        return [state for us, state in states if us < horizon], tuple(reached), lost


def _states(changes: list, low: tuple, horizon: int) -> tuple:
    """Return ((us, state) in their order, until ``horizon``; when both beams were whole for the last time, or -1)."""
    now, states, whole_us = list(low), [], -1
    for us, beam, is_low in sorted(changes):
        if us < horizon:
            now[beam] = is_low
            states.append((us, (now[0], now[1])))
            if not (now[0] or now[1]):
                whole_us = us
    return states, whole_us


class Echoes:
    """Two JSN-SR04T; something nearer than ``below_mm`` breaks the beam."""

    def __init__(self, a, b, below_mm: int) -> None:
        self._sensors = a, b
        self._below_mm = below_mm

    async def look(self, low: tuple, cursors: tuple) -> tuple:
        now = []
        for uart in self._sensors:
            answer = await uart.exchange(jsn_sr04t.REQUEST, jsn_sr04t.ANSWER_SIZE, jsn_sr04t.TIMEOUT_MS)
            now.append(jsn_sr04t.distance_mm(answer) < self._below_mm)
        return ([] if tuple(now) == low else [tuple(now)]), cursors, False
