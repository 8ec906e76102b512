"""A street in which somebody lives: what is open in it, what a center may see, and what is nobody's business.

- air-1 measures no2: open. Its node node-1 says how much heap is free: restricted.
- hall-1 is the meter of the town hall: restricted. It belongs to the center energy.
- home-1 … home-12 are the water meters of households, each with 1 m3 more than the one before; their sums are open.
- flat-1 is the heat meter of household h-99, and so is the thermometer in it: personal.
"""

from pathlib import Path

from collector.city import City, open_city
from collector.entities.inventory import Inventory
from collector.observation import Observation, Series
from collector.series.batch import Batch

T = 1_795_392_000_000  # 2026-11-23T00:00:00Z
HOUR = 3_600_000
HOMES = [f"home-{number}" for number in range(1, 13)]


def _thing(name: str, center: str, **more: object) -> dict[str, object]:
    return {"id": name, "name": dict.fromkeys(("sl", "it", "en"), f"Ulica {name}"), "center": center, **more}


INVENTORY = Inventory.model_validate(
    {
        "city": "koper",
        "publisher": [
            {"id": "node-1", "role": "node", "things": ["air-1"]},
            {"id": "gw-1", "role": "gateway", "things": ["hall-1", "flat-1", *HOMES]},
        ],
        "thing": [
            _thing("air-1", "environment", location=[13.73, 45.55]),
            _thing("hall-1", "energy", location=[13.73, 45.5], openness="restricted"),
            *(
                _thing(name, "environment", location=[13.70123, 45.50123], household=f"h-{name}", openness="aggregated")
                for name in HOMES
            ),
            _thing("flat-1", "energy", location=[13.71321, 45.51321], household="h-99"),
        ],
    }
)
AIR, HEAP = Series("air-1", "no2", HOUR), Series("node-1", "heap_free")
HALL, FLAT, WARMTH = Series("hall-1", "heat_energy"), Series("flat-1", "heat_energy"), Series("flat-1", "temperature")
WATER = [Series(name, "water_volume") for name in HOMES]
ALL = [AIR, HEAP, HALL, FLAT, WARMTH, *WATER]


def street(folder: Path, store: str = "memory:", base: float = 10.0) -> City:
    """Each series has one value at T, from ``base`` on, and the first nine homes a second one a day later."""
    city = open_city(INVENTORY, folder, store)
    several = [Observation(series, T, base + place, source=f"serial-{place}") for place, series in enumerate(ALL)]
    several += [Observation(series, T + 24 * HOUR, 20.0) for series in WATER[:9]]
    city.registry.see(one.series for one in several)
    city.store.add(Batch.of(city.store.table, several), T)
    return city
