"""How does JSON-LD look as Turtle? Only as much of both as the catalogue is made of."""

from collections.abc import Iterable, Mapping
from typing import Any

_ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_NOT_IN_AN_IRI = str.maketrans({one: f"%{ord(one):02X}" for one in '<>"{}|^`\\ '})


def prefixes(context: Mapping[str, str]) -> str:
    return "".join(f"@prefix {name}: <{iri}> .\n" for name, iri in context.items())


def statement(node: Mapping[str, Any]) -> str:
    """A node, those within it as nodes of their own, each with a full stop."""
    inner: list[str] = []
    text = f"\n{_iri(node['@id'])} {_predicates(node, inner)} .\n"
    return text + "".join(inner)


def _predicates(node: Mapping[str, Any], inner: list[str]) -> str:
    parts = [f"a {node['@type']}"]
    for name, objects in node.items():
        if name[0] != "@":
            several = objects if isinstance(objects, list) else [objects]
            parts.append(f"{name} {', '.join([_object(one, inner) for one in several])}")
    return " ;\n  ".join(parts)


def _object(one: Any, inner: list[str]) -> str:
    if isinstance(one, str):
        return _literal(one)
    if "@value" in one:
        text = _literal(one["@value"])
        return f"{text}@{one['@language']}" if "@language" in one else f"{text}^^{one['@type']}"
    if "@id" not in one:
        return f"[ {_predicates(one, inner)} ]"
    if len(one) > 1:
        inner.append(statement(one))
    return _iri(one["@id"])


def _iri(text: str) -> str:
    return f"<{text.translate(_NOT_IN_AN_IRI)}>"


def _literal(text: str) -> str:
    return f'"{text.translate(_ESCAPED)}"'


def statements(nodes: Iterable[Mapping[str, Any]]) -> str:
    return "".join(map(statement, nodes))
