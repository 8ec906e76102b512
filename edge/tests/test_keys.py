"""The key store: refused when others can read it, and silent about what it holds."""

from pathlib import Path

import pytest

from edge import keys
from edge.errors import ConfigError

KEY = "00112233445566778899aabbccddeeff"


def stored(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "keys.toml"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_a_key_is_found_by_identification_number(tmp_path: Path) -> None:
    loaded = keys.load(stored(tmp_path, f'06855817 = "{KEY}"\n'))
    assert loaded.of("06855817") == bytes.fromhex(KEY)
    assert loaded.of("06855818") is None


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ConfigError, match="lets others read it; chmod 0600"):
        keys.load(stored(tmp_path, f'06855817 = "{KEY}"\n', mode))


REFUSED = {
    f'06855817 = "{KEY}': "not TOML",
    f'6855817 = "{KEY}"': "expected an identification number of 8 digits",
    f'06855817 = "{KEY[:-1]}"': "06855817: expected 32 hexadecimal digits",
    f'06855817 = ["{KEY}"]': "06855817: expected 32 hexadecimal digits",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_wrong_is_named_without_showing_a_key(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        keys.load(stored(tmp_path, text))
    assert REFUSED[text] in str(refused.value)
    assert KEY[:16] not in str(refused.value)
    assert refused.value.__cause__ is None


def test_no_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"keys: .*keys\.toml: No such file"):
        keys.load(tmp_path / "keys.toml")
