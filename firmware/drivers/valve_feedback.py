"""Where does a valve say it is? Two end switches, or a potentiometer along its travel."""

OPEN, CLOSED, PARTLY_OPEN, UNKNOWN = "open", "closed", "partly_open", "unknown"
CONTRADICTION = "contradiction"  # both ends at once: a broken switch or cable


def seen_by_switches(open_level: int | None, closed_level: int | None) -> tuple:
    """(where, percent open or None) from contacts that close to low; None is an input that can't be read."""
    if open_level is None or closed_level is None or (open_level and closed_level):
        return UNKNOWN, None
    if not open_level and not closed_level:
        return CONTRADICTION, None
    return (OPEN, 100) if not open_level else (CLOSED, 0)


def seen_by_mv(millivolts: int | None, closed_mv: int, open_mv: int, tolerance: int) -> tuple:
    """(where, percent open or None); what lies further outside the travel than a fifth of it is a broken wire."""
    span = open_mv - closed_mv
    if millivolts is None or not span:
        return UNKNOWN, None
    percent = (2 * 100 * (millivolts - closed_mv) + span) // (2 * span)  # rounded, whichever end has more volts
    if not -20 <= percent <= 120:
        return UNKNOWN, None
    percent = min(max(percent, 0), 100)
    if percent >= 100 - tolerance:
        return OPEN, percent
    return (CLOSED if percent <= tolerance else PARTLY_OPEN), percent
