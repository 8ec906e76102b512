import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from provisioning import ProvisionError, signed_config
from provisioning.__main__ import main
from provisioning.signed_config import SignedConfig

CONFIG = SignedConfig(3, "gw-0001", "[[line]]\nname = 'čžš'\n", "center-water")


@pytest.fixture
def city(tmp_path: Path) -> Path:
    assert main(["quickstart", str(tmp_path / "city"), "--mqtt-port", "18883"]) == 0
    assert main(["issue", str(tmp_path / "city"), "center-water", "--role", "center"]) == 0
    return tmp_path / "city"


def signed(city: Path, config: SignedConfig = CONFIG, **changes: Any) -> Path:
    key = serialization.load_pem_private_key((city / "certificates/center-water.key").read_bytes(), None)
    message = json.loads(signed_config.sign(config, key)) | changes
    path = city / "signed.json"
    path.write_text(json.dumps({key: value for key, value in message.items() if value is not None}))
    return path


def test_what_a_center_has_signed_comes_out_as_it_went_in(city: Path) -> None:
    assert signed_config.load(signed(city), city, ["center-water"]) == CONFIG


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"number": 4}, "not signed by center-water"),
        ({"settings": {"publisher": "gw-0002", "toml": CONFIG.lines}}, "not signed by center-water"),
        ({"settings": {"publisher": "gw-0002"}}, "settings: expected publisher and toml"),
        ({"signature": "AAAA"}, "not signed by center-water"),
        ({"signature": None}, "not signed by center-water"),
        ({"by": "center-air"}, "by: center-air: no center of this city"),
        ({"by": None}, "by: missing: no center of this city"),
        ({"number": 0}, "number: "),
    ],
)
def test_what_was_changed_afterwards_is_refused(city: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ProvisionError, match=words):
        signed_config.load(signed(city, **changes), city, ["center-water"])


def test_a_file_that_is_missing_or_a_certificate_is_named(city: Path) -> None:
    with pytest.raises(ProvisionError, match=r"nothing\.json: No such file"):
        signed_config.load(city / "nothing.json", city, ["center-water"])
    path = signed(city)
    (city / "certificates/center-water.pem").unlink()
    with pytest.raises(ProvisionError, match=r"center-water\.pem"):
        signed_config.load(path, city, ["center-water"])


def test_a_configuration_that_is_too_large_is_not_signed(city: Path) -> None:
    with pytest.raises(ProvisionError, match="the configuration: "):
        signed(city, CONFIG._replace(lines="#" * 70_000))
