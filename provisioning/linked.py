"""How do many small files become few modules? What is loaded together is put into one before it is compiled.

A module costs a node's heap a quarter of a KB, each name that it imports a slot in its table, and each number that has
a name another. None of that is needed once it is known who belongs together: what every node holds is one module,
``firmware/resident.py``, and a module that is loaded when it is needed takes in what nobody else asks for. Names that
would meet are told apart by the name of their file; numbers become a part of the code that uses them.
"""

import ast
import builtins
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from provisioning.constants import is_number, pairs
from provisioning.syntax import assign, statements, walk

RESIDENT = "resident"
# What every node on the mains holds, with all that these ask for; of the two boards one is there.
_HELD: tuple[str, ...] = (
    "link",
    "outbox",
    "publisher",
    "sampler",
    "status",
    "node",
    "loop_lag",
    "hal_sim_board",
    "hal_board",
)
_HELD += ("hal_sim_peer", "hal_sim_watchdog", "nodes", "drivers")
# Loaded by more than one, and never without the other.
_WITH = {
    "spot_occupancy": "spot_parking",
    "spot_baseline": "spot_magnetic",
    "spot_magnetometer": "spot_magnetic",
    "air_serial_line": "drivers_framing",
}
# These are compiled to machine code.
_APART = ("noise_viper", "noise_a_weighting")

Tree = ast.Module
Statements = list[ast.stmt]


class Import(NamedTuple):
    """``name`` of ``module`` is called ``bound``; without a name it is the module itself."""

    module: str
    name: str | None
    bound: str


def link(trees: Mapping[str, Tree]) -> dict[str, Tree]:
    """Path below ``firmware/`` -> tree, changed in place: the same with fewer files."""
    city = _City({path.removesuffix(".py"): tree for path, tree in trees.items()})
    linked: dict[str, Tree] = {}
    for group, names in city.groups.items():
        body = [statement for name in names for statement in _Rewriter(city, name, group).run().body]
        linked[group] = ast.Module(_once(body), [])
    for name, tree in city.trees.items():
        if name not in city.group_of:
            touched = any(one.module in city.group_of for _, imports in city.imports[name] for one in imports)
            linked[name] = _Rewriter(city, name, None).run() if touched else tree
    asked = {
        (one.module, one.name) for tree in linked.values() for _, imports in _imports(tree, linked) for one in imports
    }
    for group in city.groups:
        _fold(linked[group], {name for module, name in asked if module == group})
    return {name + ".py": tree for name, tree in linked.items()}


# ---- who belongs together


