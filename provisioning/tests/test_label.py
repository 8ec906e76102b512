import io
import json
import re
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from provisioning import ProvisionError
from provisioning.__main__ import main
from provisioning.authority import Authority
from provisioning.certificate import fingerprint
from provisioning.label import code, label, read_label


@pytest.fixture
def city(tmp_path: Path) -> Path:
    assert main(["quickstart", str(tmp_path), "--mqtt-port", "18883"]) == 0
    return tmp_path


def test_another_reader_finds_the_id_and_the_certificate(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["label", str(city), "park-0001", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    (found,) = zxingcpp.read_barcodes(Image.open(city / "labels/park-0001.png"))
    assert found.text == told["labels"]["park-0001"]
    scanned = read_label(found.text)
    assert scanned.id == "park-0001"
    assert fingerprint(Authority(city).certificate_of("park-0001")).startswith(scanned.fingerprint)


def test_a_scratched_label_is_still_read(city: Path) -> None:
    main(["label", str(city), "park-0001"])
    picture = Image.open(city / "labels/park-0001.png").convert("L")
    width, height = picture.size
    picture.paste(255, (width // 2, height // 2, width // 2 + width // 6, height // 2 + height // 6))
    (found,) = zxingcpp.read_barcodes(picture)
    assert found.text.startswith("CN:1/park-0001?fp=")


def test_the_svg_and_the_sheet_show_the_same_code(city: Path) -> None:
    main(["label", str(city), "--format", "svg", "--format", "pdf"])
    svg = (city / "labels/park-0001.svg").read_text()
    page = (city / "labels/sheet.html").read_text()
    assert (city / "labels/park-0001.pdf").read_bytes().startswith(b"%PDF")
    path = re.search(r' d="([^"]+)"', svg)[1]
    assert path in page
    assert "<b>park-0001</b><br>koper" in page
    assert "http:" not in page.replace("http://www.w3.org/", "")
    (found,) = zxingcpp.read_barcodes(drawn(path))
    assert found.text.startswith("CN:1/park-0001?fp=")


def drawn(path: str) -> Image.Image:
    """The code of an SVG path of horizontal strokes: M, m (moves) and h (runs of dark modules)."""
    size, x, y, dark = 60, 0.0, 0.0, set()
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", path):
        values = [float(number) for number in numbers.split()]
        if command == "h":
            dark |= {(int(x) + step, int(y)) for step in range(int(values[0]))}
            x += values[0]
        elif command == "M":
            x, y = values
        else:
            x, y = x + values[0], y + values[1]
    picture = Image.new("L", (size, size), 255)
    for place in dark:
        picture.putpixel(place, 0)
    return picture.resize((size * 6, size * 6), Image.Resampling.NEAREST)


@pytest.mark.parametrize("length", [1, 30, 64])
def test_every_length_of_id_is_read_back(length: int) -> None:
    one = label("a" * length, "0123456789ABCDEF" * 4)
    out = io.BytesIO()
    code(one).save(out, kind="png", scale=6)
    (found,) = zxingcpp.read_barcodes(Image.open(out))
    assert read_label(found.text) == one


def test_a_typed_id_has_no_fingerprint() -> None:
    assert read_label(" park-0001 \n") == ("park-0001", "")


REFUSED = {
    "another code": ("https://example.org/", "is no label and no id"),
    "an id in capitals": ("PARK-0001", "is no label and no id"),
    "a cut fingerprint": ("CN:1/park-0001?fp=AB12", "fp: expected 16 hexadecimal digits"),
    "nothing": ("", "is no label and no id"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_label_is_refused(case: str) -> None:
    text, message = REFUSED[case]
    with pytest.raises(ProvisionError, match=message):
        read_label(text)


def test_a_board_without_a_certificate_gets_no_label(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["label", str(city), "park-0009"]) == 2
    assert "park-0009: has no valid certificate; issue one first" in capsys.readouterr().err
    assert main(["label", str(city), "--dry-run"]) == 0
    assert not (city / "labels").exists()
