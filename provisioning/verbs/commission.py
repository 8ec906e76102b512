"""``commission``: a board comes into use at its place."""

import argparse
import getpass
from pathlib import Path
from typing import Any

from provisioning import ProvisionError
from provisioning.authority import Authority
from provisioning.commission import Commissioning
from provisioning.enlisting import read_token
from provisioning.inventory import CENTERS
from provisioning.label import read_label
from provisioning.mounting import read_mounting
from provisioning.outcome import add_options, tell
from provisioning.rights import write_rights
from provisioning.seen import Collector
from provisioning.verbs import Parsers


def add_parser(parsers: Parsers) -> None:
    parser = parsers.add_parser("commission", help="a board comes into use at its place; signed, offline if need be")
    parser.add_argument("directory", type=Path)
    parser.add_argument("label", nargs="?", help="as scanned, or the id as typed; with --finish all that are open")
    parser.add_argument("--finish", action="store_true", help="ask for what could not be asked at the place")
    parser.add_argument("--thing", help="what it measures")
    parser.add_argument("--position", type=float, nargs=2, metavar=("LON", "LAT"))
    parser.add_argument("--accuracy", type=float, metavar="M", help="of the receiver")
    parser.add_argument("--map", action="store_true", help="the position was read from a map")
    parser.add_argument("--height", type=float, metavar="M", help="above the ground")
    parser.add_argument("--orientation", type=float, metavar="DEG", help="which way it looks, clockwise from north")
    parser.add_argument("--photo", type=Path)
    parser.add_argument("--center", choices=CENTERS, default="", help="whose the thing is, when it is new")
    parser.add_argument("--move-thing", action="store_true", help="the thing is here now, not where it was")
    parser.add_argument("--url", help="of a collector, to see the first reading; without it that stays open")
    parser.add_argument("--token-file", type=Path)
    parser.add_argument("--wait", type=float, default=60, metavar="S", help="for the first reading; 60")
    parser.add_argument("--by", default=getpass.getuser())
    add_options(parser)
    parser.set_defaults(verb=_commission)


def _commission(options: argparse.Namespace) -> int:
    """Exit status 1 when something is still open though a collector was asked."""
    token = read_token(options.token_file) if options.token_file else ""
    collector = Collector(options.url, token) if options.url else None
    work = Commissioning(options.directory, Authority(options.directory), options.by)
    if options.finish:
        return _finish(options, work, collector)
    for name in ("label", "thing", "position"):
        if getattr(options, name) is None:
            raise ProvisionError(f"{name}: is missing")
    longitude, latitude = options.position
    mounting = read_mounting(
        {
            "label": options.label,
            "thing": options.thing,
            "longitude": longitude,
            "latitude": latitude,
            "accuracy": options.accuracy,
            "source": "map" if options.map else "gnss",
            "height": options.height,
            "orientation": options.orientation,
            "center": options.center,
            "moves_thing": options.move_thing,
        }
    )
    photo = _photo(options.photo) if options.photo else b""
    if options.dry_run:
        work.check(mounting)
        tell(options, {"board": mounting.label.id}, f"{mounting.label.id}: can be commissioned like this")
        return 0
    signed = work.commission(mounting, photo, collector, options.wait)
    if (options.directory / "broker").is_dir():
        write_rights(options.directory)
    tell(options, signed, _line(signed))
    return 1 if collector and signed["record"]["status"] == "open" else 0


def _finish(options: argparse.Namespace, work: Commissioning, collector: Collector | None) -> int:
    if collector is None:
        raise ProvisionError("--url: is missing: which collector shall be asked?")
    boards = [read_label(options.label).id] if options.label else work.open()
    if options.dry_run:
        tell(options, {"open": boards}, f"open: {' '.join(boards) or 'none'}")
        return 0
    signed = [work.finish(board, collector, options.wait) for board in boards]
    still = [one["record"]["board"] for one in signed if one["record"]["status"] == "open"]
    tell(options, {"boards": signed, "open": still}, "\n".join(map(_line, signed)) or "nothing is open")
    return 1 if still else 0


def _line(signed: dict[str, Any]) -> str:
    record = signed["record"]
    missing = [name for name in ("state", "reading") if record[name] is None]
    words = f"open: no {' and no '.join(missing)} seen yet; `commission --finish` asks again" if missing else "in use"
    return f"{record['board']} for {record['thing']}: {words}"


def _photo(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ProvisionError(f"--photo {file}: {error.strerror}") from None
