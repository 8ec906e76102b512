"""What happened to a city that its judge must know? Nothing else excuses a value or a time."""

from typing import NamedTuple


class Death(NamedTuple):
    """A program was killed and started again, ms UTC: the value that was being taken may be gone."""

    publisher: str
    killed: int
    restarted: int


class Disturbed(NamedTuple):
    """The wire of a thing was bad, or its device had no room, ms UTC: what was given meanwhile may not have been read.

    What was stored all the same is judged as ever.
    """

    thing: str
    begin: int
    end: int


class Stepped(NamedTuple):
    """The clock of a publisher was behind, ms UTC: its readings have their order and values, and not their times."""

    publisher: str
    begin: int
    end: int


Event = Death | Disturbed | Stepped
ANSWER = 250  # ms after a restart in which a sensor may still answer what was asked before: nothing starts so fast
READOUT = 2_500  # ms: a readout of several answers that began so long before may have been lost with the last of them
SETTLES = 1_000  # ms after a disturbance in which an answer may belong to a readout that failed
