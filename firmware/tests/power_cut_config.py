"""Power fails at every flash operation of the life of a configuration: the node always starts with a whole one.

What was accepted stays accepted, what was given up stays given up, and the next one can come.
"""

from firmware import config as owner
from firmware import orders
from firmware.config import ATTEMPTS, Config
from firmware.settings import whole
from firmware.tests.flash import ROOT, Flash, cut_everywhere, formatted

BLOCKS = 8
SETTINGS = {"period_ms": 1000, "rest": {}}
TRUST = {"center": ["config"]}
# number -> settings; 3 makes the node fail. Long, so that a file is more than one write.
ASKED = {number: {"period_ms": 1000 + number, "low": number, "high": 10**9 + number} for number in (1, 2, 3, 4, 9)}
FAILING = 3


class Kind:
    KEYS = {}
    OPTIONAL = {"low": (whole, 1000), "high": (whole, 1000)}


def opened() -> Config:
    return Config(ROOT, lambda: (SETTINGS, Kind), TRUST)


def offered(number: int) -> bool:
    """Its signature is right; the node loads its configuration once to judge it and once to take it."""
    payload = orders.encode_config({"number": number, "settings": ASKED[number], "by": "center"})
    found, name = opened().news(payload)
    return found is not None and opened().offer(found, name, True)


def started(log: dict, flash=None) -> Config:
    """A start of the node; one with the failing configuration ends here, and another follows."""
    while True:
        config = opened()
        used = config.start()
        if flash:
            flash.must_be_alive()
        if used.get("low") != FAILING:
            return config
        log["failed"] = log.get("failed", 0) + 1


def work(log: dict, flash: Flash) -> None:
    """Accepted and confirmed, accepted and given up, accepted."""
    for number in (1, 2, FAILING, 4):
        if offered(number):
            log["accepted"] = number
        flash.must_be_alive()
        started(log, flash).confirm()
        flash.must_be_alive()
        log["proven"] = number


def judge(log: dict) -> list:
    accepted, proven = log.get("accepted", 0), log.get("proven", 0)
    config = started(log)
    used, complaints = {"period_ms": config.start()["period_ms"]}, []
    wanted = ASKED.get(config.number, {"period_ms": 1000})
    if used["period_ms"] != wanted["period_ms"] or (config.number and config.changes != wanted):
        complaints.append("number " + str(config.number) + " with " + str(config.changes))
    lowest = max(proven if proven != FAILING else 2, accepted if accepted != FAILING else 2)
    if config.number < lowest:
        complaints.append("number " + str(config.number) + " though " + str(lowest) + " was accepted")
    if log.get("failed", 0) > ATTEMPTS:
        complaints.append(str(log["failed"]) + " starts with what fails")
    if proven >= FAILING and offered(FAILING):
        complaints.append("what was given up is tried again")
    if not offered(9) or opened().start()["low"] != 9:
        complaints.append("the next one does not come")
    return complaints


def test_no_clean_cut_damages_a_configuration():
    cuts, complaints = cut_everywhere(formatted(BLOCKS), work, judge, torn=False)
    assert cuts > 50, cuts
    assert complaints == [], complaints


def test_no_torn_cut_damages_a_configuration():
    cuts, complaints = cut_everywhere(formatted(BLOCKS), work, judge, torn=True)
    assert cuts > 50, cuts
    assert complaints == [], complaints


def test_a_file_that_is_written_before_it_is_accepted_only_in_a_cache_is_seen():
    real, cached = owner.replace, []

    def forgetful(path: str, octets: bytes) -> None:
        """Returns at once; the file before reaches the flash."""
        cached.append((path, octets))
        if len(cached) > 1:
            real(*cached.pop(0))

    def working(log: dict, flash: Flash) -> None:
        cached.clear()
        work(log, flash)

    def judging(log: dict) -> list:
        owner.replace = real
        complaints = judge(log)
        owner.replace = forgetful
        return complaints

    owner.replace = forgetful
    try:
        _, complaints = cut_everywhere(formatted(BLOCKS), working, judging, False, range(4, 24, 2))
    finally:
        owner.replace = real
    assert len(complaints) > 3, complaints
