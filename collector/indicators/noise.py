"""How loud was it: Lday, Levening, Lnight and Lden? A day runs from 6:00 to 6:00."""

from collections.abc import Iterator, Sequence

from collector.analysis.noise import indicators
from collector.analysis.windows import HOUR, Window
from collector.indicators.indicator import About, Indicator, Reach, Row
from collector.indicators.sliced import within
from collector.observation import Observation

_NIGHT = 7 * HOUR  # after midnight, of the longest night: that in October


def _rows(observations: Sequence[Observation], windows: Sequence[Window], _about: About) -> Iterator[Row]:
    for window in windows:
        if not (near := within(observations, window.begin, window.end + _NIGHT)):
            continue
        found = indicators(near, window.begin, window.end)
        parts = found.day, found.evening, found.night
        if any(part.share for part in parts):
            levels = [*(part.value for part in parts), found.lden]
            shares = [float(part.share) for part in parts]
            yield window, *levels, *shares, sum(part.suspect for part in parts)


NOISE = Indicator(
    "noise",
    "laeq",
    "a sound level, as laeq",
    lambda kind: kind.kind == "sound_level",
    ("day", "month", "year"),
    "",
    {
        **dict.fromkeys(("lday", "levening", "lnight", "lden"), "number"),
        **dict.fromkeys(("share_day", "share_evening", "share_night"), "number"),
        "suspect": "count",
    },
    _rows,
    Reach(ahead=_NIGHT),
)
