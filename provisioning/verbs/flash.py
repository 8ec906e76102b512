"""``flash``: several boards become nodes, all at once; whoever fails is named, the others finish."""

import argparse
import asyncio
import getpass
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from firmware import VERSION
from provisioning import ProvisionError, partitions, release
from provisioning.authority import Authority
from provisioning.enrolment import NewThings, enrol
from provisioning.flash import WORK, Batch
from provisioning.flash_journal import FlashJournal, journals
from provisioning.flash_plan import Wish, owners, planned, read_interpreter, resumed
from provisioning.inventory import CENTERS
from provisioning.node_files import application, own, settings_of
from provisioning.outcome import add_options, tell
from provisioning.release import BOARDS
from provisioning.stock import take_stock
from provisioning.verbs import Parsers

_JOURNALS = "flashed"
_DONE, _SOME_FAILED = 0, 1


def add_parser(parsers: Parsers) -> None:
    parser = parsers.add_parser(
        "flash",
        help="make nodes of boards: interpreter, files, certificate; verified and started",
        usage="senzorika-provision flash DIR [NAME[=PORT] ...] [options]",
        description="Settings of each node stand in DIR/nodes/NAME.json; boards without a port take the free ones.",
        epilog="Exit status: 0 all done, 1 some failed (named; --resume does them), 2 something to mend first.",
    )
    parser.add_argument("directory", type=Path)
    parser.add_argument("nodes", nargs="*", metavar="NAME[=PORT]", help="PORT may be serial:NUMBER")
    parser.add_argument("--resume", action="store_true", help="do what the newest batch left undone, and nothing else")
    parser.add_argument("--abandon", action="store_true", help="begin a batch although the newest is unfinished")
    parser.add_argument("--interpreter", type=Path, metavar="FILE", help="MicroPython, as one .bin with its partitions")
    parser.add_argument("--offset", type=lambda text: int(text, 0), default=0x1000, help="of it; on newer chips 0")
    parser.add_argument("--family", default="ESP32", help="the chip it is built for: ESP32, ESP32-S3, ESP32-C3…")
    parser.add_argument("--board", choices=BOARDS, default="esp32", help="unix: virtual boards on a laptop")
    parser.add_argument("--baud", type=int, default=460800)
    parser.add_argument("--jobs", type=int, default=8, help="so many boards at once")
    parser.add_argument("--center", choices=CENTERS, help="the owner of things that are new")
    parser.add_argument("--location", type=float, nargs=2, metavar=("LON", "LAT"), default=[13.73, 45.548])
    parser.add_argument("--overwrite", action="store_true", help="also boards that are other nodes already")
    parser.add_argument("--keep-keys", action="store_true", help="leave the nodes' keys on this disk as well")
    parser.add_argument("--by", default=getpass.getuser(), help="who does it, for the inventory's log")
    add_options(parser)
    parser.set_defaults(verb=_flash)


def _flash(options: argparse.Namespace) -> int:
    begun = time.monotonic()
    Authority(options.directory)  # is this a city?
    folder = options.directory / _JOURNALS
    before = journals(folder)
    journal = resumed(before, options.nodes) if options.resume else planned(folder, before, _wish(options))
    waiting = journal.unfinished
    settings = {name: settings_of(options.directory, name) for name in waiting}
    board: release.Board = "unix" if journal.plan.board == "unix" else "esp32"
    interpreter = read_interpreter(journal.plan)
    table = partitions.of_image(interpreter, journal.plan.offset)
    partitions.check_application(table, len(release.application(board)))
    shared = application(board)
    if options.dry_run:
        return _told(options, journal, waiting, begun)
    enrol(options.directory, settings, NewThings(options.center, tuple(options.location)))
    own_files = {name: own(options.directory, settings[name]) for name in waiting}
    for left in folder.glob(f"{WORK}*"):
        shutil.rmtree(left)
    if not options.resume:
        for one in before:
            one.close()
        journal.begin()
    batch = Batch(
        journal,
        interpreter,
        lambda name: {**shared, **own_files[name]},
        {} if options.overwrite else owners(before),
    )
    asyncio.run(_all(batch, waiting, options.jobs))
    _record(options, journal)
    if journal.plan.forgets_keys:
        _forget_keys(options.directory, journal)
    return _told(options, journal, waiting, begun)


def _wish(options: argparse.Namespace) -> Wish:
    if options.interpreter is None:
        raise ProvisionError("--interpreter: expected the .bin of MicroPython")
    keys = ("nodes", "interpreter", "offset", "board", "family", "baud", "keep_keys", "abandon")
    return Wish(**{key: getattr(options, key) for key in keys})


async def _all(batch: Batch, names: list[str], jobs: int) -> None:
    free = asyncio.Semaphore(jobs)
    columns = (TextColumn("{task.fields[node]}"), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as shown:

        async def one(name: str, row: TaskID) -> None:
            async with free:
                await batch.flash(
                    name,
                    batch.journal.plan.ports[name],
                    lambda what, share: shown.update(row, description=what, completed=share),
                )

        rows = {name: shown.add_task("waits", total=1.0, node=name) for name in names}
        async with asyncio.TaskGroup() as group:
            for name, row in rows.items():
                group.create_task(one(name, row))


def _record(options: argparse.Namespace, journal: FlashJournal) -> None:
    """What is done and not in the inventory's log yet, also by a process that was killed before it could say so."""
    register = take_stock(options.directory, options.by)
    known = register.standing().subjects
    for name, state in journal.states.items():
        subject, fields = f"board:{name}", {"mac": state.mac, "chip": state.chip, "firmware": VERSION}
        if state.step == "done" and any(known.get(subject, {}).get(key) != value for key, value in fields.items()):
            register.record(subject, "flashed", options.by, fields)


def _forget_keys(directory: Path, journal: FlashJournal) -> None:
    """What a node has, nobody else keeps."""
    authority = Authority(directory)
    for name, state in journal.states.items():
        if state.step == "done" and (directory / "certificates" / f"{name}.key.der").exists():
            authority.forget_key(name)


def _told(options: argparse.Namespace, journal: FlashJournal, touched: list[str], begun: float) -> int:
    seconds = round(time.monotonic() - begun, 1)
    nodes = [
        {"node": name, **state._asdict(), "port": journal.plan.ports[name], "touched": name in touched}
        for name, state in journal.states.items()
    ]
    failed = [one for one in nodes if one["step"] != "done"]
    document = {"batch": journal.path.stem, "dry_run": options.dry_run, "seconds": seconds, "nodes": nodes}
    lines = [f"{one['node']}: {_words(one, options)}" for one in nodes]
    if failed and not options.dry_run:
        lines.append(f"{len(failed)} of {len(nodes)} failed; mend what is named and give --resume")
    tell(options, document, "\n".join([*lines, f"{seconds:.1f} s"]))
    return _SOME_FAILED if failed and not options.dry_run else _DONE


def _words(node: Mapping[str, Any], options: argparse.Namespace) -> str:
    if options.dry_run:
        return f"would be written to {node['port']}" if node["touched"] else "is done"
    return f"{node['step']}, {node['mac'] or node['port']}" + (f": {node['why']}" if node["why"] else "")
