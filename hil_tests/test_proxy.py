"""The stretch of network fails as it is told, and never by itself."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from hil_tests.instruments.process import free_ports
from hil_tests.instruments.proxy import Proxy


class Echo:
    """Says everything back."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._echo, args=(connection,), daemon=True).start()

    def _echo(self, connection: socket.socket) -> None:
        with connection:
            try:
                while piece := connection.recv(4096):
                    connection.sendall(piece)
            except OSError:
                return

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    front, back = free_ports(2)
    echo = Echo(back)
    proxy = Proxy(front, back)
    proxy.start()
    yield proxy
    proxy.stop()
    echo.close()


def connected(proxy: Proxy) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", proxy.port), 5)
    made.settimeout(5)
    return made


def said_back(connection: socket.socket, text: bytes) -> bytes:
    connection.sendall(text)
    heard = b""
    while len(heard) < len(text):
        piece = connection.recv(4096)
        if not piece:
            break
        heard += piece
    return heard


def ends_at_once(proxy: Proxy) -> bool:
    try:
        with connected(proxy) as one:
            return one.recv(10) == b""
    except ConnectionError:
        return True


def test_what_goes_through_is_not_changed(proxy: Proxy) -> None:
    with connected(proxy) as one, connected(proxy) as other:
        long = bytes(range(256)) * 1000
        threading.Thread(target=one.sendall, args=(long,)).start()
        heard = b""
        while len(heard) < len(long):
            heard += one.recv(65536)
        assert heard == long
        assert said_back(other, b"hello") == b"hello"


def test_while_it_is_cut_nothing_passes_and_afterwards_everything_does(proxy: Proxy) -> None:
    with connected(proxy) as one:
        assert said_back(one, b"before") == b"before"
        with proxy.cut():
            one.sendall(b"meanwhile")
            one.settimeout(0.3)
            with pytest.raises(TimeoutError):
                one.recv(10)
        one.settimeout(5)
        assert one.recv(20) == b"meanwhile"


def test_while_it_is_closed_connections_are_reset_and_refused(proxy: Proxy) -> None:
    with connected(proxy) as one:
        assert said_back(one, b"before") == b"before"
        with proxy.closed():
            with pytest.raises(ConnectionError):
                said_back(one, b"x" * 10_000)
            assert ends_at_once(proxy)
    with connected(proxy) as again:
        assert said_back(again, b"after") == b"after"


def test_slow_is_slow_both_ways_and_ends(proxy: Proxy) -> None:
    with connected(proxy) as one:
        began = time.monotonic()
        with proxy.slow(0.1, 1e6):
            assert said_back(one, b"slow") == b"slow"
        assert time.monotonic() - began >= 0.2
        assert said_back(one, b"fast") == b"fast"


def test_nobody_behind_it_is_a_reset() -> None:
    lonely = Proxy(*free_ports(4)[2:])
    lonely.start()
    try:
        assert ends_at_once(lonely)
        assert lonely.connections == 0
    finally:
        lonely.stop()


def test_of_a_deaf_network_the_question_arrives_and_the_answer_comes_when_it_hears_again(proxy: Proxy) -> None:
    with connected(proxy) as one:
        assert said_back(one, b"before") == b"before"
        with proxy.deaf():
            assert not proxy.is_well
            one.sendall(b"during")
            one.settimeout(0.3)
            with pytest.raises(TimeoutError):
                one.recv(100)
        one.settimeout(5)
        assert one.recv(100) == b"during"
        assert proxy.is_well


def test_of_a_corrupt_network_one_bit_of_a_piece_is_wrong(proxy: Proxy) -> None:
    sent = bytes(64)
    with connected(proxy) as one:
        with proxy.corrupt(1.0):
            heard = b"".join(said_back(one, sent) for _ in range(4))
        # Of each, one there and one back; perhaps the same one, but not four times.
        assert 1 <= sum(octet.bit_count() for octet in heard) <= 8
        assert said_back(one, b"after") == b"after"
