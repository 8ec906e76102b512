"""Would a gateway take the lines and receivers of a rig? Who reads gateway.toml says so, and names the key."""

import re
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from edge.config import Config
from edge.shape import first_error

_REST = {"city": "x", "publisher": "x", "broker": {"ca": "x", "certificate": "x", "key": "x"}}
"""Of a gateway.toml, beside its lines."""
Placed = Sequence[tuple[int, dict[str, Any]]]
"""(place in the rig file, table) of those of one gateway."""


def refusal(lines: Placed, receivers: Placed) -> str:
    """Empty when they are right together; else the key, as it stands in the rig file, and what is wrong."""
    several = {"line": lines, "receiver": receivers}
    tables = {noun: [table for _, table in placed] for noun, placed in several.items()}
    if not lines and not receivers:
        return ""
    try:
        Config.model_validate({**_REST, **tables})
    except ValidationError as error:
        text = first_error(error)
        found = re.match(r"(line|receiver)\.(\d+)", text)
        if found is None:
            return text
        place = several[found[1]][int(found[2])][0]
        return f"{found[1]}.{place}{text[found.end() :]}"
    return ""
