"""How many pulses did the contact of a water meter give, though it bounces?

A contact closes to low. A level counts when it stood for ``STABLE_US``; a pulse is a change from stable high to stable
low, so neither bounces nor a broken closure count twice.
"""

STABLE_US = 20000


def count_pulses(edges: list, now_us: int, low: bool) -> tuple:
    """Return (pulses, edges consumed, whether the stable level is low now).

    ``edges`` are (us, level) after the last one consumed, ``now_us`` is how long the last level has been watched,
    ``low`` what the last call returned. Edges whose level is not settled yet are not consumed: give them again.
    """
    pulses = consumed = 0
    for index, (begun, level) in enumerate(edges):
        last = index + 1 == len(edges)
        stood = (now_us if last else edges[index + 1][0]) - begun
        if stood >= STABLE_US:
            if not level and not low:
                pulses += 1
            low = not level
            consumed = index + 1
        elif not last:
            consumed = index + 1
    return pulses, consumed, low
