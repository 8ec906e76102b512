"""``rollout``: a signed update to many nodes, ring by ring; it halts by itself and goes on where it was.

Exit status: 0 every node has the release, or the rollout is as asked; 1 it was halted, and says which node and why;
2 something the person can mend.
"""

import argparse
import asyncio
import contextlib
import time
import tomllib
from functools import partial
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from rich.console import Console
from rich.markup import escape

from provisioning import ProvisionError, broker, offered, release_server, rings, rollout_link
from provisioning.inventory import Inventory
from provisioning.outcome import tell
from provisioning.release import signed
from provisioning.rings import Gate, Rollout
from provisioning.rollout import Laptop, run
from provisioning.rollout_journal import Journal
from provisioning.verbs import Parsers


def add_parser(parsers: Parsers) -> None:
    parser = parsers.add_parser("rollout", help="an update to many nodes, ring by ring", epilog=__doc__)
    steps = parser.add_subparsers(required=True, metavar="STEP")
    start = steps.add_parser("start", help="begin, or go on with what was begun")
    start.add_argument("directory", type=Path)
    start.add_argument("release", type=Path, help="a folder with manifest.json and what it describes")
    start.add_argument("--url", required=True, help="where nodes fetch the same folder: https://HOST:PORT/PATH")
    start.add_argument("--publishers", nargs="+", required=True, metavar="NAME", help="in this order; all: every node")
    start.add_argument("--rings", nargs="+", default=list(rings.RINGS), metavar="SIZE", help="default: 1 10%% all")
    start.add_argument("--hold", type=float, default=900, metavar="S", help="so long a ring must be healthy (900)")
    start.add_argument("--patience", type=float, default=7200, metavar="S", help="so long a node may be silent (7200)")
    start.add_argument("--repeat", type=float, default=15, metavar="S", help="ask again after so long (15)")
    start.add_argument("--as", dest="by", default="releases", metavar="NAME", help="who asks (releases)")
    start.add_argument("--dry-run", action="store_true", help="show the rings, ask nobody")
    start.set_defaults(verb=_start)
    resume = steps.add_parser("resume", help="go on after a halt, a crash or a night")
    resume.add_argument("directory", type=Path)
    resume.add_argument("--again", nargs="+", default=[], metavar="NAME", help="ask these once more")
    resume.add_argument("--without", nargs="+", default=[], metavar="NAME", help="leave these out")
    resume.add_argument("--dry-run", action="store_true", help="show what would go on, ask nobody")
    resume.set_defaults(verb=_resume)
    for one in (start, resume):
        one.add_argument("--host", default="localhost", help="of the broker")
        one.add_argument("--port", type=int, help="of the broker; default: as in DIR/broker")
        one.add_argument("--server-name", default="localhost", help="that the broker's certificate proves")
        one.add_argument("--signing-key", type=Path, help="PEM; default: the key of the certificate of who asks")
    serve = steps.add_parser("serve", help="serve a release from this laptop, until Ctrl-C")
    serve.add_argument("directory", type=Path)
    serve.add_argument("release", type=Path, help="a folder with manifest.json and what it describes")
    serve.add_argument("--address", default="127.0.0.1", help="of this laptop")
    serve.add_argument("--port", type=int, default=8443)
    serve.add_argument(
        "--as", dest="name", default="broker", metavar="NAME", help="whose certificate is shown (broker)"
    )
    serve.set_defaults(verb=_serve)
    for name, verb, words in (("status", _status, "how it stands"), ("halt", _halt, "open no further ring")):
        one = steps.add_parser(name, help=words)
        one.add_argument("directory", type=Path)
        one.set_defaults(verb=verb)
    for one in steps.choices.values():
        one.add_argument("--json", action="store_true", help="one JSON document on standard output")


def _start(options: argparse.Namespace) -> int:
    manifest = offered.load(options.release)
    nodes = rings.assign(_publishers(options.directory, options.publishers), options.rings)
    times = {"hold": options.hold, "patience": options.patience, "repeat": options.repeat}
    for name, seconds in times.items():
        if not seconds > 0:
            raise ProvisionError(f"--{name} {seconds}: expected more than 0 seconds")
    gate = Gate(*(round(1000 * seconds) for seconds in times.values()))
    wanted = Rollout(manifest["release"], manifest["version"], options.url.rstrip("/"), options.by, gate, nodes)
    journal = Journal(options.directory)
    with journal.alone() as is_alone:
        kept = journal.rollout
        if kept is not None and kept.release == wanted.release:
            if (list(kept.nodes), kept.url) != (list(nodes), wanted.url):
                raise ProvisionError(f"release {kept.release}: was begun otherwise; resume it, or make a new one")
            if kept.status == "halted":
                raise ProvisionError(f"release {kept.release}: is halted ({kept.reason}); resume it, or make a new one")
            wanted = kept
        elif kept is not None and kept.status == "running":
            raise ProvisionError(f"release {kept.release}: is on its way; halt it first")
        elif kept is not None and kept.release > wanted.release:
            raise ProvisionError(f"release {wanted.release}: is older than {kept.release}, which was rolled out")
        if options.dry_run:
            return _report(wanted, options)
        laptop = _laptop(options, wanted)
        offered.check_served(options.release, wanted.url, rollout_link.tls(options.directory, options.by))
        _must_be_alone(is_alone)
        if wanted is not kept:
            journal.begin(wanted, laptop.now_ms())
        return _carried_out(journal, wanted, laptop, options)


