"""A message is committed within the linger, as commits go."""

import pytest

from collector.receiving.linger import Linger


def test_a_batch_waits_less_for_company_the_longer_commits_take_unless_they_take_too_long() -> None:
    linger = Linger(0.05)
    assert linger.left == 0.05
    for seconds, left in ((0.01, 0.04), (2.0, 0.05), (0.01, 0.04)):
        for _ in range(200):
            linger.took(seconds)
        assert linger.left == pytest.approx(left)
