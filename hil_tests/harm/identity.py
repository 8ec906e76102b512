"""What happens to a city when certificates are not right any more, and how is each mended?"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hil_tests.cities.city import CITY, GATEWAY, VirtualCity
from hil_tests.harm.targets import Target, publishers
from hil_tests.instruments import certificates
from provisioning.authority import Authority
from provisioning.broker import reload
from provisioning.broker import write as write_rights

_ON_A_NODE = {".der": "cert.der", ".key.der": "key.der"}


@contextmanager
def expired(city: VirtualCity, targets: Sequence[Target]) -> Iterator[None]:
    """Of the devices: each is started with one that ended yesterday, and at the end with its own again."""
    folder = city.plan.directory / "certificates"
    with ExitStack() as undo:
        for name in publishers(targets):
            undo.callback(_restart, city, name)
            undo.enter_context(_put_back(folder, f"{name}.*"))
            certificates.replace(city.plan.directory, name, certificates.of_city(city.plan.directory), days=(-30, -1))
            _restart(city, name)
        yield


@contextmanager
def _put_back(folder: Path, pattern: str) -> Iterator[None]:
    before = {file: file.read_bytes() for file in folder.rglob(pattern) if file.is_file()}
    try:
        yield
    finally:
        for file, octets in before.items():
            file.write_bytes(octets)
        for file in folder.rglob(pattern):
            if file.is_file() and file not in before:
                file.unlink()


@contextmanager
def revoked(city: VirtualCity, targets: Sequence[Target]) -> Iterator[None]:
    """Of the devices: the broker silences them.

    A revoked name stays closed in the field; here the authority's records are put back, so that the same device is let
    in again with what it has.
    """
    with ExitStack() as undo:
        undo.callback(_tell_the_broker, city)
        undo.enter_context(_put_back(city.plan.directory / "ca", "*"))
        for name in publishers(targets):
            Authority(city.plan.directory).revoke(name)
        _tell_the_broker(city)
        yield


@contextmanager
def rights_lost(city: VirtualCity, targets: Sequence[Target]) -> Iterator[None]:
    """Of the devices: somebody spoiled the broker's file.

    Both brokers acknowledge what they deny, and drop it; mosquitto 2.0.11 hangs up after that.
    """
    folder = city.plan.directory / "broker"
    with ExitStack() as undo:
        undo.callback(reload, city.plan.directory)
        undo.enter_context(_put_back(folder, "nats.conf"))
        undo.enter_context(_put_back(folder, "mosquitto.acl"))
        for file, mark in (("nats.conf", "."), ("mosquitto.acl", "/")):
            text = (folder / file).read_text()
            for name in publishers(targets):
                text = text.replace(f"{CITY}{mark}v1{mark}{name}{mark}reading", f"{CITY}{mark}v1{mark}{name}{mark}lost")
            (folder / file).write_text(text)
        reload(city.plan.directory)
        yield


def _tell_the_broker(city: VirtualCity) -> None:
    write_rights(city.plan.directory, CITY, city.plan.ports.mqtt)
    reload(city.plan.directory)


def _restart(city: VirtualCity, name: str) -> None:
    """With the certificate that stands in the city's folder now."""
    city.down(name)
    if name != GATEWAY:
        for suffix, own in _ON_A_NODE.items():
            shutil.copyfile(city.plan.directory / "certificates" / f"{name}{suffix}", city.plan.directory / name / own)
    city.up(name)
