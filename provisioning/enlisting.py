"""How does a collector learn of things over the network? Each is told to its SensorThings interface (18-088, 10.2)."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from provisioning import ProvisionError

_SECONDS = 20.0


class Enlisted(NamedTuple):
    """Ids by what became of them; ``refused`` says why."""

    created: list[str]
    there_already: list[str]
    refused: dict[str, str]


def read_token(file: Path) -> str:
    try:
        token = file.read_text().strip()
    except OSError as error:
        raise ProvisionError(f"{file}: {error.strerror}") from None
    if not token:
        raise ProvisionError(f"{file}: is empty; expected a token of the collector")
    return token


def thing_body(identifier: str, fields: dict[str, Any]) -> dict[str, Any]:
    """A Thing as it is created by POST, with its Location inside."""
    names = fields.get("names") or dict.fromkeys(("sl", "it", "en"), identifier)
    properties = {"id": identifier, "center": fields["center"], "names": names}
    body: dict[str, Any] = {"name": names["en"], "description": names["sl"], "properties": properties}
    if fields.get("location"):
        body["Locations"] = [
            {
                "name": names["en"],
                "description": names["sl"],
                "encodingType": "application/geo+json",
                "location": {"type": "Point", "coordinates": fields["location"]},
            }
        ]
    return body


def enlist(url: str, token: str, things: Iterable[tuple[str, dict[str, Any]]]) -> Enlisted:
    """POST every thing; one that is there already is left as it is, and one that is refused stops no other."""
    done = Enlisted([], [], {})
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with httpx.Client(base_url=url, headers=headers, timeout=_SECONDS) as client:
            for identifier, fields in things:
                answer = client.post("/v1.1/Things", json=thing_body(identifier, fields))
                if answer.status_code == httpx.codes.CREATED:
                    done.created.append(identifier)
                elif answer.status_code == httpx.codes.CONFLICT:
                    done.there_already.append(identifier)
                elif answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
                    raise ProvisionError(f"{url}: the token may not add things: {_said(answer)}")
                else:
                    done.refused[identifier] = _said(answer)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ProvisionError(f"{url}: {error or type(error).__name__}; what was told so far stands there") from None
    return done


def _said(answer: httpx.Response) -> str:
    try:
        message = answer.json()["message"]
    except (ValueError, KeyError, TypeError):
        message = answer.text[:200]
    return f"{answer.status_code} {message}"
