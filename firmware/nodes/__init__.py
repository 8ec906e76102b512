"""Node kinds: what to measure. One module per kind, found by the name that node.json gives.

A module has

- ``KEYS`` and ``OPTIONAL``: its own keys of node.json, each with the function that checks it, and a default for the
  optional ones. A remote configuration may change both, and ``period_ms``.
- ``QUANTITIES``: everything that it may publish.
- ``BATTERY``: whether it may sleep between samples.
- ``make(settings, hal, note)``: the kind itself. ``settings`` has the keys above and ``period_ms``; ``note`` is what
  the last start kept, or b"". KeyError and ValueError are wrong entries of ``hal``.

and what ``make`` returns has

- ``async sample()``: a list of Sample, empty when there is nothing to say. A sensor that fails gives no number.
- ``keep(note)``: the note became durable.
- ``faults``: counters for the state message, by name.
- ``period_ms``: how long until the next sample; may change.
- if it must know after a sleep what it knew before: ``remember()`` (at most 64 bytes) and ``recall(bytes)``.
- an actuator also ``async command(name, arguments, id)`` and ``outcome(name, arguments)``: ``firmware/commands.py``.
"""

from firmware.forgetting import recall


class Sample:
    """One reading to be.

    ``values``: quantity -> number, (integer, exponent) or code. ``urgent`` goes before everything else. ``note``:
    bytes kept in the same durable write. ``period``: ms that an average covers. ``quality``: quantity -> mark, where it
    is not valid.
    """

    def __init__(
        self,
        values: dict,
        urgent: bool = False,
        note: bytes | None = None,
        period: int | None = None,
        quality: dict | None = None,
    ) -> None:
        self.values = values
        self.urgent = urgent
        self.note = note
        self.period = period
        self.quality = quality


def module(kind: str):
    """Raises ImportError for a kind that is none."""
    return recall("nodes." + kind)
