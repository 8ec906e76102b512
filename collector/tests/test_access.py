"""Tokens, openness, pseudonyms, rates and the log, each by itself."""

import json
import re
import stat
from pathlib import Path

import pytest

from collector.access import ForbiddenError, UnauthenticatedError
from collector.access.asker import ANYONE, EVERY, ROLES, Asker, Grant, Role
from collector.access.audit import Audit, check
from collector.access.giving import Wanted, give, listed, take_away
from collector.access.openness import Rules, load_rules
from collector.access.pseudonyms import open_pseudonyms
from collector.access.rates import Rate, Rates
from collector.access.tokens import DAY, TokenError, Tokens, read_grant, token
from collector.city import City, open_city
from collector.entities.inventory import CENTERS, ConfigError
from collector.metadata import open_metadata
from collector.tests.koper import INVENTORY
from firmware.chain import ChainError

NOW = 1_795_392_000_000


@pytest.fixture
def city(tmp_path: Path) -> City:
    return open_city(INVENTORY, tmp_path, "memory:")


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(tmp_path: Path, clock: Clock) -> Tokens:
    return Tokens(open_metadata("sqlite:registry.sqlite", tmp_path), clock)


# ---- roles ----------------------------------------------------------------------------------------------------------

MAY: dict[Role, set[str]] = {
    "viewer": {"read"},
    "analyst": {"read", "read personal"},
    "operator": {"read", "operate"},
    "admin": {"read", "read personal", "operate", "administer"},
}


@pytest.mark.parametrize("act", ["read", "read personal", "operate", "administer"])
@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_it_is_for_at_its_center_and_nowhere_else(role: Role, act: str) -> None:
    asker = Asker("one", frozenset((Grant("energy", role),)))
    assert asker.may(act, "energy") == (act in MAY[role])
    assert not asker.may(act, "living")
    assert Asker("one", frozenset((Grant(EVERY, role),))).may(act, "living") == (act in MAY[role])


def test_who_may_not_is_told_which_role_may() -> None:
    viewer = Asker("screen", frozenset((Grant("energy", "viewer"),)))
    with pytest.raises(ForbiddenError, match="screen: this needs the role operator or admin at energy"):
        viewer.must("operate", "energy")
    with pytest.raises(UnauthenticatedError, match="a token is needed: admin at every center"):
        ANYONE.must("administer")


# ---- tokens ---------------------------------------------------------------------------------------------------------


def test_a_token_is_known_by_its_secret_until_it_expires(tokens: Tokens, clock: Clock) -> None:
    secret = tokens.make("grafana", [Grant("energy", "viewer")], days=1, purpose="screens")
    assert tokens.find(secret) == Asker("grafana", frozenset((Grant("energy", "viewer"),)), "screens")
    assert tokens.find(secret + "x") is None
    clock.now += DAY
    assert tokens.find(secret) is None


def test_a_revoked_token_is_refused_at_once_and_its_name_is_never_given_again(tokens: Tokens) -> None:
    secret = tokens.make("grafana", [Grant("energy", "viewer")], 1)
    tokens.revoke("grafana")
    assert tokens.find(secret) is None
    with pytest.raises(TokenError, match="there is no token grafana"):
        tokens.revoke("grafana")
    with pytest.raises(TokenError, match="there is, or was, a token grafana"):
        tokens.make("grafana", [Grant("energy", "viewer")], 1)


def test_the_secret_stands_nowhere(tmp_path: Path, tokens: Tokens) -> None:
    secret = tokens.make("grafana", [Grant("energy", "viewer")], 1)
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"grafana" in kept
    assert secret.encode() not in kept
    assert secret.removeprefix("senzorika_").encode() not in kept


def test_another_collector_hears_of_a_revocation_when_it_looks_again(
    tmp_path: Path, tokens: Tokens, clock: Clock
) -> None:
    secret = tokens.make("grafana", [Grant("energy", "viewer")], 1)
    other = Tokens(open_metadata("sqlite:registry.sqlite", tmp_path), clock)
    tokens.revoke("grafana")
    assert not other.is_stale
    clock.now += 5_001
    assert other.is_stale
    other.refresh()
    assert other.find(secret) is None


