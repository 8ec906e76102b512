"""Which route answers many requests of SensorThings at once? ``POST /v1.1/$batch``, in order, each as if alone."""

from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
from fastapi import APIRouter, Request, Response

from collector.api.answers import as_json
from collector.api.inner import Answer, ask
from collector.refusals import AskedWrongError
from collector.sensorthings.batch import Inner, filled, groups_of_several, read_batch, target_of

router = APIRouter()
MOST_ANSWERED = 32 << 20  # bytes of all answers of a batch


@router.post("/v1.1/$batch", summary="SensorThings: many requests in one")
async def batch(request: Request) -> Response:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return as_json(_refusal(415, "$batch: expected application/json")["body"], 415)
    requests = read_batch(await request.body())
    return as_json({"responses": await _Run(request, requests).all()})


class _Run:
    """Of one batch."""

    def __init__(self, request: Request, requests: list[Inner]) -> None:
        self._request = request
        self._requests = requests
        self._root = f"{str(request.base_url).rstrip('/')}/v1.1"
        self._groups = groups_of_several(requests)
        self._goes_on = "continue-on-error" in request.headers.get("prefer", "")
        self._created: dict[str, str] = {}
        self._failed: set[str] = set()
        self._left = MOST_ANSWERED

    async def all(self) -> list[dict[str, Any]]:
        """Without ``Prefer: continue-on-error`` nothing is done behind the first error (OData 4.01, 11.7.2)."""
        answers = []
        for one in self._requests:
            answer = {"id": one.id, **await self._one(one)}
            if answer["status"] >= 400:
                self._failed.add(one.id)
            answers.append(answer)
        return answers

    async def _one(self, one: Inner) -> dict[str, Any]:
        if (self._failed and not self._goes_on) or self._failed & set(one.depends_on):
            return _refusal(424, "not done: a request before it failed")
        if one.atomicity_group in self._groups:
            return _refusal(501, f"atomicityGroup {one.atomicity_group}: several changes are not made as one here")
        if self._left < 0:
            return _refusal(413, f"not done: the answers before it are over {MOST_ANSWERED} bytes")
        try:
            path, query = target_of(one.url, self._root, self._created)
            body = b"" if one.body is msgspec.UNSET else msgspec.json.encode(filled(one.body, self._created))
        except AskedWrongError as error:
            return _refusal(400, str(error))
        headers = {"content-type": "application/json"} if body else {}
        headers |= {name.lower(): value for name, value in one.headers.items()}
        target = quote(f"{urlsplit(self._root).path}/{path}", safe=_SAFE), quote(query, safe=_SAFE_QUERY)
        return self._told(one, await ask(self._request, one.method.upper(), target, headers, body))

    def _told(self, one: Inner, answer: Answer) -> dict[str, Any]:
        self._left -= len(answer.body)
        told: dict[str, Any] = {"status": answer.status}
        if location := answer.headers.get("location"):
            told["location"] = location
            if answer.status == 201:
                self._created[one.id] = location
        if answer.body and one.method.upper() != "HEAD":
            is_json = answer.headers.get("content-type", "").startswith("application/json")
            told["body"] = msgspec.Raw(answer.body) if is_json else answer.body.decode("utf-8", "replace")
        return told


_SAFE = "%/()',$:@!*;=&+-._~"
_SAFE_QUERY = _SAFE + "?"


def _refusal(status: int, message: str) -> dict[str, Any]:
    return {"status": status, "body": {"code": status, "type": "error", "message": message}}
