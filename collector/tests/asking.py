"""Who asks in a test: somebody who may do everything, unless the test is about rights."""

from fastapi import Request
from fastapi.testclient import TestClient

from collector.access.asker import EVERY, Asker, Grant
from collector.api.app import Rules, create_app
from collector.city import City

SUPERVISOR = Asker("supervisor", frozenset((Grant(EVERY, "admin"),)), "test")


def client_of(city: City, asker: Asker = SUPERVISOR) -> TestClient:
    """HTTP as ``asker``, without a token; enter it (``with``) where background work of the application is needed."""

    async def identify(_request: Request) -> Asker:
        return asker

    return TestClient(create_app(city, Rules(identify)))
