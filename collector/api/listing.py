"""Which series does one look at all at once, with all their names? Made once, and kept while nothing is named anew."""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from collector.columns import censored_column, judged_column
from collector.newest import LastColumns
from collector.observation import Value, kind_of
from collector.registry import Datastream
from collector.selection import Selection
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

    def columns(self) -> dict[str, Any]:
        """Everything but the value, by name."""
        listing, found, places = self._listing, self._found, self.places
        taken = pa.array(places)
        is_all = len(places) == len(listing.things)
        labels = {"quantity": listing.quantities, "period": listing.periods, "unit": listing.units}
        return {
            "thing": listing.things if is_all else listing.things.take(taken),
            **{name: column if is_all else column.take(taken) for name, column in labels.items()},
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
