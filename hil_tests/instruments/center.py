"""A center of the city: it signs what it asks for, and publishes it with its own certificate."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from firmware import orders
from hil_tests.instruments.client import Client, connected
from provisioning import release


def trusted(node: Path, **keys: ec.EllipticCurvePrivateKey) -> None:
    """Lay the public keys where a node looks for them."""
    folder = node / "keys"
    folder.mkdir(parents=True, exist_ok=True)
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    for name, key in keys.items():
        octets = key.public_key().public_bytes(serialization.Encoding.DER, spki)
        (folder / f"{name.replace('_', '-')}.der").write_bytes(octets)


class Center:
    """Connected as ``name``; signs with ``key``."""

    def __init__(self, client: Client, name: str, key: ec.EllipticCurvePrivateKey) -> None:
        self._client = client
        self._name = name
        self._key = key

    def signed(self, message: Mapping[str, Any]) -> dict[str, Any]:
        return release.signed(message, self._key, self._name)

    def configure(self, publisher: str, number: int, settings: Mapping[str, Any]) -> None:
        self.publish_config(publisher, self.signed({"number": number, "settings": settings}))

    def publish_config(self, publisher: str, message: Mapping[str, Any]) -> None:
        """As it is, retained."""
        self._client.publish(f"koper/v1/{publisher}/config", orders.encode_config(dict(message)), retain=True)

    def command(self, publisher: str, identifier: str, name: str, arguments: Mapping[str, Any], now_ms: int) -> None:
        """A command to the publisher itself; it expires after ten minutes of its clock."""
        expires = now_ms + 600_000
        message = {"id": identifier, "thing": publisher, "name": name, "arguments": arguments, "expires": expires}
        self._client.publish(f"koper/v1/{publisher}/command", orders.encode_command(self.signed(message)))


@contextmanager
def center(directory: Path, name: str, key: ec.EllipticCurvePrivateKey) -> Iterator[Center]:
    """A center that the city of ``directory`` has issued a certificate for."""
    with connected(directory, name) as (client,):
        yield Center(client, name, key)
