"""Node kinds: what to measure. One module per kind, found by the name that node.json gives.

A module has ``KEYS`` (its own keys of node.json, each with the function that checks it) and
``make(settings, hal, note)``, which returns an object with ``async sample()`` -> Sample or None (a sensor that fails
gives no number), ``keep(note)``, called when a note became durable, and ``faults``, counters for the state message.
"""


class Sample:
    """``values``: quantity -> number or code; ``urgent`` goes first; ``note``: bytes kept in the same durable write."""

    def __init__(self, values: dict, urgent: bool = False, note: bytes | None = None) -> None:
        self.values = values
        self.urgent = urgent
        self.note = note
