"""When did a contact close and open, though it bounces? A contact to ground: closed is low.

A level counts when it stood for ``STABLE_US``; a pulse is a change from stable high to stable low, so neither bounces
nor a broken closure count twice.
"""

STABLE_US = 20000


def settle(edges: list, now_us: int, low: bool, stable_us: int = STABLE_US) -> tuple:
    """Return (changes, edges consumed): each change is (us, is low, edges consumed with it).

    ``edges`` are (us, level) after the last one consumed, ``now_us`` is how long the last level has been watched,
    ``low`` the stable level before them. Edges whose level is not settled yet are not consumed: give them again.
    """
    changes, consumed = [], 0
    for index, (begun, level) in enumerate(edges):
        last = index + 1 == len(edges)
        stood = (now_us if last else edges[index + 1][0]) - begun
        if stood >= stable_us:
            if low == bool(level):
                low = not level
                changes.append((begun, low, index + 1))
            consumed = index + 1
        elif not last:
            consumed = index + 1
    return changes, consumed


def count_pulses(edges: list, now_us: int, low: bool) -> tuple:
    """Return (pulses, edges consumed, whether the stable level is low now), of edges as for ``settle``."""
    changes, consumed = settle(edges, now_us, low)
    pulses = sum([is_low for _us, is_low, _consumed in changes])
    return pulses, consumed, changes[-1][1] if changes else low