@pytest.mark.parametrize(
    ("name", "grants", "days", "message"),
    [
        ("", [Grant("energy", "viewer")], 1, "name: expected 1 to 64"),
        ("x" * 65, [Grant("energy", "viewer")], 1, "name: expected 1 to 64"),
        ("a\nb", [Grant("energy", "viewer")], 1, "name: expected 1 to 64"),
        ("x", [], 1, "grants: expected at least one"),
        ("x", [Grant("energy", "viewer")], 0, "days: expected 1 to 1098, got 0"),
        ("x", [Grant("energy", "viewer")], 2000, "days: expected 1 to 1098, got 2000"),
    ],
)
def test_a_token_that_cannot_be_is_refused(
    tokens: Tokens, name: str, grants: list[Grant], days: int, message: str
) -> None:
    with pytest.raises(TokenError, match=message):
        tokens.make(name, grants, days)


@pytest.mark.parametrize(
    ("text", "message"),
    [("moon:viewer", "grant: expected one of .* before the colon, got moon"),
     ("energy:king", "grant: expected one of viewer .* behind the colon, got king"),
     ("energy", "behind the colon, got $")],
)  # fmt: skip
def test_a_grant_that_means_nothing_is_refused(text: str, message: str) -> None:
    with pytest.raises(TokenError, match=message):
        read_grant(text, CENTERS)


def test_who_gave_a_token_to_whom_stands_in_the_log(city: City, tmp_path: Path) -> None:
    secret = give(city.access, "console", Wanted("grafana", ["energy:viewer"], 30, "screens"))
    take_away(city.access, "console", "grafana")
    events = [json.loads(line)["event"] for line in (tmp_path / "audit.log").read_text().splitlines()]
    assert [(one["event"], one["who"], one["token"]) for one in events] == [
        ("token made", "console", "grafana"),
        ("token revoked", "console", "grafana"),
    ]
    assert secret not in (tmp_path / "audit.log").read_text()
    assert secret not in listed(city.access)
    assert json.loads(listed(city.access))["grants"] == ["energy:viewer"]


def test_a_token_that_cannot_be_logged_does_not_hold(city: City) -> None:
    city.access.audit.close()
    with pytest.raises(ValueError, match="closed file"):
        give(city.access, "console", Wanted("grafana", ["energy:viewer"]))


def test_tokens_of_both_databases_have_the_same_columns(city: City) -> None:
    with city.engine.connect() as connection:
        found = connection.exec_driver_sql("select * from token").keys()
    assert list(found) == [column.name for column in token.columns]


# ---- openness -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "openness"),
    [("no2", "open"), ("laeq", "open"), ("occupancy", "open"), ("water_volume", "personal"),
     ("heap_free", "restricted"), ("active_energy_import.t1", "personal"), ("location", "restricted"),
     ("water_volume.s1", "personal")],
)  # fmt: skip
def test_what_ships_keeps_meters_to_their_households(quantity: str, openness: str) -> None:
    assert load_rules().judge(quantity, "environment", None, None).openness == openness


def test_the_inventory_decides_for_a_thing() -> None:
    rules = load_rules()
    assert rules.judge("water_volume", "environment", "restricted", None).openness == "restricted"
    assert rules.judge("no2", "environment", "restricted", None).openness == "restricted"


def test_what_a_household_has_is_personal_whatever_the_rules_say() -> None:
    rules = load_rules()
    assert rules.judge("no2", "environment", None, "h-1").is_personal
    assert rules.judge("no2", "environment", None, "h-1").openness == "personal"
    sums = rules.judge("water_volume", "environment", "aggregated", "h-1")
    assert (sums.openness, sums.is_personal) == ("aggregated", True)


