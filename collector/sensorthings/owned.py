"""Which parts of an entity are not the client's to say? Ours among the properties, names by language, and units."""

from collections.abc import Mapping
from typing import Any

from collector.observation import Kind
from collector.refusals import AskedWrongError, ConflictError
from collector.sensorthings.shapes import JUDGED, unit_of

LANGUAGES = ("sl", "it", "en")


def free_of(properties: Mapping[str, Any], own: Mapping[str, Any], path: str) -> dict[str, Any]:
    """What was told beside ours. Ours may be repeated, and not be said otherwise: raise ConflictError.

    The text leaves out what is there: whoever asks may know the thing by a pseudonym only.
    """
    for key, value in own.items():
        if key in properties and properties[key] != value:
            raise ConflictError(f"{path}.{key}: is the city's to say, and says otherwise")
    return {key: value for key, value in properties.items() if key not in own}


def free_of_datastream(properties: Mapping[str, Any], own: Mapping[str, Any], path: str) -> dict[str, Any]:
    """As ``free_of``; what the city judges may be repeated, and is judged anew."""
    return {key: value for key, value in free_of(properties, own, path).items() if key not in JUDGED}


def names_of(name: str, names: Any, path: str) -> dict[str, str]:
    """By language; all are ``name`` where none are given. Raise AskedWrongError."""
    if names is None:
        return dict.fromkeys(LANGUAGES, name)
    if not isinstance(names, dict) or set(names) != set(LANGUAGES):
        raise AskedWrongError(f"{path}: expected {' '.join(LANGUAGES)}")
    if not all(isinstance(one, str) and one for one in names.values()) or names["en"] != name:
        raise AskedWrongError(f"{path}: expected texts, of which en is the name")
    return {language: names[language] for language in LANGUAGES}


def take_unit(unit: dict[str, Any], kind: Kind, path: str) -> dict[str, Any] | None:
    """The unit with the client's own words for it; None where they are the contract's. Raise AskedWrongError."""
    own = unit_of(kind)
    if unit["symbol"] != own["symbol"]:
        expected = "null: it is no number" if own["symbol"] is None else f"{own['symbol']} (UCUM)"
        raise AskedWrongError(f"{path}.symbol: {kind.name} has {expected}")
    return None if unit == own else unit
