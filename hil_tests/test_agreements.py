"""What sides that never import each other must know alike."""

from collector.inventory import CENTERS as COLLECTOR_CENTERS
from provisioning.inventory import CENTERS as PROVISIONING_CENTERS


def test_collector_and_provisioning_know_the_same_centers() -> None:
    assert COLLECTOR_CENTERS == PROVISIONING_CENTERS
