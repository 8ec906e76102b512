"""How is what a city said kept, and said again? MQTT messages as lines of JSON, heard by the city's own reader.

``python -m hil_tests.records listen CITY FILE`` keeps what publishers say until it is interrupted, of a virtual city or
of a real one in whose directory it stands; ``say CITY FILE`` says it again there, each message as its own publisher.
What the collector says (receipts, commands) is not kept: another collector says its own.
"""

import argparse
import json
import queue
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from firmware import contract
from hil_tests.instruments.client import Client, connected
from hil_tests.instruments.fast_time import REAL
from provisioning.inventory import Inventory

READER = "reader"
CHANNELS = ("reading", "state", "result")
_LOOK = 0.2  # s


class Said(NamedTuple):
    """One message; ``at`` in ms UTC when it was heard."""

    at: int
    topic: str
    payload: str


@contextmanager
def listening(city: Path, file: Path) -> Iterator[None]:
    """Until the block ends, everything that publishers say is added to ``file``."""
    name = Inventory(city / "inventory.toml").city
    with connected(city, READER) as (client,):
        for channel in CHANNELS:
            if (granted := client.subscribe(contract.topic(name, "+", channel))) >= 0x80:
                raise ConnectionRefusedError(f"the broker refuses the reader {channel}: code {granted}")
        ends = threading.Event()
        thread = threading.Thread(target=_keep, args=(client, file, ends), name="listening")
        thread.start()
        try:
            yield
        finally:
            ends.set()
            thread.join()


def _keep(client: Client, file: Path, ends: threading.Event) -> None:
    """Until it is told to end and nothing has come for a moment."""
    with file.open("a", encoding="utf-8") as lines:
        while True:
            try:
                topic, payload = client.received.get(timeout=_LOOK)
            except queue.Empty:
                if ends.is_set():
                    return
                continue
            said = Said(REAL.now_ms(), topic, payload.decode("utf-8", "replace"))
            lines.write(json.dumps(said._asdict(), ensure_ascii=False) + "\n")


def read(file: Path) -> list[Said]:
    """In the order in which it was heard; raises ValueError naming the line that is none."""
    found = []
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        try:
            found.append(Said(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{file}, line {number}: {error}") from None
    return found


def say(city: Path, several: Sequence[Said]) -> int:
    """Say it again, each publisher by its own certificate, as fast as the broker takes it; return how many.

    Raises FileNotFoundError where this city has no certificate for a publisher.
    """
    speakers = {one.topic: contract.split_topic(one.topic)[1] for one in several}
    own = [one for one in several if speakers[one.topic] != "collector"]
    names = sorted({speakers[one.topic] for one in own})
    with connected(city, *names) as clients:
        by_name = dict(zip(names, clients, strict=True))
        for one in own:
            is_state = one.topic.endswith("/state")
            by_name[speakers[one.topic]].publish(one.topic, one.payload.encode(), retain=is_state)
    return len(own)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0, or 2 and one line."""
    parser = argparse.ArgumentParser(prog="records", description=__doc__)
    parser.add_argument("verb", choices=["listen", "say"])
    parser.add_argument("city", type=Path)
    parser.add_argument("file", type=Path)
    options = parser.parse_args(arguments)
    try:
        if options.verb == "say":
            print(f"{say(options.city, read(options.file))} messages said")
        else:
            with listening(options.city, options.file):
                threading.Event().wait()
    except KeyboardInterrupt:
        pass
    except (OSError, ValueError) as error:
        print(f"records: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
