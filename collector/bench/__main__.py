"""Print the measured comparisons as a table: ``python -m collector.bench [--messages N] [--mqtt-port PORT]``."""

import argparse
import asyncio
import sys

from collector.bench import decoding, receiving
from collector.receive import expect_batches

if sys.platform == "win32":  # as in the collector itself
    from asyncio import new_event_loop
else:
    from uvloop import new_event_loop


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m collector.bench", description=__doc__)
    parser.add_argument("--messages", type=int, default=30_000, help="per round, six rounds (default: %(default)s)")
    parser.add_argument("--mqtt-port", type=int, default=18_883, help="a free port (default: %(default)s)")
    options = parser.parse_args()
    expect_batches()
    times = decoding.measure()
    print("one message of 3 values                     µs  beside json.loads")
    print(f"json.loads, nothing checked              {times.json:5.2f}  1.00")
    print(f"decoded and checked (collector.decode)   {times.fast:5.2f}  {times.fast / times.json:.2f}")
    print(
        f"decoded and checked (firmware.contract)  {times.contract:5.2f}  {times.contract / times.json:.2f}", flush=True
    )
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        rates = runner.run(receiving.measure(options.messages, options.mqtt_port))
    print()
    print("publish → acknowledged, nats-server, mTLS, QoS 1      messages/s  beside nothing")
    print(f"a subscriber that does nothing                        {rates.nothing:10,.0f}  1.00")
    ratio = rates.committed / rates.nothing
    print(f"the collector: checked, in DuckDB, acknowledged after {rates.committed:10,.0f}  {ratio:.2f}")


if __name__ == "__main__":
    main()
