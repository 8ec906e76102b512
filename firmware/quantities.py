"""Which quantities does the city know, in which unit, and what is plausible?

One row per quantity, and one closed grammar of qualifiers. A quantity the city has never measured adds a row here:
on purpose, the city should notice. Runs unchanged on CPython and on MicroPython.
"""

# Kinds of value:
#   gauge        a number that goes up and down
#   counter      an index that only accumulates (until roll-over or meter exchange)
#   sound_level  a number in dB: means are energy means
#   code         one of the closed list in CODES
#   flags        an integer of bits, 0 = nothing to report
#   position     [longitude, latitude] or [longitude, latitude, height in m], WGS 84
#   text         at most 256 bytes of UTF-8
NUMBER_KINDS = ("gauge", "counter", "sound_level")

# The rows stand in quantities.txt: name, UCUM unit, kind, then the lowest and highest plausible value, or the codes. It
# is a file because a node uses ten rows of a hundred and has no heap for the others.
_PATH = __file__.rpartition("/")[0] + "/quantities.txt"
_rows = {}  # each, once somebody has asked for QUANTITIES: (unit, kind, lowest, highest)
_kinds = {}  # of those that were asked for
_codes = {}

# Qualifiers stand in this order, each at most once: phase, tariff, subunit, storage, reverse, minimum or maximum.
_WORDS = {"l1": 0, "l2": 0, "l3": 0, "reverse": 4, "min": 5, "max": 5}
_NUMBERED = {"t": 1, "u": 2, "s": 3}


def row(name: str):
    """(unit, kind, lowest, highest) of a quantity, the last two None where they mean nothing; None if there is none."""
    return _rows.get(name) if _rows else _read(name)


def kind_of(name: str) -> str:
    """gauge, counter, sound_level, code, flags, position or text; empty when there is no such quantity."""
    if name not in _kinds:
        found = row(name)
        if found is None:
            return ""
        _kinds[name] = found[1]
    return _kinds[name]


def codes_of(name: str) -> tuple:
    """What a quantity of kind ``code`` may be."""
    return _codes[name] if kind_of(name) else ()


def _read(wanted: str | None):
    """The row of one quantity, or None where there is none; without a name, remember each."""
    with open(_PATH) as file:
        for line in file:
            parts = line.split()
            if parts and parts[0] != "#" and wanted in (None, parts[0]):
                low, high = (
                    (None, None) if len(parts) != 5 or parts[2] == "code" else (float(parts[3]), float(parts[4]))
                )
                found = (parts[1], parts[2], low, high)
                if parts[2] == "code":
                    _codes[parts[0]] = tuple(parts[3:])
                if wanted is not None:
                    return found
                _rows[parts[0]] = found
    return None


def __getattr__(name: str):
    """``QUANTITIES`` and ``CODES``, every row by name: made when one is first asked for, which no node does."""
    if name not in ("QUANTITIES", "CODES"):
        raise AttributeError(name)
    _read(None)
    globals()["QUANTITIES"], globals()["CODES"] = _rows, _codes
    return globals()[name]


def split_quantity(key: str) -> tuple:
    """Return (name, qualifiers) of ``water_volume.t1.s2``; raise ValueError saying what is wrong."""
    parts = key.split(".")
    if not kind_of(parts[0]):
        raise ValueError("unknown quantity")
    last = -1
    for part in parts[1:]:
        rank = _rank(part)
        if rank < 0:
            raise ValueError("unknown qualifier " + part)
        if rank <= last:
            raise ValueError(
                "qualifier " + part + " out of order: phase, tariff, subunit, storage, reverse, min or max"
            )
        last = rank
    return parts[0], tuple(parts[1:])


def _rank(part: str) -> int:
    rank = _WORDS.get(part, -1)
    if rank < 0 and part[:1] in _NUMBERED:
        number = part[1:]
        if 0 < len(number) <= 13 and number[0] != "0" and all("0" <= c <= "9" for c in number):
            rank = _NUMBERED[part[:1]]
    return rank
