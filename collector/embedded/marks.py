"""How do quality, censored and derived lie in one small number? All 48 that there can be, counted.

A mark is quality + 4 × censored + 12 × derived, each by its place below; 0 says nothing, as most observations do. One
small number instead of three texts is a third of what a commit writes.
"""

from collections.abc import Callable
from itertools import product
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from collector.observation import DERIVED, Observation, Series
from collector.series.batch import Batch

QUALITIES = ("", "suspect", "estimated", "substituted")
CENSORED = ("", "<", ">")

WORDS = tuple((quality, censored, derived) for derived, censored, quality in product(DERIVED, CENSORED, QUALITIES))
"""Mark -> (quality, censored, derived)."""
CONTENT = len(QUALITIES) * len(CENSORED)
"""A mark modulo this is what belongs to the content; derived does not."""


def judged(mark: int) -> str:
    quality, censored, derived = WORDS[mark]
    return Observation(Series("", ""), 0, 0.0, quality, censored, "", derived).judged


def marks_where(holds: Callable[[str], bool]) -> str:
    """SQL: whether the judged quality of a mark holds. One bit for each mark: DuckDB would make a join of a list."""
    bits = sum(1 << mark for mark in range(len(WORDS)) if holds(judged(mark)))
    return f"({bits} >> mark::bigint & 1 = 1)"


SUSPECT = marks_where("suspect".__eq__)


def marks_of(batch: Batch) -> npt.NDArray[np.uint8]:
    """One mark an observation; ValueError names a word that is none."""
    marks = np.zeros(len(batch), np.uint8)
    weight = 1
    for column, words in ((batch.quality, QUALITIES), (batch.censored, CENSORED), (batch.derived, DERIVED)):
        if column is not None:
            try:
                marks += np.fromiter(
                    map(dict(zip(words, range(len(words)), strict=True)).__getitem__, column), np.uint8
                ) * np.uint8(weight)
            except KeyError as error:
                raise ValueError(f"expected one of {words}, got {error}") from None
        weight *= len(words)
    return marks


def word(place: int) -> str:
    """SQL: the quality (0), censored (1) or derived (2) of a mark."""
    words = ", ".join(f"'{one}'" for one in map(itemgetter(place), WORDS))
    return f"[{words}][mark + 1]"
