"""Start the collector of one city: broker, store, ingest and HTTP, in one process. ``senzorika-collector``."""

import argparse
import asyncio
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Coroutine, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext
from pathlib import Path

import uvicorn
from sqlalchemy.exc import DBAPIError

from collector.access.audit import FILE as AUDIT
from collector.access.audit import check
from collector.access.identify import Identify
from collector.access.oidc import Issuer
from collector.access.openness import load_rules
from collector.access.rates import Rate, Rates
from collector.access.rights import Policy
from collector.api.app import HOSTS, Rules, create_app
from collector.api.protocol import MOST_CONNECTIONS, Bounded
from collector.city import City, open_city
from collector.clock import now
from collector.compiled import library
from collector.config import CollectorConfig, HttpConfig, load_config
from collector.entities.center import SHIPPED, load_centers
from collector.entities.inventory import ConfigError, Inventory
from collector.ingest import Ingest
from collector.messages.ordinary.reader import C_SOURCE
from collector.metadata import DEFAULT as METADATA
from collector.metadata import MetadataError
from collector.receive import Receiver, expecting_batches
from collector.running.broker import EmbeddedBroker, StartError, refuse_taken_port
from collector.running.control import Control, RefusedError, alone, ask
from collector.running.dispatch import Dispatch
from collector.running.first_steps import first_reading, first_token, page
from collector.running.fitting import Fitting
from collector.running.housekeeping import Housekeeping
from collector.running.registration import Registration, inventory_file
from collector.running.republish import Republishing
from collector.running.verbs import verbs
from collector.store import Keep, NotOfferedError, StoreError
from firmware.chain import ChainError

if sys.platform == "win32":  # uvloop does not run there; slower without it, otherwise the same
    from asyncio import new_event_loop
else:
    from uvloop import new_event_loop

log = logging.getLogger("collector")

