"""``gateway``: enrol a Raspberry Pi, give it a version or a configuration, and get the old one back when it fails.

Exit status: 0 done; 1 the gateway went back to what it had, and says why; 2 something the person can mend.
"""

import argparse
import re
import shlex
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from rich.console import Console
from rich.markup import escape

from provisioning import ProvisionError, broker, gateway, gateway_files, signed_config
from provisioning.authority import Authority
from provisioning.gateway_files import CONFIG, Surroundings
from provisioning.inventory import Inventory
from provisioning.outcome import add_options, tell
from provisioning.rights import write_rights
from provisioning.target import Target, over_ssh
from provisioning.verbs import Parsers

_NUMBERED = re.compile(r"gateway-([0-9]+)\.toml")


def add_parser(parsers: Parsers) -> None:
    parser = parsers.add_parser("gateway", help="enrol a Raspberry Pi, update it, configure it", epilog=__doc__)
    steps = parser.add_subparsers(required=True, metavar="STEP")
    enrol = steps.add_parser("enrol", help="certificate, configuration, service and time, on a card or over SSH")
    enrol.add_argument(
        "--config", type=Path, required=True, metavar="FILE", help="the lines and meters of gateway.toml"
    )
    enrol.add_argument("--ntp", nargs="+", default=[], metavar="HOST", help="who tells the Pi the time")
    enrol.set_defaults(verb=_enrol)
    update = steps.add_parser("update", help="another version, from a folder of wheels")
    update.add_argument("--version", required=True)
    update.add_argument("--wheels", type=Path, required=True, metavar="DIR", help="of senzorika and all that it needs")
    update.set_defaults(verb=_update)
    configure = steps.add_parser("configure", help="a configuration that a center has signed")
    configure.add_argument("--signed", type=Path, required=True, metavar="FILE")
    configure.set_defaults(verb=_configure)
    sign = steps.add_parser("sign", help="sign a configuration, for `configure`")
    sign.add_argument("--config", type=Path, required=True, metavar="FILE", help="lines and meters of gateway.toml")
    sign.add_argument("--number", type=int, required=True, help="above that of the one before")
    sign.add_argument("--as", dest="by", required=True, metavar="NAME", help="the center that signs")
    sign.add_argument("--output", type=Path, required=True, metavar="FILE")
    sign.set_defaults(verb=_sign)
    for one in steps.choices.values():
        one.add_argument("directory", type=Path)
        one.add_argument("name")
        add_options(one)
    for one in (enrol, update, configure):
        place = one.add_mutually_exclusive_group(required=True)
        place.add_argument("--ssh", metavar="HOST", help="a Pi that runs")
        place.add_argument("--root", type=Path, metavar="DIR", help="a card that is mounted here, or a second root")
        one.add_argument("--shell", metavar="COMMAND", help="with --root: what runs its commands, if it is running")
        one.add_argument("--ssh-option", action="append", default=[], metavar="OPTION", help="as ssh -o takes it")
        one.add_argument("--sudo", action="store_true", help="over SSH: become root")
    for one in (update, configure):
        one.add_argument("--hold", type=int, default=30, metavar="S", help="so long it must be healthy (30)")
        one.add_argument("--patience", type=int, default=180, metavar="S", help="so long it may take (180)")
    for one in (enrol, configure):
        one.add_argument("--broker-host", default="127.0.0.1")
        one.add_argument("--broker-port", type=int, help="default: as in DIR/broker")
        one.add_argument("--server-name", default="localhost", help="that the broker's certificate proves")
        one.add_argument("--time-host", default="", metavar="ADDRESS", help="of the Pi, where nodes ask for the time")
    for one in (enrol, update, configure):
        one.add_argument("--http-port", type=int, default=8081, help="of its health page; 0: it has none")


def _enrol(options: argparse.Namespace) -> None:
    target, around = _target(options), _around(options)
    lines = _text(options.config)
    content = _composed(options, lines)
    is_new = _issued(options, gateway_files.things(gateway_files.parsed(lines)))
    wanted = [gateway.configuration(content, 0), *gateway_files.of_system(around)]
    if not (is_new and options.dry_run):  # what would be issued can't be looked at
        wanted = [*gateway.certificates(options.directory, options.name), *wanted]
    changed = gateway.put(target, wanted, _progress, dry=options.dry_run)
    if not options.dry_run:
        gateway.enable(target)
    what = "would be written" if options.dry_run else "written"
    told: dict[str, Any] = {"gateway": options.name, "changed": changed, "is_running": target.is_running}
    tell(options, told, escape(f"{options.name}: {len(changed)} of {len(wanted)} files {what}"))


def _update(options: argparse.Namespace) -> int:
    target = _running(options)
    if options.dry_run:
        runs = gateway.current(target, gateway.APPLICATION)
        tell(options, {"gateway": options.name, "runs": runs, "reason": ""}, escape(f"{options.name}: runs {runs}"))
        return 0
    folder = gateway.install(target, options.version, options.wheels)
    before = gateway.current(target, gateway.APPLICATION)
    gateway.check(target, folder, "gateway.toml")
    outcome = gateway.switch(target, gateway.APPLICATION, folder, _judging(options), _progress)
    if outcome.is_new and before != folder:
        gateway.tidy(target, {folder, before})
    return _judged(options, outcome)


