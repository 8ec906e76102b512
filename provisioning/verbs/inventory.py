"""``inventory``: what was made, where it is and what became of it; brought together from several laptops."""

import argparse
import datetime as dt
import getpass
import hashlib
import os
from pathlib import Path
from typing import Any

from provisioning import ProvisionError
from provisioning.authority import Authority
from provisioning.durable import replace_file
from provisioning.enlisting import enlist, read_token
from provisioning.outcome import add_options, tell
from provisioning.register import Register
from provisioning.rights import write_rights
from provisioning.standing import Conflict, Event, shared_places
from provisioning.stock import differences, export, take_stock
from provisioning.verbs import Parsers


def add_parser(parsers: Parsers) -> None:
    parser = parsers.add_parser("inventory", help="what was made, where it is and what became of it")
    actions = parser.add_subparsers(required=True, metavar="ACTION", dest="action")
    for action, (run, words) in _ACTIONS.items():
        one = actions.add_parser(action, help=words, description=words)
        one.add_argument("directory", type=Path)
        if action in ("show", "history", "settle"):
            one.add_argument("name", help="of a board or a thing")
        if action == "merge":
            one.add_argument("other", type=Path, help="another laptop's directory, also on a stick: only read")
        if action == "export":
            one.add_argument("--to", metavar="URL", help="tell a collector too, over SensorThings")
            one.add_argument("--token-file", type=Path, help="a token that may administer the things' centers")
        one.add_argument("--by", default=getpass.getuser(), help="who does it, for the log")
        add_options(one)
        one.set_defaults(verb=run)


def _list(options: argparse.Namespace) -> None:
    register = _stock(options)
    stands = register.standing()
    document = {"origin": register.origin, "subjects": stands.subjects, "conflicts": _shown(_conflicts(register))}
    lines = [f"{subject}: {_line(fields)}" for subject, fields in stands.subjects.items()]
    tell(options, document, "\n".join([*lines, *_warnings(_conflicts(register))]) or "nothing yet")


def _show(options: argparse.Namespace) -> None:
    register = _stock(options)
    found = {s: f for s, f in register.standing().subjects.items() if s.partition(":")[2] == options.name}
    if not found:
        raise ProvisionError(f"{options.name}: is in no log of {options.directory}")
    lines = [
        f"{subject}\n" + "\n".join(f"  {key}: {value}" for key, value in f.items()) for subject, f in found.items()
    ]
    tell(options, found, "\n".join(lines))


def _history(options: argparse.Namespace) -> None:
    register = _stock(options)
    events = [e for e in register.events() if e.subject.partition(":")[2] == options.name]
    if not events:
        raise ProvisionError(f"{options.name}: is in no log of {options.directory}")
    tell(options, {"events": [e._asdict() for e in events]}, "\n".join(_told(e) for e in events))


def _merge(options: argparse.Namespace) -> int:
    register = _stock(options)
    if not (options.other / "inventory").is_dir():
        raise ProvisionError(f"{options.other}: no register here; run `inventory list` there first")
    _check_recorded(options.other)
    before = len(register.events())
    new, changed, twice = 0, [], []
    if not options.dry_run:
        new = register.merge(options.other / "inventory")
        twice = _take_authority(options)
        changed = export(options.directory, register)
        if (options.directory / "broker").is_dir():
            write_rights(options.directory)
        _copy_photos(options)
    found = _conflicts(register)
    document = {
        "events": {"before": before, "new": new},
        "changed": changed,
        "issued_twice": twice,
        "conflicts": _shown(found),
        "logs": [log._asdict() for log in register.logs()],
    }
    lines = [f"{new} new events; inventory.toml: {' '.join(changed) or 'as it was'}"]
    lines += [f"{log.origin}: {log.length} lines, whole, {log.head[:16]}" for log in register.logs()]
    lines += [f"{name}: was issued by two: revoke it, and certify one anew" for name in twice]
    tell(options, document, "\n".join([*lines, *_warnings(found)]))
    return 1 if found or twice else 0


