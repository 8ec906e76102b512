"""What street, water and level nodes compute is the same with floats of 32 bits: there are none in it."""

import ast
from pathlib import Path

import pytest

FIRMWARE = Path(__file__).parents[1]
MODULES = [
    *(f"drivers/{name}.py" for name in ("jsn_sr04t", "ld2410", "mmc5603", "pressure", "qmc5883l", "qmc5883p")),
    *(f"drivers/{name}.py" for name in ("float_switch", "framing", "reed_contact", "stuck", "vl53l1x")),
    *(f"nodes/{name}.py" for name in ("counting", "level", "parking", "water")),
    *(f"{folder}/{file.name}" for folder in ("spot", "entry", "water") for file in (FIRMWARE / folder).glob("*.py")),
    "spans.py",
]


def floats(source: str) -> list[int]:
    """Lines with a true division, a float or a call that makes one."""
    found = []
    for node in ast.walk(ast.parse(source)):
        divides = isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.Div)
        literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
        makes = isinstance(node, ast.Name) and node.id in ("float", "math", "round")
        if divides or literal or makes:
            found.append(node.lineno)
    return found


@pytest.mark.parametrize("name", MODULES)
def test_no_float_is_computed(name: str) -> None:
    assert floats((FIRMWARE / name).read_text("utf-8")) == []


def test_a_float_would_be_found() -> None:
    assert floats("a = b / 2\nc = 0.5\nd = float(e)\nf //= 2\n") == [1, 2, 3]
