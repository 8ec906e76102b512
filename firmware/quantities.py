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
_rows = {}  # those that were asked for: (unit, kind, lowest, highest)
_codes = {}

# Qualifiers stand in this order, each at most once: phase, tariff, subunit, storage, reverse, minimum or maximum.
_WORDS = {"l1": 0, "l2": 0, "l3": 0, "reverse": 4, "min": 5, "max": 5}
_NUMBERED = {"t": 1, "u": 2, "s": 3}


def row(name: str):
    """(unit, kind, lowest, highest) of a quantity, the last two None where they mean nothing; None if there is none."""
    if name not in _rows and "QUANTITIES" not in globals():
        _read(name)
    return _rows.get(name)


def kind_of(name: str) -> str:
    """gauge, counter, sound_level, code, flags, position or text; empty when there is no such quantity."""
    found = row(name)
    return found[1] if found else ""


def codes_of(name: str) -> tuple:
    """What a quantity of kind ``code`` may be."""
    return _codes[name] if row(name) else ()


def _read(wanted: str) -> None:
    """Remember one row, or, with an empty name, each."""
    with open(_PATH) as file:
        for line in file:
            parts = line.split()
            if parts and parts[0] != "#" and wanted in ("", parts[0]):
                low, high = (
                    (None, None) if len(parts) != 5 or parts[2] == "code" else (float(parts[3]), float(parts[4]))
                )
                _rows[parts[0]] = (parts[1], parts[2], low, high)
                if parts[2] == "code":
                    _codes[parts[0]] = tuple(parts[3:])


def __getattr__(name: str):
    """``QUANTITIES`` and ``CODES``, every row by name: made when one is first asked for, which no node does."""
    if name not in ("QUANTITIES", "CODES"):
        raise AttributeError(name)
    _read("")
    globals()["QUANTITIES"], globals()["CODES"] = _rows, _codes
    return globals()[name]


def split_quantity(key: str) -> tuple:
    """Return (name, qualifiers) of ``water_volume.t1.s2``; raise ValueError saying what is wrong."""
    parts = key.split(".")
    if row(parts[0]) is None:
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
