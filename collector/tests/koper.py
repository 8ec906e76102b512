"""What does a small Koper hold, in which every expectation can be worked out by hand?

Five things and the gateway that speaks for them. Their datastreams are numbered in the order below, everything counts
from midnight of Monday, 2 November 2026, UTC:

1. occupancy of spot-0001: every six hours for 21 days, 84 in all; free at 0 and 6 o'clock, occupied at 12 and 18.
2. temperature of air-0001: on day d = 0…20 at 12:00 + d minutes + d seconds + 250 ms; the value is 0.75 d - 5 (-5 to
   10). Day 5 is suspect, day 6 estimated, day 7 censored "<", day 8 comes from the source S-1.
3. no2 of air-0001 over an hour: 24 on the first day, ending at k = 1…24 o'clock; the value is 10 + k.
4. water_volume of shaft-0001: at midnight of days 0, 7, 14 and 21; 100, 120, 140 and 160.
5. laeq of mic-0001 over a quarter: four, ending at 12:15, 12:30, 12:45 and 13:00; 55, 60.5, 58 and 62.25.
6. location of bus-0001: five, at 8:00 + 10 i minutes; [13.70 + 0.01 i, 45.54 + 0.002 i].
7. water_flags of shaft-0001: at 1:00, 2:00 and 3:00; 0, 4 and 6.
8. notice of bus-0001: at 9:00, 10:00 and 11:00; "Line 1", "Line 2 is late" and "L'ultima corsa".

Datastreams 1 to 3 became known on 2 December at midnight, the others a day later.
"""

from pathlib import Path

from collector.city import City, open_city
from collector.entities.inventory import Inventory
from collector.observation import Observation, Series
from collector.series.batch import Batch

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
T = 1_793_577_600_000  # 2026-11-02T00:00:00Z
KNOWN = T + 30 * DAY

_NAMES = {
    "spot-0001": ("Mesto Semedela", "Posto Semedella", "Spot Semedela"),
    "air-0001": ("Zrak na Titovem trgu", "Aria in Piazza Tito", "Air at Titov trg"),
    "shaft-0001": ("Jašek Žusterna", "Pozzetto Giusterna", "Shaft Žusterna"),
    "mic-0001": ("Mikrofon Belveder", "Microfono Belvedere", "Rozman's Microphone"),
    "bus-0001": ("Avtobus 1", "Autobus 1", "Bus 1"),
}
_PLACES = {
    "spot-0001": (13.72, 45.54),
    "air-0001": (13.73, 45.548),
    "shaft-0001": (13.71, 45.547, 12.5),
    "mic-0001": (13.728, 45.5465),
}
_CENTERS = {
    "spot-0001": "mobility",
    "air-0001": "environment",
    "shaft-0001": "environment",
    "mic-0001": "living",
    "bus-0001": "mobility",
}
INVENTORY = Inventory.model_validate(
    {
        "city": "koper",
        "publisher": [{"id": "gateway-0001", "role": "gateway", "things": list(_NAMES)}],
        "thing": [
            {
                "id": name,
                "name": dict(zip(("sl", "it", "en"), names, strict=True)),
                "location": _PLACES.get(name),
                "center": _CENTERS[name],
                "openness": "restricted" if name == "shaft-0001" else None,  # nobody lives there
            }
            for name, names in _NAMES.items()
        ],
    }
)
OCCUPANCY = Series("spot-0001", "occupancy")
TEMPERATURE = Series("air-0001", "temperature")
NO2 = Series("air-0001", "no2", HOUR)
VOLUME = Series("shaft-0001", "water_volume")
LAEQ = Series("mic-0001", "laeq", 15 * MINUTE)
POSITION = Series("bus-0001", "location")
FLAGS = Series("shaft-0001", "water_flags")
NOTICE = Series("bus-0001", "notice")
SERIES = (OCCUPANCY, TEMPERATURE, NO2, VOLUME, LAEQ, POSITION, FLAGS, NOTICE)


def observations() -> list[Observation]:
    """All 148, by datastream and time."""
    quality = {5: "suspect", 6: "estimated"}
    found = [Observation(OCCUPANCY, T + i * 6 * HOUR, "free" if i % 4 < 2 else "occupied") for i in range(84)]
    for day in range(21):
        at = T + day * DAY + 12 * HOUR + day * (MINUTE + SECOND) + 250
        censored, source = "<" if day == 7 else "", "S-1" if day == 8 else ""
        found.append(Observation(TEMPERATURE, at, 0.75 * day - 5, quality.get(day, ""), censored, source))
    found += [Observation(NO2, T + k * HOUR, 10.0 + k) for k in range(1, 25)]
    found += [Observation(VOLUME, T + 7 * week * DAY, 100.0 + 20 * week) for week in range(4)]
    for quarter, level in enumerate((55.0, 60.5, 58.0, 62.25)):
        found.append(Observation(LAEQ, T + 12 * HOUR + (quarter + 1) * 15 * MINUTE, level))
    for i in range(5):
        place = (round(13.70 + 0.01 * i, 2), round(45.54 + 0.002 * i, 3))
        found.append(Observation(POSITION, T + 8 * HOUR + i * 10 * MINUTE, place))
    found += [Observation(FLAGS, T + hour * HOUR, flags) for hour, flags in ((1, 0), (2, 4), (3, 6))]
    for hour, text in ((9, "Line 1"), (10, "Line 2 is late"), (11, "L'ultima corsa")):
        found.append(Observation(NOTICE, T + hour * HOUR, text))
    return found


def open_koper(folder: Path, store: str) -> City:
    """``memory:`` or ``duckdb:observations.duckdb``."""
    city = open_city(INVENTORY, folder, store)
    city.registry.see(SERIES)
    several = observations()
    early = [one for one in several if one.series in SERIES[:3]]
    late = [one for one in several if one.series not in SERIES[:3]]
    city.store.add(Batch.of(city.store.table, early), KNOWN)
    city.store.add(Batch.of(city.store.table, late), KNOWN + DAY)
    return city