HOME = Path("senzorika-data")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 stopped by signal, 2 something the person can mend, said in one line."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=options.log.upper())
    for name in ("alembic", "uvicorn"):  # what they say at start, a newcomer has no use for
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        if options.verb:
            print(_ask(options))
            return 0
        file = options.config or _quickstart(HOME)
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(_serve(load_config(file), file))
    except (ConfigError, StartError, RefusedError) as error:
        print(f"senzorika-collector: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="senzorika-collector", description=__doc__)
    where = f"collector.toml; without it everything is made in ./{HOME}"
    parser.add_argument("--config", type=Path, metavar="FILE", help=where)
    parser.add_argument("--log", choices=("debug", "info", "warning", "error"), default="info")
    parsers = parser.add_subparsers(dest="verb", metavar="VERB", help="without one the collector runs")

    verb = parsers.add_parser("release", help="try once more what is held in quarantine")
    verb.add_argument("--publisher", metavar="NAME", help="only what came from this one")

    verb = parsers.add_parser("backup", help="copy everything into a directory, while it runs")
    verb.add_argument("target", type=Path, metavar="DIR", help="new, or empty")

    verb = parsers.add_parser("token", help="who may ask over HTTP")
    token = verb.add_subparsers(dest="act", metavar="ACT", required=True)
    act = token.add_parser("add", help="print a new token, which is shown only now")
    act.add_argument("name", help="of the person or machine; never given again")
    examples = "*:admin, environment:analyst …"
    act.add_argument("--grant", action="append", metavar="CENTER:ROLE", required=True, help=examples)
    act.add_argument("--days", type=int, default=365, help="until it expires")
    act.add_argument("--purpose", default="", help="why its holder reads personal data; without one none is shown")
    act = token.add_parser("revoke", help="refuse a token from now on")
    act.add_argument("name")
    token.add_parser("list", help="all that were ever made, without their secrets")

    verb = parsers.add_parser("household", help="what is known of one household, and how it is forgotten")
    household = verb.add_subparsers(dest="act", metavar="ACT", required=True)
    for name, text in (
        ("export", "write all of it into a new directory"),
        ("erase", "erase what was measured up to now, and refuse it when it comes again"),
        ("pseudonyms", "print under which names its things leave the collector"),
    ):
        act = household.add_parser(name, help=text)
        act.add_argument("household", help="as inventory.toml names it")
        act.add_argument("--why", required=True, help="stands in the audit log")
        if name == "export":
            act.add_argument("target", type=Path, metavar="DIR")

    parsers.add_parser("audit", help="check the log of who read and did what, and print its head")

    for verb in [
        *parsers.choices.values(),
        *token.choices.values(),
        *household.choices.values(),
    ]:  # it may stand on either side of the verb
        verb.add_argument("--config", type=Path, metavar="FILE", default=argparse.SUPPRESS, help="of the one that runs")
    return parser


def _ask(options: argparse.Namespace) -> str:
    """What the running collector says; raises ConfigError or RefusedError."""
    data = load_config(options.config or HOME / "collector.toml").data
    if options.verb == "audit":
        return _audit(data / AUDIT)
    if options.verb == "token":
        more = {key: value for key in ("name", "purpose") if (value := getattr(options, key, None))}
        if options.act == "add":
            more |= {"grants": " ".join(options.grant), "days": str(options.days)}
        return ask(data, f"token {options.act}", **more)
    if options.verb == "household":
        more = {"household": options.household, "why": options.why}
        if options.act == "pseudonyms":
            return ask(data, "pseudonyms", **more)
        if options.act == "export":
            more["target"] = str(options.target.absolute())
        return ask(data, f"household {options.act}", **more)
    if options.verb == "backup":
        return ask(data, "backup", target=str(options.target.absolute()))
    return ask(data, "release", **({"publisher": options.publisher} if options.publisher else {}))


def _audit(file: Path) -> str:
    try:
        count, head = check(file)
    except (ChainError, OSError) as error:
        raise RefusedError(f"{file}: {error}") from None
    return f"{file}: {count} lines, nothing was changed; the head is {head}"


def _quickstart(home: Path) -> Path:
    """Make certificates, inventory and configuration once; raises StartError."""
    file = home / "collector.toml"
    if not file.exists():
        made = subprocess.run(
            [sys.executable, "-m", "provisioning", "quickstart", str(home)], check=False, capture_output=True, text=True
        )
        if made.returncode:
            lines = made.stderr.strip().splitlines() or [f"quickstart ended with code {made.returncode}"]
            raise StartError(lines[-1].removeprefix("senzorika-provision: "))
    return file


async def _serve(config: CollectorConfig, file: Path) -> None:
    """Until a signal; what was opened is closed in the opposite order, and no process is left."""
    access = config.access
    policy = Policy(
        load_centers(access.centers or SHIPPED), load_rules(access.openness), access.keys, access.pseudonyms
    )
    file_of_inventory = inventory_file(config.inventory, config.city, policy.centers.names)
    inventory = file_of_inventory.read()
    async with AsyncExitStack() as stack:
        stack.enter_context(alone(config.data))
        refuse_taken_port("http.port", config.http.host, config.http.port)
        broker = None
        if config.broker.kind != "external":
            broker = EmbeddedBroker(config.broker)
            stack.push_async_callback(broker.stop)
            await broker.start()
        city = await asyncio.to_thread(_open, config, inventory, policy)
        stack.callback(city.close)
        await asyncio.to_thread(library, C_SOURCE)  # the first time it is compiled
        ingest = Ingest(city)
        stack.enter_context(expecting_batches())
        released = await asyncio.to_thread(ingest.release, now())
        if released:
            log.info("%d observations left the quarantine: what held them is mended", len(released))
        print(page(config), flush=True)
        if not city.access.tokens.all:
            print(first_token(city.access), flush=True)
        receiver = Receiver(city, ingest, config.broker)
        registration = Registration(city, file_of_inventory, ingest, city.writer)
        fitting = [Fitting(city, config.meters)] if config.meters else []
        await _run_until_one_ends(
            receiver.run(),
            registration.run(),
            *(one.run() for one in fitting),
            Housekeeping(city).run(),
            Dispatch(city, city.commands, receiver.publish).run(),
            Republishing(city, receiver.send_copies).run(),
            Control(config.data, verbs(city, registration, config, file)).run(),
            _serve_http(city, ingest, config.http),
            _until_signal(receiver.connected, first_reading(config, inventory)),
            *([broker.run(city.health)] if broker else ()),
        )


def _open(config: CollectorConfig, inventory: Inventory, policy: Policy) -> City:
    try:
        city = open_city(inventory, config.data, config.store.url, config.metadata.url, config.broker.member, policy)
        if config.store.keep:
            city.store.limit([Keep(one.quantity, one.days, one.period) for one in config.store.keep])
    except MetadataError as error:
        raise ConfigError(f"metadata.url: {error}") from None
    except ValueError as error:
        raise ConfigError(f"store.url: {error}") from None
    except NotOfferedError as error:
        raise ConfigError(f"store.keep: {error}") from None
    except OSError as error:
        raise StartError(f"data: {error.filename or config.data}: {error.strerror}") from None
    except DBAPIError as error:
        where = f"data: {config.data}" if config.metadata.url == METADATA else "metadata.url"
        raise StartError(f"{where}: {' '.join(str(error.orig).split())}") from None
    except StoreError as error:
        raise StartError(f"store.url: {error}") from None
    return city


class _Server(uvicorn.Server):
    """The signals are the collector's, not the web server's."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]  # uvicorn's is a generator
        return nullcontext()


async def _serve_http(city: City, ingest: Ingest, http: HttpConfig) -> None:
    server = _Server(
        uvicorn.Config(
            create_app(city, _rules(city, http), ingest),
            host=http.host,
            port=http.port,
            ssl_certfile=http.certificate,
            ssl_keyfile=http.key,
            proxy_headers=http.behind_proxy,
            forwarded_allow_ips="*" if http.behind_proxy else None,
            server_header=False,
            http=Bounded,
            limit_concurrency=MOST_CONNECTIONS,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=2,  # s: an open event stream never ends by itself
        )
    )
    serving = asyncio.create_task(server.serve())
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise


def _rules(city: City, http: HttpConfig) -> Rules:
    issuer = Issuer(http.oidc, time.monotonic) if http.oidc else None
    known, unknown = (Rates(Rate(one.per_second, one.at_once), time.monotonic) for one in (http.known, http.anyone))
    return Rules(Identify(city.access.tokens, issuer), known, unknown, (*HOSTS, *http.names))


async def _until_signal(connected: asyncio.Event, welcome: str) -> None:
    """Say ``welcome`` as soon as a reading would be received."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    welcoming = asyncio.create_task(_say(connected, welcome))
    await stopped.wait()
    welcoming.cancel()


async def _say(connected: asyncio.Event, welcome: str) -> None:
    await connected.wait()
    print(welcome, flush=True)


async def _run_until_one_ends(*coroutines: Coroutine[None, None, None]) -> None:
    """Raise what ended it, when it was no signal."""
    tasks = [asyncio.create_task(one) for one in coroutines]
    done, running = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in running:
        task.cancel()
    await asyncio.wait(running, timeout=10)
    for task in done:
        task.result()


if __name__ == "__main__":
    sys.exit(main())
