"""Which series does one look at all at once, with all their names? Made once, and kept while nothing is named anew."""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from collector.api.writing import json_block
from collector.entities.registry import Datastream
from collector.entities.selection import Selection
from collector.observation import Value, kind_of
from collector.series.columns import censored_column, judged_column
from collector.series.newest import LastColumns
from collector.view import View

MOST = 32  # listings kept: each weighs some megabytes in a city of 10,000 things


class Listing:
    """A selection, and what is said of each of its series, as columns."""

    def __init__(self, view: View, streams: Sequence[Datastream]) -> None:
        self.selection: Selection = view.select(streams)
        series = [one.series for one in self.selection.streams]
        kinds = [kind_of(one.quantity) for one in series]
        self.things = pa.array([one.thing for one in series], pa.string())
        self.quantities = pa.array([one.quantity for one in series], pa.string()).dictionary_encode()
        self.periods = pa.array([one.period for one in series], pa.int64())
        units = pa.array([kind.unit if kind.is_number else "" for kind in kinds], pa.string())
        self.units = units.dictionary_encode()
        self.are_flags = np.array([kind.kind == "flags" for kind in kinds], np.bool_)
        labels = {"thing": self.things, "quantity": self.quantities, "period": self.periods, "unit": self.units}
        self.written = json_block(labels)[1:-1] if series else b""
        """The labels of all, as they stand in a block of JSON."""
        self.are_numbers = all(kind.is_number for kind in kinds)

    def last(self, view: View) -> "Last":
        """What stands there now, of those that have been observed."""
        found = view.last_columns(self.selection)
        return Last(self, found, np.flatnonzero(found.at >= 0))


class Last:
    """The newest of each series of a listing; ``places`` are those in the listing that were ever observed."""

    def __init__(self, listing: Listing, found: LastColumns, places: Any) -> None:
        self._listing = listing
        self._found = found
        self.places = places

    @property
    def numbers(self) -> npt.NDArray[np.float64] | None:
        """The values, where all are numbers."""
        return self._found.number[self.places] if self._listing.are_numbers else None

    @property
    def values(self) -> list[Value]:
        """As in ``Observation``."""
        found, flags = self._found, self._listing.are_flags
        values: list[Value] = found.number[self.places].tolist()
        if found.text or flags.any():
            for index, place in enumerate(self.places.tolist()):
                if place in found.text:
                    values[index] = found.text[place]
                elif flags[place]:
                    values[index] = int(found.number[place])
        return values

    @property
    def is_all(self) -> bool:
        """Every series of the listing has been observed."""
        return len(self.places) == len(self._listing.things)

    def labels(self) -> dict[str, Any]:
        """What is said of each series, by name."""
        listing = self._listing
        labels = {
            "thing": listing.things,
            "quantity": listing.quantities,
            "period": listing.periods,
            "unit": listing.units,
        }
        if self.is_all:
            return labels
        taken = pa.array(self.places)
        return {name: column.take(taken) for name, column in labels.items()}

    def marks(self) -> dict[str, Any]:
        """Everything that was observed beside the value, by name."""
        found, places = self._found, self.places
        return {
            "at": pa.array(found.at[places]),
            "quality": judged_column(found.quality[places]),
            "censored": censored_column(found.censored[places]),
        }


class Listings:
    """Those of late, by view and question. One for whom every look is logged gets a new one each time."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Listing] = OrderedDict()

    def get(self, view: View, question: Hashable) -> Listing | None:
        key = (view.revision, question)
        if view.revision is None or key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key]

    def keep(self, view: View, question: Hashable, listing: Listing) -> None:
        """``view`` is as it was before the listing was made: on the event loop nothing came between."""
        if view.revision is None:
            return
        self._kept[view.revision, question] = listing
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)
