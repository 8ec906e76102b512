"""The watchdog is fed for samples that go somewhere, and starves when either stops."""

from firmware.progress import QUIET_MS, ROUND_MS, Progress


def test_a_node_that_samples_and_publishes_is_not_stuck():
    progress, now = Progress(0), 0
    for moved in range(200):
        now += 60000
        progress.sampled(now)
        progress.rounded(now, (moved,))
        assert progress.stuck(now, 1000) == ""


def test_a_long_outage_is_no_reason_to_reset_while_the_outbox_grows():
    progress, now = Progress(0), 0
    for seq in range(48):
        now += 900000
        progress.sampled(now)
        progress.rounded(now, (seq, 0, 0))
        assert progress.stuck(now, 1000) == ""


def test_a_sensor_loop_that_hangs_is_named():
    progress = Progress(0)
    progress.rounded(ROUND_MS + 6000, (1,))
    assert progress.stuck(ROUND_MS + 5001, 1000) == "sampling"
    assert progress.stuck(ROUND_MS + 4999, 1000) == ""
    assert progress.stuck(ROUND_MS + 5001, 600000) == "", "a slow sensor is given its five periods"


def test_a_publisher_that_hangs_is_named():
    progress = Progress(0)
    progress.sampled(ROUND_MS + 1)
    assert progress.stuck(ROUND_MS + 1, 1000) == "publishing"


def test_an_outbox_that_neither_grows_nor_drains_is_named():
    progress, now = Progress(0), 0
    while now <= QUIET_MS + 10000:
        progress.sampled(now)
        progress.rounded(now, (5, 5, 5))
        now += 1000
    assert progress.stuck(now, 1000) == "the outbox"
    progress.rounded(now, (6, 5, 5))
    assert progress.stuck(now, 1000) == ""