def _configure(options: argparse.Namespace) -> int:
    target = _running(options)
    centers = [one.name for one in Authority(options.directory).issued() if one.role == "center" and not one.revoked]
    config = signed_config.load(options.signed, options.directory, centers)
    if config.publisher != options.name:
        raise ProvisionError(f"{options.signed}: is for {config.publisher}, not for {options.name}")
    runs = gateway.current(target, CONFIG)
    found = _NUMBERED.fullmatch(runs)
    newest = int(found[1]) if found else 0
    if config.number < newest:
        raise ProvisionError(f"{options.signed}: number {config.number} is not above {newest}")
    file = gateway.configuration(_composed(options, config.lines), config.number)
    name = Path(file.path).name
    is_other = target.put(file.path, file.content, file.mode, dry=True)
    if config.number == newest and is_other:
        raise ProvisionError(f"{options.signed}: number {newest} runs, and says something else; sign it with another")
    if not options.dry_run and config.number != newest:
        gateway.put(target, [file], _progress, dry=False)
        target.run(file.path, f'chown --reference="$ROOT{gateway_files.HOME}" "$ROOT{file.path}"')
        gateway.check(target, gateway.current(target, gateway.APPLICATION), name)
        return _judged(options, gateway.switch(target, CONFIG, name, _judging(options), _progress))
    return _judged(options, gateway.Outcome(True, runs))


def _sign(options: argparse.Namespace) -> None:
    path = options.directory / "certificates" / f"{options.by}.key"
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise ProvisionError(f"{path}: {error}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ProvisionError(f"{path}: expected an EC P-256 key")
    config = signed_config.SignedConfig(options.number, options.name, _text(options.config), options.by)
    octets = signed_config.sign(config, key)
    if not options.dry_run:
        options.output.write_bytes(octets)
    said = f"{options.output}: number {options.number} for {options.name}, signed by {options.by}"
    tell(options, {"gateway": options.name, "number": options.number, "by": options.by}, escape(said))


def _issued(options: argparse.Namespace, things: list[str]) -> bool:
    """Make its certificate and rights, if it has none; whether that was, or would be, needed."""
    if (options.directory / "certificates" / f"{options.name}.pem").is_file():
        return False
    inventory = Inventory(options.directory / "inventory.toml")
    if unknown := [thing for thing in things if thing not in inventory.ids("thing")]:
        raise ProvisionError(f"{options.config}: unknown thing {' '.join(unknown)}: add it to inventory.toml")
    if not options.dry_run:
        Authority(options.directory).issue(options.name, "gateway")
        if options.name not in inventory.ids("publisher"):
            inventory.add_publisher(options.name, "gateway", things)
        write_rights(options.directory)
    return True


def _composed(options: argparse.Namespace, lines: str) -> bytes:
    knows_collector = (options.directory / "certificates" / "collector.pem").is_file()
    return gateway_files.compose(lines, _around(options), knows_collector=knows_collector)


def _around(options: argparse.Namespace) -> Surroundings:
    return Surroundings(
        city=Inventory(options.directory / "inventory.toml").city,
        publisher=options.name,
        broker_host=options.broker_host,
        broker_port=options.broker_port or broker.port_of(options.directory),
        server_name=options.server_name,
        http_port=options.http_port,
        time_host=options.time_host,
        ntp=tuple(getattr(options, "ntp", ())),
    )


def _target(options: argparse.Namespace) -> Target:
    if options.ssh:
        words = tuple(word for option in options.ssh_option for word in ("-o", option))
        return over_ssh(options.ssh, words, sudo=options.sudo)
    if not options.root.is_dir():
        raise ProvisionError(f"--root {options.root}: no such directory")
    command = tuple(shlex.split(options.shell)) if options.shell else ("sh", "-c")
    return Target(command, str(options.root.resolve()), is_running=bool(options.shell))


def _running(options: argparse.Namespace) -> Target:
    target = _target(options)
    if not target.is_running:
        raise ProvisionError("--root: a card runs nothing that could be judged; start the Pi and use --ssh")
    return target


def _judging(options: argparse.Namespace) -> gateway.Judging:
    if not 0 < options.hold < options.patience:
        raise ProvisionError(f"--hold {options.hold}: expected more than 0 and less than --patience")
    url = f"http://127.0.0.1:{options.http_port}/health" if options.http_port else ""
    return gateway.Judging(options.hold, options.patience, url)


def _judged(options: argparse.Namespace, outcome: gateway.Outcome) -> int:
    told = {"gateway": options.name, "runs": outcome.runs, "is_new": outcome.is_new, "reason": outcome.reason}
    said = f"{options.name}: runs {outcome.runs}" + ("" if outcome.is_new else f", went back: {outcome.reason}")
    tell(options, told, escape(said))
    return 0 if outcome.is_new else 1


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProvisionError(f"{path}: {error}") from None


def _progress(what: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(escape(what))