def _resume(options: argparse.Namespace) -> int:
    journal = Journal(options.directory)
    with journal.alone() as is_alone:
        rollout = rings.resumed(_of(journal), options.again, options.without)
        if options.dry_run:
            return _report(rollout, options)
        laptop = _laptop(options, rollout)
        _must_be_alone(is_alone)
        journal.keep(rollout, laptop.now_ms())
        return _carried_out(journal, rollout, laptop, options)


def _status(options: argparse.Namespace) -> int:
    return _report(_of(Journal(options.directory)), options)


def _serve(options: argparse.Namespace) -> None:
    with release_server.serving(
        options.directory, options.release, options.name, options.address, options.port
    ) as port:
        document = {"release": str(options.release), "address": options.address, "port": port}
        tell(options, document, escape(f"{options.release}: served at https://{options.address}:{port}"))
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)


def _halt(options: argparse.Namespace) -> int:
    journal = Journal(options.directory)
    with journal.alone() as is_alone:
        rollout = _of(journal)
        if is_alone:
            rollout = rings.halted(rollout, "by hand")
            journal.keep(rollout, _now_ms())
        elif rollout.status == "running":
            journal.ask_for_halt()
            _wait_for_halt(options.directory)
            rollout = _of(Journal(options.directory))
    _report(rollout, options)
    return 0


def _wait_for_halt(directory: Path) -> None:
    deadline = time.monotonic() + 30
    while _of(Journal(directory)).status == "running":
        if time.monotonic() > deadline:
            raise ProvisionError("whoever runs this rollout does not halt it: end that process, and halt again")
        time.sleep(0.2)


def _carried_out(journal: Journal, rollout: Rollout, laptop: Laptop, options: argparse.Namespace) -> int:
    try:
        rollout = asyncio.run(run(journal, rollout, laptop))
    except KeyboardInterrupt:
        raise ProvisionError("left as it is; rollout resume goes on with it, rollout halt stops it") from None
    return _report(rollout, options)


def _laptop(options: argparse.Namespace, rollout: Rollout) -> Laptop:
    city = Inventory(options.directory / "inventory.toml").city
    port = options.port or broker.port_of(options.directory)
    place = rollout_link.Place(options.directory, city, rollout.by, options.host, port, options.server_name)
    rollout_link.tls(options.directory, rollout.by)  # a certificate that is missing is told before anything begins
    key = _key(options.signing_key or options.directory / "certificates" / f"{rollout.by}.key")
    console = Console(stderr=True, highlight=False)

    def progress(publisher: str, what: str) -> None:
        console.print(f"{time.strftime('%H:%M:%S')} [bold]{publisher or 'rollout'}[/bold] {escape(what)}")

    return Laptop(partial(rollout_link.opened, place), partial(signed, key=key, by=rollout.by), _now_ms, progress)


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise ProvisionError(f"{path}: {error}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ProvisionError(f"{path}: expected an EC P-256 key")
    return key


def _publishers(directory: Path, names: list[str]) -> list[str]:
    content = tomllib.loads(Inventory(directory / "inventory.toml").path.read_text("utf-8"))
    nodes = [one["id"] for one in content.get("publisher", []) if one.get("role") == "node"]
    if names == ["all"]:
        return nodes
    if strange := [name for name in names if name not in nodes]:
        raise ProvisionError(f"--publishers {' '.join(strange)}: no node of this city")
    return names


def _of(journal: Journal) -> Rollout:
    if journal.rollout is None:
        raise ProvisionError("no rollout was begun here")
    return journal.rollout


def _must_be_alone(is_alone: bool) -> None:
    if not is_alone:
        raise ProvisionError("another process runs this rollout; see rollout status")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _report(rollout: Rollout, options: argparse.Namespace) -> int:
    nodes: list[dict[str, Any]] = [
        {
            "publisher": node.publisher,
            "ring": node.ring + 1,
            "status": node.status,
            "firmware": node.firmware,
            "reason": node.reason,
        }
        for node in rollout.nodes.values()
    ]
    document = {"release": rollout.release, "version": rollout.version, "status": rollout.status}
    lines = [
        f"{node['publisher']}  ring {node['ring']}  {node['status']}  {node['firmware']}  {node['reason']}".rstrip()
        for node in nodes
    ]
    lines.append(f"release {rollout.release} ({rollout.version}): {rollout.status}  {rollout.reason}".rstrip())
    whole = {**document, "ring": rollout.ring + 1, "reason": rollout.reason, "nodes": nodes}
    tell(options, whole, escape("\n".join(lines)))
    return int(rollout.status == "halted")
