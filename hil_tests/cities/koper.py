"""What stands in the virtual Koper: which nodes and meters, where, and how their sensors behave."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from provisioning.inventory import Thing
from provisioning.quickstart import FIRST_PUBLISHER, FIRST_THING


class NodePlan(NamedTuple):
    """A node, the thing it measures, how its sensor behaves, and what more stands in its node.json."""

    publisher: str
    kind: str
    thing: Thing
    sensor: Mapping[str, Any]
    settings: Mapping[str, Any] = {}


class MeterPlan(NamedTuple):
    """A meter on a line of the gateway: the simulated model and the gateway's profile of it."""

    thing: Thing
    model: str
    profile: str
    address: int


# Each distance is published, with what it alone says, so that a truth file can judge it.
EVERY_SAMPLE = {"debounce": 1, "heartbeat_ms": 1}


def thing(
    identifier: str,
    names: tuple[str, str, str],
    location: tuple[float, float],
    center: str,
    openness: str = "restricted",
) -> Thing:
    """Nobody lives behind the meters of this Koper: they are of the city's own buildings and pipes."""
    return Thing(identifier, dict(zip(("sl", "it", "en"), names, strict=True)), location, center, openness)


def _spot(number: int, longitude: float, latitude: float) -> Thing:
    names = (
        f"Parkirno mesto {number}, Belveder",
        f"Posto auto {number}, Belvedere",
        f"Parking spot {number}, Belveder",
    )
    return thing(f"spot-{number:04d}", names, (longitude, latitude), "mobility", openness="")


NODES = (
    NodePlan(FIRST_PUBLISHER, "parking", FIRST_THING, {"mean": 12.0}, EVERY_SAMPLE),
    NodePlan("park-0002", "parking", _spot(2, 13.7296, 45.5481), {"mean": 8.0}, EVERY_SAMPLE),
    NodePlan("park-0003", "parking", _spot(3, 13.7298, 45.5482), {"mean": 15.0, "faults": 0.05}, EVERY_SAMPLE),
    NodePlan("park-0004", "parking", _spot(4, 13.7300, 45.5482), {"mean": 20.0}, EVERY_SAMPLE),
    NodePlan(
        "water-0001",
        "water",
        thing(
            "shaft-0001", ("Jašek Semedela", "Pozzetto Semedella", "Shaft Semedela"), (13.7255, 45.5424), "environment"
        ),
        {"litres_per_pulse": "1", "flow": 5.0},
        {"litres_per_pulse": 1},
    ),
    NodePlan(
        "water-0002",
        "water",
        thing(
            "shaft-0002", ("Jašek Žusterna", "Pozzetto Giusterna", "Shaft Žusterna"), (13.7130, 45.5457), "environment"
        ),
        {"litres_per_pulse": "0.5", "flow": 2.0},
        {"litres_per_pulse": [5, -1]},
    ),
)

MBUS = (
    MeterPlan(
        thing(
            "hm-06855817",
            ("Toplota, OŠ Koper", "Calore, scuola Capodistria", "Heat, Koper school"),
            (13.7325, 45.5440),
            "energy",
        ),
        "kamstrup_multical_601",
        "kamstrup_multical_601",
        1,
    ),
    MeterPlan(
        thing(
            "wm-10020380",
            ("Voda, Pretorska palača", "Acqua, Palazzo Pretorio", "Water, Praetorian palace"),
            (13.7302, 45.5486),
            "environment",
        ),
        "itron_cyble_m-bus_v1.4_cold_water",
        "itron_cyble",
        2,
    ),
    MeterPlan(
        thing("wm-70112345", ("Voda, Tržnica", "Acqua, mercato", "Water, market"), (13.7281, 45.5468), "environment"),
        "els_falcon",
        "elster_falcon",
        3,
    ),
    MeterPlan(
        thing(
            "hm-02205100",
            ("Toplota, Markovec", "Calore, Monte San Marco", "Heat, Markovec"),
            (13.7189, 45.5389),
            "energy",
        ),
        "allmess_cf50",
        "allmess_cf50",
        4,
    ),
    MeterPlan(
        thing(
            "hm-24351689",
            ("Toplota, Ferrarska", "Calore, via Ferrara", "Heat, Ferrarska"),
            (13.7367, 45.5452),
            "energy",
        ),
        "SEN_Sensus-PolluTherm",
        "sensus_pollutherm",
        5,
    ),
)

MODBUS = (
    MeterPlan(
        thing(
            "em-0001",
            ("Elektrika, Bonifika", "Elettricità, Bonifika", "Electricity, Bonifika"),
            (13.7350, 45.5420),
            "energy",
        ),
        "eastron_sdm630",
        "eastron_sdm630",
        1,
    ),
    MeterPlan(
        thing(
            "em-0002",
            ("Elektrika, črpališče", "Elettricità, pompaggio", "Electricity, pumping station"),
            (13.7391, 45.5433),
            "energy",
        ),
        "abb_b23",
        "abb_b23",
        2,
    ),
    MeterPlan(
        thing(
            "em-0003",
            ("Elektrika, Hlavatyjev park", "Elettricità, parco", "Electricity, park"),
            (13.7276, 45.5492),
            "energy",
        ),
        "eastron_sdm120",
        "eastron_sdm120",
        3,
    ),
)

OTHERS_THING = thing(
    "spot-0009",
    ("Parkirno mesto drugih", "Posto auto di altri", "A parking spot of others"),
    (13.7302, 45.5483),
    "mobility",
)