def test_the_citys_own_rules_come_first(tmp_path: Path) -> None:
    own = tmp_path / "openness.toml"
    own.write_text('[[rule]]\nquantities = ["no2"]\nopenness = "aggregated"\nk = 3\ncenters = ["energy"]\n')
    rules = load_rules(own)
    assert rules.judge("no2", "energy", None, None).k == 3
    assert rules.judge("no2", "environment", None, None).openness == "open"
    assert Rules([]).judge("no2", "environment", None, None).openness == "restricted"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('quantities = ["ether"]\nopenness = "open"', "rule.0.quantities: ether: the contract has no such quantity"),
        ('quantities = ["no2"]\nopenness = "ajar"', "rule.0.openness"),
        ('quantities = ["no2"]\nopenness = "open"\nk = 1', "rule.0.k"),
        ('quantities = ["no2"]\nopenness = "open"\nwhy = ""', "rule.0.why: unknown key"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused(tmp_path: Path, text: str, message: str) -> None:
    own = tmp_path / "openness.toml"
    own.write_text(f"[[rule]]\n{text}\n")
    with pytest.raises(ConfigError, match=re.escape(message)):
        load_rules(own)


# ---- pseudonyms -----------------------------------------------------------------------------------------------------


def test_a_pseudonym_stays_with_its_key_and_changes_with_another(tmp_path: Path) -> None:
    first = open_pseudonyms(tmp_path / "pseudonyms.key").of("wm-1")
    assert re.fullmatch("p-[0-9a-f]{20}", first)
    assert open_pseudonyms(tmp_path / "pseudonyms.key").of("wm-1") == first
    assert open_pseudonyms(tmp_path / "pseudonyms.key").of("wm-2") != first
    (tmp_path / "pseudonyms.key").unlink()
    assert open_pseudonyms(tmp_path / "pseudonyms.key").of("wm-1") != first


def test_the_key_is_its_owners_alone(tmp_path: Path) -> None:
    open_pseudonyms(tmp_path / "pseudonyms.key")
    file = tmp_path / "pseudonyms.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="others can read it"):
        open_pseudonyms(tmp_path / "pseudonyms.key")
    file.chmod(0o600)
    file.write_bytes(b"short")
    with pytest.raises(ConfigError, match="expected 32 bytes, got 5"):
        open_pseudonyms(tmp_path / "pseudonyms.key")


# ---- rates ----------------------------------------------------------------------------------------------------------


def test_who_asks_too_often_waits_and_nobody_else_does() -> None:
    now = [100.0]
    rates = Rates(Rate(per_second=2, at_once=3), lambda: now[0])
    assert [rates.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert rates.take("b") == 0
    now[0] += 0.5
    assert [rates.take("a") for _ in range(2)] == [0, 0.5]
    now[0] += 3600
    assert [rates.take("a") for _ in range(4)] == [0, 0, 0, 0.5]


def test_a_crowd_of_askers_takes_bounded_memory() -> None:
    rates = Rates(Rate(1, 1), lambda: 0.0)
    for number in range(20_000):
        rates.take(str(number))
    assert len(rates._buckets) == 10_000


# ---- the log --------------------------------------------------------------------------------------------------------


def test_a_log_that_somebody_changed_is_found(tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "audit.log"
    audit = Audit(file, clock)
    audit.write("read", "ana", why="losses", things=["p-1"])
    audit.write("read", "bor", why="losses", things=["p-2"])
    assert check(file) == audit.head
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    audit.close()
    file.write_bytes(file.read_bytes().replace(b"ana", b"eva"))
    with pytest.raises(ChainError, match="line 1"):
        check(file)
    with pytest.raises(ConfigError, match="somebody changed the log"):
        Audit(file, clock)


def test_a_line_that_a_crash_tore_is_cut_off_and_told(tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "audit.log"
    audit = Audit(file, clock)
    audit.write("read", "ana")
    audit.close()
    with file.open("ab") as torn:
        torn.write(b'{"n":2,"at":')
    again = Audit(file, clock)
    assert again.head[0] == 2
    assert "repaired" in file.read_text()
