"""The CSV file of a drive-by round: what it says, when, and where it is wrong."""

from pathlib import Path

import pytest

from edge import driveby, profile
from edge.config import RadioMeter
from edge.errors import ConfigError
from edge.keys import Keys

METERS = [
    RadioMeter(thing="wm-33225544", identification="33225544"),
    RadioMeter(thing="wm-06855817", identification="06855817"),
]
TELEGRAM = "1844ae4c4455223368077a55000000041389e20100023b0000"
AT = 1795428000000  # 2026-11-23T10:00:00Z


def rows(folder: Path, text: str) -> list[driveby.Row]:
    file = folder / "round.csv"
    file.write_text(text, encoding="utf-8")
    return driveby.load(file, METERS, Keys())


def test_telegrams_are_readings_at_their_time_of_reception(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, f"identification,received,telegram\n33225544,2026-11-23T11:00:00+01:00,{TELEGRAM}\n")
    assert (row.thing, row.at) == ("wm-33225544", AT)
    assert row.values["water_volume"] == (123529, -3)


def test_values_are_taken_digit_by_digit_in_the_way_of_the_country(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, "received;identification;water_volume\n2026-11-23T10:00:00Z;06855817;561,080\n")
    assert row.values == {"water_volume": (561080, -3)}


def test_the_same_file_gives_the_same_identities(tmp_path: Path) -> None:
    text = f"identification,received,telegram\n33225544,2026-11-23T10:00:00Z,{TELEGRAM}\n"
    assert rows(tmp_path, text) == rows(tmp_path, text)


HEAD = "identification,received,telegram,water_volume\n"
REFUSED = {
    "identification,water_volume\n": "line 1: column received is missing",
    "identification,received,colour\n": "line 1: column colour: unknown quantity",
    HEAD + "99999999,2026-11-23T10:00:00Z,,1\n": "line 2: identification: 99999999 is no radio meter",
    HEAD + "06855817,yesterday,,1\n": "line 2: received: 'yesterday' is no time",
    HEAD + "06855817,2026-11-23T10:00:00,,1\n": "line 2: received: 2026-11-23T10:00:00 has no offset from UTC",
    HEAD + "06855817,2026-11-23T10:00:00Z,,one\n": "line 2: water_volume: 'one' is no number",
    HEAD + "06855817,2026-11-23T10:00:00Z,,\n": "line 2: neither a telegram nor a value",
    HEAD + "06855817,2026-11-23T10:00:00Z,1844,\n": "line 2: telegram: radio frame: L field says 25 bytes",
    HEAD + "06855817,2026-11-23T10:00:00Z,xy,\n": "line 2: telegram: ",
    HEAD + f"06855817,2026-11-23T10:00:00Z,{TELEGRAM},\n": "line 2: telegram: it is of meter 33225544",
    HEAD + "06855817,2026-11-23T10:00:00Z\n": "line 2: not as many columns as line 1",
    HEAD + f"06855817,2026-11-23T10:00:00Z,,{'1' * 16}\n": "is no number of at most 15 digits",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_wrong_file_is_refused_by_line_and_column(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        rows(tmp_path, text)
    assert REFUSED[text] in str(refused.value)


def test_no_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"round\.csv: No such file"):
        driveby.load(tmp_path / "round.csv", METERS, Keys())


def test_the_profile_of_the_configuration_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    loaded = profile.load

    def load(name: str) -> profile.Profile:
        asked.append(name)
        return loaded(name)

    monkeypatch.setattr(profile, "load", load)
    meter = METERS[0].model_copy(update={"profile": "elster_falcon"})
    file = tmp_path / "round.csv"
    file.write_text(f"identification,received,telegram\n33225544,2026-11-23T10:00:00Z,{TELEGRAM}\n")
    (row,) = driveby.load(file, [meter], Keys())
    assert asked == ["elster_falcon"]
    assert row.values["water_volume"] == (123529, -3)
