"""What does the API say of itself? The refusals that every route shares, and a page that needs no network."""

from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

router = APIRouter()


class Refusal(BaseModel):
    """Every answer that is none."""

    code: int
    """As the status."""
    type: str
    message: str
    """What is wrong, and where: it names the parameter or the key."""


_REASONS = {
    400: "The question makes no sense; the message names the parameter.",
    401: "A token is needed, or this one is none.",
    403: "The token's roles do not reach so far.",
    404: "There is no such thing, or it is not to be seen.",
    413: "The body is too large.",
    414: "The address is too long.",
    429: "Asked too often; Retry-After says when to come again.",
    503: "The store cannot answer now.",
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal, "description": reason} for status, reason in _REASONS.items()
}
"""For every route."""

_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { border-top: 1px solid #ccc; padding-top: 1rem; font-size: 1.1rem; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100% }
td { padding: .2rem .6rem .2rem 0; vertical-align: top; border-bottom: 1px solid #eee }
code { font-family: ui-monospace, monospace }
"""


@router.get("/api/docs", summary="This page: every route, as openapi.json has it", response_class=HTMLResponse)
@router.head("/api/docs", include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    document = request.app.openapi()
    operations = [
        _operation(path, method, one) for path, methods in document["paths"].items() for method, one in methods.items()
    ]
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    intro = 'The same for machines: <a href="/openapi.json">openapi.json</a>.'
    head = f"<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n<title>{title}</title>\n<style>{_STYLE}</style>\n"
    return HTMLResponse(f"{head}<h1>{title}</h1>\n<p>{intro}</p>\n{''.join(operations)}</html>\n")


def _operation(path: str, method: str, one: dict[str, Any]) -> str:
    parameters = [_parameter(parameter) for parameter in one.get("parameters", ())]
    answers = [_answer(status, answer) for status, answer in one["responses"].items()]
    about = f"<p>{escape(one['description'])}</p>" if "description" in one else ""
    tables = [f"<table>{''.join(rows)}</table>\n" for rows in (parameters, answers) if rows]
    head = f"<h2><code>{method.upper()} {escape(path)}</code></h2>\n<p><b>{escape(one['summary'])}</b></p>"
    return f"{head}{about}\n{'<p></p>'.join(tables)}"


def _parameter(one: dict[str, Any]) -> str:
    schema = one["schema"]
    about = one.get("description", schema.get("description", ""))
    choices = schema.get("enum") or next((each["enum"] for each in schema.get("anyOf", ()) if "enum" in each), None)
    if choices:
        about = f"{about} One of {', '.join(map(str, choices))}.".strip()
    need = "needed" if one.get("required") else ""
    return f"<tr><td><code>{escape(one['name'])}</code><td>{need}<td>{escape(about)}"


def _answer(status: str, one: dict[str, Any]) -> str:
    media = ", ".join(one.get("content", ()))
    return f"<tr><td>{escape(status)}<td>{escape(media)}<td>{escape(one['description'])}"
