"""``make demo``: a small city on real parts, with the address of its page; with --seconds, a judge of itself."""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from hil_tests.cities.city import Plan, VirtualCity
from hil_tests.cities.koper import NODES
from hil_tests.instruments.fast_time import REAL
from hil_tests.instruments.process import BenchError, find
from hil_tests.judging import verdict
from provisioning import ProvisionError
from provisioning.quickstart import Ports

DRAIN = 60.0  # s for the last readings to arrive


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 all agreed (or stopped by Ctrl-C), 1 not all agreed, 2 something in the way, said in one line."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # a city is left behind by none
    directory = Path(tempfile.mkdtemp(prefix="senzorika-demo-"))
    plan = Plan(
        directory,
        Ports(options.mqtt_port, options.http_port),
        options.broker,
        options.store,
        nodes=NODES if _has_micropython() else (),
    )
    city = VirtualCity(plan)
    try:
        city.start()
        return _watch(city, options.seconds)
    except KeyboardInterrupt:
        print("\nstopping")
        return 0
    except (BenchError, ProvisionError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    finally:
        city.stop()
        if not options.keep:
            shutil.rmtree(directory, ignore_errors=True)


def _watch(city: VirtualCity, seconds: float | None) -> int:
    print(f"Senzorika, virtual Koper: {city.url}/#token={city.door.token}")
    print("Who opens it without the token sees what is open: parking, and no meter.")
    print(
        f"{len(city.devices)} publishers, {len(city.publishers)} things; broker {city.plan.broker}, "
        f"store {city.plan.store}; data and logs in {city.plan.directory}"
    )
    print("Ctrl-C stops it." if seconds is None else f"Running for {seconds:.0f} s.", flush=True)
    end = None if seconds is None else time.monotonic() + seconds
    while end is None or time.monotonic() < end:
        time.sleep(0.5)
        for name in city.supervise():
            print(f"{name} had ended and was started again:\n{city.programs[name].last_lines(5)}", file=sys.stderr)
    until = REAL.now_ms()
    accounts = verdict.wait_for_agreement(
        city.door, city.truth, city.publishers, city.events, until=until, seconds=DRAIN
    )
    print(verdict.table(accounts))
    agreed = set(accounts) == set(city.devices) and all(one.agrees for one in accounts.values())
    print("Every value that a sensor gave is stored once." if agreed else "NOT every value is stored as it was given.")
    return 0 if agreed else 1


def _has_micropython() -> bool:
    try:
        find("micropython")
    except BenchError as error:
        print(f"{error}\nSo there are no nodes here: the gateway runs alone.", file=sys.stderr)
        return False
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--seconds", type=float, help="run so long, compare truth and API, print the table, end")
    parser.add_argument("--broker", choices=("nats", "mosquitto"), default="nats")
    parser.add_argument("--store", choices=("duckdb", "influx", "memory"), default="duckdb")
    parser.add_argument("--mqtt-port", type=int, default=8883)
    parser.add_argument("--http-port", type=int, default=8080)
    parser.add_argument("--keep", action="store_true", help="keep data and logs")
    return parser


if __name__ == "__main__":
    sys.exit(main())
