import base64
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from collector.entities.inventory import ConfigError
from collector.ledger import Account
from collector.messages.replay import LONGEST, PATIENCE, Replays, Wanted, command
from collector.ranges import Ranges
from collector.signature import Signer
from firmware import orders

T = 1795392000000


def account(*stored: tuple[int, int], next_seq: int = 100) -> Account:
    return Account("gw-0001", "7f3a91c2", T, next_seq=next_seq, stored=stored)


def asked(replays: Replays, now: int, *stored: tuple[int, int], next_seq: int = 100) -> list[tuple[int, int]]:
    return [(one.first, one.last) for one in replays.due([account(*stored, next_seq=next_seq)], now)]


def test_a_gap_that_stays_open_is_asked_for_after_a_while() -> None:
    replays = Replays()
    assert asked(replays, T, (1, 9), (20, 99)) == []
    assert asked(replays, T + PATIENCE - 1, (1, 9), (20, 99)) == []
    assert asked(replays, T + PATIENCE, (1, 9), (20, 99)) == [(10, 19)]


def test_a_gap_that_closes_by_itself_is_never_asked_for() -> None:
    replays = Replays()
    asked(replays, T, (1, 9), (20, 99))
    assert asked(replays, T + PATIENCE, (1, 99)) == []


def test_an_answer_that_does_not_come_is_asked_for_ever_more_rarely() -> None:
    replays = Replays()
    now, times = T, []
    asked(replays, now, (1, 9), (20, 99))
    while now < T + 3 * LONGEST:
        now += 10_000
        if asked(replays, now, (1, 9), (20, 99)):
            times.append(now)
    gaps = [later - before for before, later in pairwise(times)]
    assert gaps == sorted(gaps)
    assert gaps[0] == 2 * PATIENCE
    assert gaps[-1] == LONGEST


def test_an_answer_that_comes_in_parts_is_given_time() -> None:
    replays = Replays()
    asked(replays, T, (1, 9), (20, 99))
    assert asked(replays, T + PATIENCE, (1, 9), (20, 99)) == [(10, 19)]
    assert asked(replays, T + PATIENCE + 1, (1, 15), (20, 99)) == []
    assert asked(replays, T + 2 * PATIENCE + 1, (1, 15), (20, 99)) == [(16, 19)]


def test_what_is_new_at_the_end_may_be_on_its_way() -> None:
    replays = Replays()
    asked(replays, T, (1, 50), next_seq=61)
    assert asked(replays, T + PATIENCE, (1, 50), next_seq=90) == [(51, 60)]


def test_a_closed_outbox_has_nobody_to_ask() -> None:
    replays = Replays()
    closed = replace(account((1, 9), (20, 99)), closed=True)
    assert replays.due([closed], T) == replays.due([closed], T + 10 * PATIENCE) == []


@pytest.mark.parametrize("stored", [(), ((1, 99),)])
def test_nothing_missing_asks_nothing(stored: Ranges) -> None:
    replays = Replays()
    full = replace(account(*stored), next_seq=100 if stored else 1)
    assert replays.due([full], T) == replays.due([full], T + 10 * PATIENCE) == []


@pytest.fixture
def key(tmp_path: Path) -> Path:
    made = ec.generate_private_key(ec.SECP256R1())
    plain = serialization.NoEncryption()
    file = tmp_path / "collector.key"
    file.write_bytes(made.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return file


def test_the_command_is_signed_and_the_contract_takes_it(key: Path) -> None:
    signed = Signer(key).signed(command(Wanted("gw-0001", "7f3a91c2", 10, 19), T))
    read = orders.decode_command(orders.encode_command(signed))
    assert read["arguments"] == {"outbox": "7f3a91c2", "from": 10, "to": 19}
    signature = base64.urlsafe_b64decode(read["signature"] + "==")
    assert len(signature) == 64
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    loaded = serialization.load_pem_private_key(key.read_bytes(), password=None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    loaded.public_key().verify(der, orders.signed_bytes(read), ec.ECDSA(SHA256()))


def test_a_key_that_can_not_sign_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"broker\.key: .*none\.key: .*No such file"):
        Signer(tmp_path / "none.key")
    (tmp_path / "bad.key").write_text("no key")
    with pytest.raises(ConfigError, match=r"broker\.key: .*bad\.key"):
        Signer(tmp_path / "bad.key")
