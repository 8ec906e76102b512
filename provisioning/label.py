"""What stands on a board's label? Its id and the fingerprint of its certificate, as QR code and in words."""

import html
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import segno

from firmware import contract
from provisioning import ProvisionError
from provisioning.durable import replace_file

FORMATS = ("png", "svg", "pdf")
_TEXT = re.compile(r"CN:1/([^?]*)\?fp=(.*)")
_DIGITS = 16
"""Of the fingerprint: 64 bits tell a wrong board from the right one. The broker checks the certificate itself."""


class Label(NamedTuple):
    """An id and the first 16 hexadecimal digits of the SHA-256 over its certificate."""

    id: str
    fingerprint: str

    @property
    def text(self) -> str:
        """As it stands in the code: ``CN:1/park-0001?fp=AB12…``."""
        return f"CN:1/{self.id}?fp={self.fingerprint}"


def label(identifier: str, fingerprint: str) -> Label:
    return Label(identifier, fingerprint[:_DIGITS].upper())


def read_label(text: str) -> Label:
    """What was scanned, or an id that somebody typed: then without a fingerprint."""
    typed = text.strip()
    found = _TEXT.fullmatch(typed)
    identifier, digits = (found[1], found[2]) if found else (typed, "")
    try:
        contract.check_id("id", identifier)
    except contract.ContractError as error:
        raise ProvisionError(f"{typed[:80]!r}: is no label and no id: {error}") from None
    if found and not re.fullmatch(rf"[0-9A-F]{{{_DIGITS}}}", digits):
        raise ProvisionError(f"{typed[:80]!r}: fp: expected {_DIGITS} hexadecimal digits in capitals")
    return Label(identifier, digits)


def code(one: Label) -> segno.QRCode:
    """Error correction Q: a quarter of it may be scratched."""
    return segno.make(one.text, micro=False, error="q")


def write_labels(folder: Path, labels: Sequence[Label], formats: Sequence[str]) -> list[Path]:
    """One file for each label and format."""
    written = []
    for one in labels:
        for kind in formats:
            out = io.BytesIO()
            code(one).save(out, kind=kind, scale=8, border=4)
            written.append(folder / f"{one.id}.{kind}")
            replace_file(written[-1], out.getvalue())
    return written


def sheet(labels: Sequence[Label], city: str) -> str:
    """An HTML page of labels, 50 mm by 25 mm, three abreast on A4; a browser prints it, without a network."""
    cells = "\n".join(
        f'<div class="label">{code(one).svg_inline(scale=2, border=4, omitsize=True)}'
        f"<p><b>{html.escape(one.id)}</b><br>{html.escape(city)}<br><small>{one.fingerprint}</small></p></div>"
        for one in labels
    )
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Labels of {html.escape(city)}</title>
<style>
@page {{ size: A4; margin: 10mm }}
body {{ display: flex; flex-wrap: wrap; gap: 4mm; margin: 0; font: 8pt sans-serif }}
.label {{ width: 50mm; height: 25mm; display: flex; border: 0.2mm dotted #999; break-inside: avoid }}
.label svg {{ width: 25mm; height: 25mm; flex: none }}
.label p {{ margin: 2mm 1mm; overflow-wrap: anywhere }}
.label b {{ font-size: 10pt }}
</style>
<body>
{cells}
</body></html>
"""