class _City:
    """All the files: ``group_of`` each that is taken in, ``groups`` in the order of loading, ``finals`` their names."""

    def __init__(self, trees: dict[str, Tree]) -> None:
        self.trees = trees
        self.imports = {name: list(_imports(tree, trees)) for name, tree in trees.items()}
        self._uses = {
            name: {
                one.module for node, imports in self.imports[name] if node in tree.body for one in imports if one.module
            }
            for name, tree in trees.items()
        }
        self.group_of = self._grouped()
        self.groups: dict[str, list[str]] = {}
        for name in self._in_order():
            if name in self.group_of:
                self.groups.setdefault(self.group_of[name], []).append(name)
        self.finals = {name: table for names in self.groups.values() for name, table in self._named(names).items()}

    def final(self, module: str, name: str) -> str:
        """What a name of a module that is taken in is called there."""
        return self.finals[module][name]

    def _grouped(self) -> dict[str, str]:
        apart = {name for name in self.trees if name in _APART or name.endswith("__init__")}
        apart |= {module for name in self.trees for module in self._as_values(name)}
        reach = {name: self._reach(name) for name in self.trees}
        held = {one for name in _HELD if name in self.trees for one in reach[name]} - apart
        used = Counter(one for uses in self._uses.values() for one in uses)
        by_kinds = {one for name in self.trees if _is_kind(name) for one in self._uses[name]}
        lazily = {
            one.module
            for name, tree in self.trees.items()
            for node, imports in self.imports[name]
            if node not in tree.body
            for one in imports
        }
        # A kind's own module is forgotten after the start, so it takes nothing in.
        roots = {
            name for name in self.trees if not used[name] or name in lazily or (name in by_kinds and used[name] == 1)
        }
        roots -= held | apart
        group_of = dict.fromkeys(held, RESIDENT)
        for name in self.trees.keys() - held - apart - roots:
            holders = [root for root in roots if name in reach[root]]
            firsts = [root for root in holders if all(root in reach[other] for other in holders)]
            if len(firsts) == 1 and not _is_kind(firsts[0]):
                group_of[name] = group_of[firsts[0]] = firsts[0]
        for name, host in _WITH.items():
            if name in self.trees and host in self.trees:
                home = group_of.get(host, host)
                group_of |= dict.fromkeys((name, host, *(one for one in group_of if group_of[one] == name)), home)
        return group_of

    def _as_values(self, name: str) -> Iterator[str]:
        """What must be modules: handed on as such, asked for within a function, or of one that has imported them."""
        tree = self.trees[name]
        aliases = {one.bound: one.module for _, imports in self.imports[name] for one in imports if one.name is None}
        nodes = walk(tree) if aliases else []
        attributes = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
        for node in nodes:
            if isinstance(node, ast.Name) and node.id in aliases and id(node) not in attributes:
                yield aliases[node.id]
        for statement, imports in self.imports[name]:
            for one in imports:
                if one.name is None and statement not in tree.body:
                    yield one.module
                if one.name is not None and one.module:
                    theirs = [their for _, some in self.imports[one.module] for their in some]
                    yield from (their.module for their in theirs if their.bound == one.name and their.name is None)

    def _reach(self, root: str) -> set[str]:
        """What is loaded with it, and itself."""
        found: set[str] = set()
        left = [root]
        while left:
            name = left.pop()
            if name not in found:
                found.add(name)
                left += self._uses[name]
        return found

    def _in_order(self) -> list[str]:
        """Each after what it imports."""
        order: dict[str, None] = {}

        def visit(name: str) -> None:
            if name not in order:
                for one in sorted(self._uses[name]):
                    visit(one)
                order[name] = None

        for name in sorted(self.trees):
            visit(name)
        return list(order)

    def _named(self, names: list[str]) -> dict[str, dict[str, str]]:
        """Module -> its names at the top -> what they are called in the group."""
        bound = {name: self._at_top(name) for name in names}
        origins: dict[str, set[str]] = {}
        for name in names:
            for one, source in bound[name].items():
                if source is None or source.module not in names:
                    origins.setdefault(one, set()).add(name if source is None else f"{source.module} {source.name}")
        inner = {one for name in names for one in _within(self.trees[name])}
        table: dict[str, dict[str, str]] = {}
        for name in names:
            mark = "_" + name.replace("/", "_")
            table[name] = {}
            for one, source in bound[name].items():
                if source is None or source.module not in names:
                    is_taken = len(origins[one]) > 1 or one in inner or hasattr(builtins, one)
                    table[name][one] = one + mark if is_taken else one
                elif source.name is not None:
                    table[name][one] = table[source.module][source.name]
        return table

    def _at_top(self, name: str) -> dict[str, Import | None]:
        """Where each name that a module binds comes from; None: it is the module's own."""
        tree = self.trees[name]
        found: dict[str, Import | None] = dict.fromkeys(_bound(tree.body))
        for node, imports in _imports(tree, self.trees, foreign=True):
            if node in tree.body:
                found.update({one.bound: one for one in imports})
        return found


def _is_kind(name: str) -> bool:
    return name.startswith(("nodes/", "nodes_"))


def _module(path: str, trees: Mapping[str, Tree]) -> str:
    return next((one for one in (path, f"{path}/__init__" if path else "__init__") if one in trees), "")


