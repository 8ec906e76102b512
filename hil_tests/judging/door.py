"""How does a judge ask the collector? Over HTTP with a token of its own, as everyone else does."""

import subprocess
from pathlib import Path
from sys import executable
from typing import Any, NamedTuple

import httpx

NAME = "judge"


class Door(NamedTuple):
    url: str
    token: str = ""
    """Empty: as anyone."""

    def get(self, path: str, **parameters: Any) -> httpx.Response:
        """Whatever the status is; raises ConnectionError when nobody answers."""
        try:
            return httpx.get(f"{self.url}{path}", params=parameters, headers=self.headers, timeout=60)
        except httpx.TransportError as error:
            raise ConnectionError(f"{self.url}: {error}") from error

    def post(self, path: str, content: Any = None) -> httpx.Response:
        """With JSON, when there is content."""
        try:
            return httpx.post(f"{self.url}{path}", json=content, headers=self.headers, timeout=60)
        except httpx.TransportError as error:
            raise ConnectionError(f"{self.url}: {error}") from error

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"} if self.token else {}


def opened(url: str, config: Path, name: str = NAME, grant: str = "*:admin") -> Door:
    """A token from the running collector of this configuration; without more, one that may see everything."""
    verb = [executable, "-m", "collector", "token", "add", name, "--config", str(config)]
    more = ["--grant", grant, "--days", "1", "--purpose", "tests"]
    made = subprocess.run([*verb, *more], check=True, capture_output=True, text=True, timeout=180)
    return Door(url, made.stdout.strip())
