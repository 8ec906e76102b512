"""How does one folder hold all the files? A package is a module of a node's heap that says nothing.

``firmware/air/station.py`` becomes ``firmware/air_station.py``. ``boot/`` stays: the loader knows it by that name.
"""

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from provisioning.constants import pairs

_STAYS = "boot/"
_PACKAGE = "/__init__.py"
# It calls a module by a name that is made up when it runs, and puts ``BETWEEN`` between folder and file.
_ASKS_BY_NAME = "forgetting.py"


def flat(trees: Mapping[str, ast.Module]) -> dict[str, ast.Module]:
    """Path below ``firmware/`` -> tree, changed in place; a package that says nothing is not there any more."""
    homes = {path: _home(path) for path, tree in trees.items() if not _is_empty_package(path, tree)}
    for path in homes:
        _Moved(homes).visit(trees[path])
    for node in trees[_ASKS_BY_NAME].body if _ASKS_BY_NAME in trees else ():
        for name, value in pairs(node):
            if name == "BETWEEN" and isinstance(value, ast.Constant):
                value.value = "_"
    return {home: trees[path] for path, home in homes.items()}


def _home(path: str) -> str:
    return path if path.startswith(_STAYS) else path.replace(_PACKAGE, ".py").replace("/", "_")


def _is_empty_package(path: str, tree: ast.Module) -> bool:
    is_silent = all(isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant) for one in tree.body)
    return path.endswith(_PACKAGE) and is_silent and not path.startswith(_STAYS)


class _Moved(ast.NodeTransformer):
    """Imports, each of where its file is now."""

    def __init__(self, homes: Mapping[str, str]) -> None:
        self._homes = homes

    def visit(self, node: ast.AST) -> Any:
        return node if isinstance(node, ast.expr) else super().visit(node)  # nothing is imported within one

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt | list[ast.stmt]:
        first, *rest = (node.module or "").split(".")
        return list(self._moved("/".join(rest), node.names)) if first == "firmware" else node

    def _moved(self, path: str, names: list[ast.alias]) -> Iterator[ast.stmt]:
        for one in names:
            whole = f"{path}/{one.name}.py" if path else f"{one.name}.py"
            if whole in self._homes:
                *folders, name = self._homes[whole].removesuffix(".py").split("/")
                yield _import(folders, name, one.asname or one.name)
            else:
                home = next((one for one in (f"{path}.py", path + _PACKAGE) if one in self._homes), None)
                folders = self._homes[home].removesuffix(".py").split("/") if home else path.split("/")
                yield _import(folders, one.name, one.asname or one.name)


def _import(folders: list[str], name: str, bound: str) -> ast.ImportFrom:
    module = ".".join(one for one in ("firmware", *folders) if one and one != "__init__")
    return ast.ImportFrom(module, [ast.alias(name, None if name == bound else bound)], 0)
