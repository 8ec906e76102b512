"""Trees hold what their text says, and walking them leaves out contexts and operators alone."""

import ast
from pathlib import Path

import firmware
from provisioning.syntax import assign, read, statements, walk, written

SOURCES = {str(path): path.read_text("utf-8") for path in Path(firmware.__file__).parent.rglob("*.py")}
SAYS_NOTHING = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)


def test_a_walk_finds_what_that_of_python_finds_in_the_same_order() -> None:
    for path, tree in read(SOURCES).items():
        theirs = list(ast.walk(tree))
        assert walk(tree) == [one for one in theirs if not isinstance(one, SAYS_NOTHING)], path
        found = {one for one in theirs if isinstance(one, ast.stmt | ast.ExceptHandler)}
        assert {tree, *found} == set(statements(tree)), path


def test_what_was_read_is_written_again() -> None:
    text = "import time\nif time:\n    number = -1 + 2\n"
    assert written(read({"a.py": text + "# why\n"})) == {"a.py": text}


def test_an_assignment_that_was_made_up_can_be_written() -> None:
    assert written({"a.py": ast.Module([assign("one", ast.Constant(1))], [])}) == {"a.py": "one = 1\n"}
