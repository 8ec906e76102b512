"""What sides that never import each other must know alike."""

from typing import get_args

from collector.entities.inventory import CENTERS as COLLECTOR_CENTERS
from collector.entities.inventory import Openness
from provisioning.inventory import CENTERS as PROVISIONING_CENTERS
from provisioning.inventory import OPENNESS


def test_collector_and_provisioning_know_the_same_centers() -> None:
    assert set(COLLECTOR_CENTERS) == set(PROVISIONING_CENTERS)


def test_collector_and_provisioning_know_the_same_degrees_of_openness() -> None:
    assert get_args(Openness) == OPENNESS
