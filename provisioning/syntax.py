"""How is code seen as trees? Read and written as text, and walked: all of a tree, or its statements alone."""

import ast
from collections.abc import Mapping

_STATEMENTS = ("body", "orelse", "handlers", "finalbody")
# Most of a tree is leaves: names, numbers, texts. What holds no more code is not asked for it.
_LEAVES = (ast.Constant, ast.Name, ast.Global, ast.Nonlocal, ast.alias)
_NO_CODE = {"arg", "attr", "conversion", "ctx", "is_async", "level", "module", "name", "op", "ops", "type_comment"}


def read(sources: Mapping[str, str]) -> dict[str, ast.Module]:
    """Path -> text becomes path -> tree."""
    return {path: ast.parse(text, path) for path, text in sources.items()}


def written(trees: Mapping[str, ast.Module]) -> dict[str, str]:
    """And back, without comments."""
    return {path: ast.unparse(tree) + "\n" for path, tree in trees.items()}


def assign(name: str, value: ast.expr) -> ast.Assign:
    """``name = value``"""
    return ast.Assign([ast.Name(name, ast.Store())], value, lineno=0)  # ast.unparse asks for a line here


def walk(tree: ast.AST) -> list[ast.AST]:
    """As ``ast.walk``, in its order, without contexts and operators: they are always the same few."""
    found = [tree]
    for node in found:  # it grows
        for field in _fields[type(node)]:
            value = getattr(node, field, None)
            if isinstance(value, list):
                found += [one for one in value if isinstance(one, ast.AST)]
            elif isinstance(value, ast.AST):
                found.append(value)
    return found


def statements(tree: ast.AST) -> list[ast.AST]:
    """The tree, its statements, theirs, and what handles an exception among them."""
    found = [tree]
    for node in found:
        for field in _STATEMENTS:
            value = getattr(node, field, None)
            if isinstance(value, list):
                found += value
    return found


class _Fields(dict[type[ast.AST], tuple[str, ...]]):
    """Those of each kind of node that may hold nodes."""

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        found = () if issubclass(kind, _LEAVES) else tuple(one for one in kind._fields if one not in _NO_CODE)
        self[kind] = found
        return found


_fields = _Fields()