def _settle(options: argparse.Namespace) -> None:
    """What counts now is said once more, by one who has seen both."""
    register = _stock(options)
    contested = [c for c in register.standing().conflicts if c.subject.partition(":")[2] == options.name]
    for subject in sorted({c.subject for c in contested}):
        fields = {c.field: c.values[0] for c in contested if c.subject == subject}
        if not options.dry_run:
            register.record(subject, "settled", options.by, fields)
    tell(options, {"settled": _shown(contested)}, f"{options.name}: {len(contested)} conflicts settled")


def _export(options: argparse.Namespace) -> int:
    register = _stock(options)
    subjects = register.standing().subjects
    things = [(s.partition(":")[2], f) for s, f in subjects.items() if s.startswith("thing:") and f.get("center")]
    document: dict[str, Any] = {"changed": [] if options.dry_run else export(options.directory, register)}
    lines = [f"inventory.toml: {' '.join(document['changed']) or 'as it was'}"]
    failed = False
    if options.to:
        token = read_token(options.token_file) if options.token_file else ""
        if not options.dry_run:
            done = enlist(options.to, token, things)
            document |= done._asdict()
            lines.append(f"{options.to}: {len(done.created)} created, {len(done.there_already)} there already")
            lines += [f"{name}: {why}" for name, why in done.refused.items()]
            failed = bool(done.refused)
    tell(options, document, "\n".join(lines))
    return 1 if failed else 0


def _stock(options: argparse.Namespace) -> Register:
    """The register; what the directory says beyond it is recorded first, unless nothing may change."""
    return Register(options.directory) if options.dry_run else take_stock(options.directory, options.by)


def _check_recorded(other: Path) -> None:
    """What another laptop has not put into its log would be lost."""
    if not os.access(other, os.W_OK) and not (other / "inventory.db").exists():
        return  # a stick with the logs alone: there is nothing to compare
    if (other / "inventory.toml").exists() and differences(other, Register(other).standing().subjects):
        raise ProvisionError(f"{other}: has changes that are in no log; run `inventory list` there first")


def _take_authority(options: argparse.Namespace) -> list[str]:
    try:
        other = Authority(options.other)
        own = Authority(options.directory)
    except ProvisionError:
        return []  # one of the two only keeps an inventory
    return own.take(other)


def _copy_photos(options: argparse.Namespace) -> None:
    for photo in sorted((options.other / "photos").glob("*")):
        content = photo.read_bytes()
        if photo.stem != hashlib.sha256(content).hexdigest():
            raise ProvisionError(f"{photo}: is another picture than its record says; the rest was taken over")
        replace_file(options.directory / "photos" / photo.name, content)


def _conflicts(register: Register) -> list[Conflict]:
    stands = register.standing()
    return [*stands.conflicts, *shared_places(stands.subjects)]


def _shown(conflicts: list[Conflict]) -> list[dict[str, Any]]:
    return [conflict._asdict() for conflict in conflicts]


def _warnings(conflicts: list[Conflict]) -> list[str]:
    return [f"conflict: {c.subject} {c.field}: {' | '.join(str(value) for value in c.values)}" for c in conflicts]


def _line(fields: dict[str, Any]) -> str:
    certificate = fields.get("certificate", {})
    parts = [
        str(fields.get("status", "")),
        f"for {' '.join(fields['things'])}" if fields.get("things") else "",
        f"release {fields['release']}" if fields.get("release") else "",
        "revoked" if certificate.get("revoked") else f"until {certificate['expires']}" if certificate else "",
        f"at {fields['location']}" if fields.get("location") else "",
    ]
    return ", ".join(part for part in parts if part)


def _told(event: Event) -> str:
    at = dt.datetime.fromtimestamp(event.at / 1000, dt.UTC).isoformat(timespec="seconds")
    return f"{at} {event.subject} {event.kind} by {event.by} ({event.origin} {event.number}): {event.fields}"


_ACTIONS = {
    "list": (_list, "every board and thing as it stands, and what is contested"),
    "show": (_show, "all that is known of one"),
    "history": (_history, "who did what with it, and when"),
    "merge": (_merge, "take over another laptop's log, certificates and photos"),
    "settle": (_settle, "say that what counts now of a contested one is right"),
    "export": (_export, "write inventory.toml for the collector, or tell a running one"),
}
