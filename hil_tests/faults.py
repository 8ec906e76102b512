"""What can befall a city, and how does each end? Every fault is a context manager that undoes what it did.

It takes the city and the publisher it is meant for; one that befalls the whole city takes no notice of that.
"""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from hil_tests.city import VirtualCity

Fault = Callable[[VirtualCity, str], AbstractContextManager[None]]


@contextmanager
def killed(city: VirtualCity, name: str) -> Iterator[None]:
    """``kill -9``: nothing is flushed, nobody is told. At the end it is started again."""
    city.down(name)
    try:
        yield
    finally:
        city.up(name)


@contextmanager
def frozen(city: VirtualCity, name: str) -> Iterator[None]:
    """It stands still with all its connections open."""
    group = city.programs[name].pid
    os.killpg(group, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(group, signal.SIGCONT)


def broker_killed(city: VirtualCity, _publisher: str) -> AbstractContextManager[None]:
    return killed(city, "broker")


def broker_frozen(city: VirtualCity, _publisher: str) -> AbstractContextManager[None]:
    return frozen(city, "broker")


def collector_killed(city: VirtualCity, _publisher: str) -> AbstractContextManager[None]:
    return killed(city, "collector")


def collector_frozen(city: VirtualCity, _publisher: str) -> AbstractContextManager[None]:
    return frozen(city, "collector")


def power_cut(city: VirtualCity, publisher: str) -> AbstractContextManager[None]:
    """Of the device: its reading that was being taken may be gone, and no other."""
    return killed(city, publisher)


def network_cut(city: VirtualCity, _publisher: str) -> AbstractContextManager[None]:
    return city.network.cut()


def network_closed(city: VirtualCity, _publisher: str) -> AbstractContextManager[None]:
    return city.network.closed()


def network_slow(city: VirtualCity, _publisher: str) -> AbstractContextManager[None]:
    return city.network.slow(0.4, 8_000)


FAULTS: Mapping[str, Fault] = {
    "broker killed": broker_killed,
    "broker frozen": broker_frozen,
    "collector killed": collector_killed,
    "collector frozen": collector_frozen,
    "power cut": power_cut,
    "network cut": network_cut,
    "network closed": network_closed,
    "network slow": network_slow,
}
