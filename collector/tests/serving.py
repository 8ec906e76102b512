"""A real server for a test: uvicorn on the loopback, in a thread of the test's own process."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from collector.access.asker import Asker
from collector.city import City
from collector.tests.asking import SUPERVISOR, client_of


@contextmanager
def serving(city: City, asker: Asker = SUPERVISOR) -> Iterator[str]:
    """The address of the city as ``asker`` sees it."""
    config = uvicorn.Config(client_of(city, asker).app, port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