def _imports(
    tree: ast.AST, trees: Mapping[str, Tree], *, foreign: bool = False
) -> Iterator[tuple[ast.stmt, list[Import]]]:
    """Each statement that imports of the firmware, or, with ``foreign``, each that imports."""
    for node in statements(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "firmware":
            found = []
            for one in node.names:
                path = "/".join((node.module or "").split(".")[1:])
                whole = f"{path}/{one.name}" if path else one.name
                is_module = whole in trees
                found.append(
                    Import(
                        whole if is_module else _module(path, trees),
                        None if is_module else one.name,
                        one.asname or one.name,
                    )
                )
            yield node, found
        elif foreign and isinstance(node, ast.Import):
            yield node, [Import("", one.name, one.asname or one.name) for one in node.names]
        elif foreign and isinstance(node, ast.ImportFrom):
            yield node, [Import(str(node.module), one.name, one.asname or one.name) for one in node.names]


def _bound(body: Iterable[ast.AST]) -> set[str]:
    """Names that these statements bind in their own scope."""
    found: set[str] = set()
    elsewhere: set[str] = set()
    left = list(body)
    while left:
        node = left.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            continue
        else:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                found |= {one.asname or one.name for one in node.names}
            elif isinstance(node, ast.ExceptHandler) and node.name:
                found.add(node.name)
            elif isinstance(node, ast.Global):
                elsewhere |= set(node.names)
            left += ast.iter_child_nodes(node)
    return found - elsewhere


def _within(tree: Tree) -> Iterator[str]:
    """Names that functions bind for themselves: nothing at the top may be called so, or it would be hidden there."""
    for node in walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _bound(node.body) | _arguments(node.args)
        elif isinstance(node, ast.Lambda):
            yield from _arguments(node.args)
        elif isinstance(node, ast.comprehension):
            yield from (one.id for one in walk(node.target) if isinstance(one, ast.Name))


# ---- one file, as it stands in its group


class _Rewriter(ast.NodeTransformer):
    """``group`` is None for a file that stays, and only asks elsewhere for what was taken in."""

    def __init__(self, city: _City, name: str, group: str | None) -> None:
        self._city = city
        self._name = name
        self._group = group
        self._names = dict(city.finals[name]) if group else {}
        self._modules: dict[str, str] = {}  # what is called so is a module that was taken in
        self._scopes: list[set[str]] = []
        self._more: dict[str, ast.stmt] = {}  # imports in place of such a module

    def run(self) -> Tree:
        for _, imports in self._city.imports[self._name]:
            self._modules |= {
                one.bound: one.module for one in imports if one.name is None and one.module in self._city.group_of
            }
        body = self._visited(self._city.trees[self._name].body)
        return ast.Module([*self._more.values(), *body], [])

    def _visited(self, body: Statements) -> Statements:
        found: Statements = []
        for node in body:
            made = self.visit(node)
            found += made if isinstance(made, list) else [made]
        return found

    def _is_local(self, name: str) -> bool:
        return any(name in scope for scope in self._scopes)

    def _from(self, module: str, name: str, bound: str) -> ast.ImportFrom:
        group, final = self._city.group_of[module], self._city.final(module, name)
        return ast.ImportFrom("firmware." + group.replace("/", "."), [_alias(final, bound)], 0)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Statements:
        made: Statements = []
        found = next((imports for _, imports in _imports(node, self._city.trees, foreign=True)), [])
        for one, alias in zip(found, node.names, strict=True):
            bound = one.bound if self._scopes else self._names.get(one.bound, one.bound)
            group = self._city.group_of.get(one.module)
            if group is None:
                made.append(ast.ImportFrom(node.module, [_alias(alias.name, bound)], 0))
            elif one.name is None:
                continue  # its attributes are names now
            elif group != self._group:
                made.append(self._from(one.module, one.name, bound))
            elif self._scopes:
                final = ast.Name(self._city.final(one.module, one.name), ast.Load())
                made.append(assign(bound, final))
        return made or ([ast.Pass()] if self._scopes else [])

    def visit_Import(self, node: ast.Import) -> ast.Import:
        if not self._scopes:
            node.names = [
                _alias(one.name, self._names.get(one.asname or one.name, one.asname or one.name)) for one in node.names
            ]
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        value = node.value
        if not isinstance(value, ast.Name) or value.id not in self._modules or self._is_local(value.id):
            self.generic_visit(node)
            return node
        module = self._modules[value.id]
        if self._city.group_of[module] == self._group:
            return ast.Name(self._city.final(module, node.attr), node.ctx)
        bound = f"_{value.id}_{node.attr}"
        self._more[bound] = self._from(module, node.attr, bound)
        return ast.Name(bound, node.ctx)

    def visit_Name(self, node: ast.Name) -> ast.Name:
        if not self._is_local(node.id):
            node.id = self._names.get(node.id, node.id)
        return node

    def visit_Global(self, node: ast.Global) -> ast.Global:
        node.names = [self._names.get(one, one) for one in node.names]
        return node

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.stmt:
        self._outside(node.args)
        node.returns = None
        if not self._scopes:
            node.name = self._names.get(node.name, node.name)
        self._scopes.append(_bound(node.body) | _arguments(node.args))
        node.body = self._visited(node.body)
        self._scopes.pop()
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = _function  # noqa: N815 - the names of ast

    def _outside(self, arguments: ast.arguments) -> None:
        """Defaults belong to the scope around the function; annotations to nobody."""
        for one in walk(arguments):
            if isinstance(one, ast.arg):
                one.annotation = None
        arguments.defaults = [self.visit(one) for one in arguments.defaults]
        arguments.kw_defaults = [one and self.visit(one) for one in arguments.kw_defaults]

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        self._outside(node.args)
        self._scopes.append(_arguments(node.args))
        node.body = self.visit(node.body)
        self._scopes.pop()
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        node.bases = [self.visit(one) for one in node.bases]
        if not self._scopes:
            node.name = self._names.get(node.name, node.name)
        attributes = _bound(node.body)
        body: Statements = []
        for one in node.body:  # a method does not see what its class binds
            is_method = isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
            self._scopes.append(set() if is_method else attributes)
            body.append(self.visit(one))
            self._scopes.pop()
        node.body = body
        return node

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> ast.expr:
        targets = [one for loop in node.generators for one in walk(loop.target)]
        self._scopes.append({one.id for one in targets if isinstance(one, ast.Name)})
        self.generic_visit(node)
        self._scopes.pop()
        return node

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension  # noqa: N815 - as above


def _alias(name: str, bound: str) -> ast.alias:
    return ast.alias(name, None if name == bound else bound)


def _arguments(arguments: ast.arguments) -> set[str]:
    return {one.arg for one in walk(arguments) if isinstance(one, ast.arg)}


# ---- the group as a whole


def _once(body: Statements) -> Statements:
    """Each import once."""
    found: dict[str, ast.stmt] = {}
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.setdefault(ast.unparse(node), node)
        else:
            found[str(len(found)) + "#"] = node
    return list(found.values())


def _fold(tree: Tree, asked: set[str | None]) -> None:
    """Numbers that no other module asks for: mpy-cross puts ``_NAME = const(1)`` where it is used, and nowhere else."""
    stored = Counter(node.id for node in walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    private: dict[str, str] = {}
    body: Statements = []
    for node in tree.body:
        found = pairs(node)
        if not found or not all(name.isupper() and stored[name] == 1 and is_number(value) for name, value in found):
            body.append(node)
            continue
        for name, value in found:
            if name not in asked and not name.startswith("_"):
                private[name] = f"_{name}" if not stored[f"_{name}"] else f"_{name}_"
            body.append(assign(name, ast.Call(ast.Name("const", ast.Load()), [value], [])))
    tree.body = body
    for one in walk(tree):
        if isinstance(one, ast.Name):
            one.id = private.get(one.id, one.id)
