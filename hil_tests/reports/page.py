"""What do our pages look like? One file of HTML without anything from elsewhere; the pictures are SVG."""

from collections.abc import Mapping, Sequence
from html import escape

COLOURS = ("#1b6ca8", "#c8553d", "#588157", "#7b2cbf", "#bc6c25", "#2a9d8f", "#6c757d", "#d62828")
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:1100px;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse}td,th{padding:.2rem .8rem;text-align:right}th{text-align:left}"
    "td,th,td a{white-space:nowrap}td.text{text-align:left;white-space:normal}pre{white-space:pre-wrap;font-size:.8rem}"
    "svg{width:100%;height:auto}svg.bar{width:220px;height:16px}.good{color:#2d6a4f}.bad{color:#9d0208}.none{color:#6c757d}"
)


def page(title: str, parts: Sequence[str]) -> str:
    """``title`` is plain text, ``parts`` are HTML."""
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    return "\n".join([head, f"<h1>{escape(title)}</h1>", *parts]) + "\n</html>\n"


def table(rows: Mapping[str, str]) -> str:
    """Of plain texts, each with its name."""
    lines = [f'<tr><th>{escape(name)}</th><td class="text">{escape(text)}</td></tr>' for name, text in rows.items()]
    return f"<table>{''.join(lines)}</table>"


def svg(title: str, size: tuple[int, int], parts: Sequence[str], kind: str = "") -> str:
    """``size`` is width and height in the units of the parts."""
    width, height = size
    kind = f' class="{kind}"' if kind else ""
    label = escape(title)
    return f'<svg{kind} viewBox="0 0 {width} {height}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
