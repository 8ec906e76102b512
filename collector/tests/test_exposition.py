"""What Prometheus reads: escaped, and never more lines than publishers, open outboxes and kinds of reasons."""

import pytest

from collector.ledger import Account
from collector.messages.quarantine import kind_of_reason
from collector.running.exposition import CLOSED, family, forgotten_readings, held_readings, outbox_messages

NOW = 1_795_392_000_000


def test_a_family_has_its_help_its_type_and_a_line_per_sample() -> None:
    assert family("healthy", "gauge", "all is well", {(): 1}) == [
        "# HELP senzorika_healthy all is well",
        "# TYPE senzorika_healthy gauge",
        "senzorika_healthy 1",
    ]


def test_labels_are_escaped() -> None:
    line = family("x", "gauge", "", {(("publisher", 'a"b\\c\nd'), ("state", "stored")): 2})[-1]
    assert line == 'senzorika_x{publisher="a\\"b\\\\c\\nd",state="stored"} 2'


def test_an_outbox_says_what_became_of_its_messages() -> None:
    account = Account("gw-1", "7f", NOW, 12, stored=((1, 5), (7, 7)), quarantined=((8, 9),), dropped=((10, 10),))
    samples = {dict(labels)["state"]: value for labels, value in outbox_messages([account]).items()}
    assert samples == {"stored": 6, "quarantined": 2, "dropped": 1, "missing": 2}


def test_closed_outboxes_of_a_publisher_count_as_one() -> None:
    closed = [Account("gw-1", f"{number:08}", NOW, 4, stored=((1, 3),), closed=True) for number in range(500)]
    samples = outbox_messages([*closed, Account("gw-1", "7f", NOW, 2, stored=((1, 1),))])
    assert samples[("publisher", "gw-1"), ("outbox", CLOSED), ("state", "stored")] == 1_500
    assert len(samples) == 8


def test_what_nobody_registered_counts_as_one() -> None:
    counts = {f"thief-{number}": {"unknown publisher": 2, "forgotten": 1} for number in range(500)}
    assert held_readings(counts, ["gw-1"]) == {(("publisher", "_unregistered"), ("reason", "unknown publisher")): 1_000}
    assert forgotten_readings(counts, ["gw-1"]) == {(("publisher", "_unregistered"),): 500}


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("unknown thing", "unknown thing"),
        ("not_yours", "not_yours"),
        ("at: more than 24 h in the future", "future"),
        ("topic: expected <city>/v1/<publisher>/<channel>, got x", "topic"),
        ("reading.values.colour: unknown quantity", "unknown quantity"),
        ("not JSON", "not JSON"),
        ("readings.0.at: expected a whole number", "other"),
        ("field type conflict", "other"),
    ],
)
def test_reasons_are_of_a_few_kinds(reason: str, kind: str) -> None:
    assert kind_of_reason(reason) == kind


def test_reasons_of_one_kind_are_added_up() -> None:
    counts = {"gw-1": {"readings.0.at: x": 2, "readings.1.at: x": 3, "unknown thing": 1}}
    assert held_readings(counts, ["gw-1"]) == {
        (("publisher", "gw-1"), ("reason", "other")): 5,
        (("publisher", "gw-1"), ("reason", "unknown thing")): 1,
    }
