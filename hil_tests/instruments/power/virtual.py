"""How does a virtual device lose its power? Its program is killed; what it had not written is gone."""

from collections.abc import Iterator
from contextlib import contextmanager

from hil_tests.cities.city import VirtualCity
from hil_tests.instruments.drivers import Place
from hil_tests.instruments.scenario import Strict


class Settings(Strict):
    pass


class Plug:
    def __init__(self, city: VirtualCity, device: str) -> None:
        self._city = city
        self._device = device
        self.is_on = True

    def off(self) -> None:
        if self.is_on:
            self._city.down(self._device)
            self.is_on = False

    def on(self) -> None:
        if not self.is_on:
            self._city.up(self._device)
            self.is_on = True


@contextmanager
def opened(_settings: Settings, place: Place) -> Iterator[Plug]:
    yield Plug(place.virtual_city, place.device)
