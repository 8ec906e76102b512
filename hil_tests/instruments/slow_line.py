"""A line to a server that takes its time: TCP is passed on as it comes, each piece of an answer ``delay`` s later."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from hil_tests.instruments.process import free_port


class SlowLine:
    """Listens on ``port`` of the loopback; ``delay`` may change while it runs."""

    def __init__(self, server: int) -> None:
        self.delay = 0.0
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", free_port()))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = [self._listener]
        self._run(self._accept)

    def close(self) -> None:
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server))
                self._open += [client, server]
                self._run(self._pass_on, client, server, False)
                self._run(self._pass_on, server, client, True)

    def _pass_on(self, source: socket.socket, target: socket.socket, is_slow: bool) -> None:
        with suppress(OSError):
            while octets := source.recv(1 << 16):
                if is_slow:
                    time.sleep(self.delay)
                target.sendall(octets)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    @staticmethod
    def _run(*call: object) -> None:
        target, *arguments = call
        threading.Thread(target=target, args=arguments, daemon=True).start()  # type: ignore[arg-type]


@contextmanager
def slow_line(server: int) -> Iterator[SlowLine]:
    """To the server at this port of the loopback."""
    line = SlowLine(server)
    try:
        yield line
    finally:
        line.close()
