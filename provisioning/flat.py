"""How does one folder hold all the files? A package is a module of a node's heap that says nothing.

``firmware/air/station.py`` becomes ``firmware/air_station.py``. ``boot/`` stays: the loader knows it by that name.
"""

import ast
from collections.abc import Iterator, Mapping

_STAYS = "boot/"
_PACKAGE = "/__init__.py"
# What calls a module by a name that is made up when it runs puts this between folder and file.
_ASKS_BY_NAME, _BETWEEN = "forgetting.py", ("BETWEEN = '.'", "BETWEEN = '_'")


def flat(sources: Mapping[str, str]) -> dict[str, str]:
    """Path below ``firmware/`` -> text; a package that says nothing is not there any more."""
    trees = {path: ast.parse(text, path) for path, text in sources.items()}
    homes = {path: _home(path) for path, tree in trees.items() if not _is_empty_package(path, tree)}
    made = {}
    for path, home in homes.items():
        text = ast.unparse(ast.fix_missing_locations(_Moved(homes).visit(trees[path]))) + "\n"
        made[home] = text.replace(*_BETWEEN) if path == _ASKS_BY_NAME else text
    return made


def _home(path: str) -> str:
    return path if path.startswith(_STAYS) else path.replace(_PACKAGE, ".py").replace("/", "_")


def _is_empty_package(path: str, tree: ast.Module) -> bool:
    is_silent = all(isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant) for one in tree.body)
    return path.endswith(_PACKAGE) and is_silent and not path.startswith(_STAYS)


class _Moved(ast.NodeTransformer):
    """Imports, each of where its file is now."""

    def __init__(self, homes: Mapping[str, str]) -> None:
        self._homes = homes

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
