"""What of a node's code need its heap not hold? Code that nobody asks for, constants, and most of the names.

The interpreter never forgets a name, and keeps every name of a module or an object in a table of twice a word. So what
nobody in the firmware asks for is left out, a constant becomes a part of the code that uses it, and what only the
firmware's own code says shares a few names, some of which every interpreter has in its flash anyway. A traceback then
tells by its line, not by its function: ``release.sources`` gives the text that is counted.
"""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from provisioning.constants import is_number, pairs
from provisioning.syntax import assign, statements, walk

Function = ast.FunctionDef | ast.AsyncFunctionDef
# These are compiled to machine code.
_AS_THEY_ARE = ("noise_viper.py", "noise_a_weighting.py")
# What others ask for by its name.
_KNOWN = ("__init__.py", "main.py")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
# Names that the interpreters of both boards have in their flash: those of the format of .mpy files
# (py/makeqstrdata.py of MicroPython 1.29), of math, os, random, struct, binascii and time. No heap holds them.
_FREE = """
abs all any append args bool builtins bytecode callable chr classmethod clear close const copy count dict dir divmod
end endswith eval exec extend find format from_bytes get globals hash id index insert isalpha isdigit islower isspace
issubclass isupper items iter join key keys little locals lower lstrip map micropython next object open ord pop
popitem pow read readinto readline remove replace repr reverse rfind rindex round rsplit rstrip send sep set setattr
setdefault sort split start startswith staticmethod step stop strip sum throw to_bytes update upper value values write
zip acos acosh asin asinh atan atan2 atanh ceil copysign cos cosh degrees e erf erfc exp expm1 fabs floor fmod frexp
gamma isfinite isinf isnan ldexp lgamma log log10 log2 modf pi radians sin sinh sqrt tan tanh trunc choice getrandbits
randint random randrange seed uniform mkdir chdir getcwd listdir rename rmdir stat statvfs unlink urandom calcsize
pack pack_into unpack unpack_from hexlify unhexlify crc32 a2b_base64 b2a_base64 gmtime localtime mktime ticks_add
ticks_diff ticks_ms
"""


def lean(trees: Mapping[str, ast.Module]) -> dict[str, ast.Module]:
    """Path below ``firmware/`` -> tree, changed in place: the same, and less of it."""
    for tree in trees.values():
        _without_docstrings(tree)
    own = [tree for path, tree in trees.items() if path not in _AS_THEY_ARE]
    _hand_out_constants(trees)
    for tree in own:
        _import_once(tree)
    said = Said()
    asked = Asked(trees, said)
    unknown = [tree for path, tree in trees.items() if path not in _AS_THEY_ARE + _KNOWN]
    while sum(_without_unasked(tree, asked, said) for tree in unknown):
        asked = Asked(trees, said)  # what was asked for by what has gone
    for tree in own:
        _fold(tree, asked.outside(tree))
        _share_attributes(tree, asked)
    _share_globals({path: tree for path, tree in trees.items() if path not in _AS_THEY_ARE + _KNOWN}, trees, asked)
    for tree in own:
        _share_arguments(tree, asked)
    return dict(trees)


def _without_docstrings(tree: ast.Module) -> None:
    """Their words would look as if they meant something."""
    for node in statements(tree):
        if isinstance(node, ast.Module | ast.ClassDef | Function):
            texts = [one for one in node.body if isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)]
            node.body = [one for one in node.body if one not in texts] or [ast.Pass()]


# ---- what is asked for


class Words(NamedTuple):
    """What one statement says."""

    loaded: Counter[str]
    texts: set[str]
    attributes: set[str]
    of_others: set[str]
    imported: list[tuple[str, str]]
    keywords: set[str | None]
    inherited: set[str]


class Said(dict[ast.stmt, Words]):
    """Statement -> its words, looked for once. Who changes a statement takes it out."""

    def __missing__(self, statement: ast.stmt) -> Words:
        self[statement] = _words(walk(statement))
        return self[statement]


def _words(nodes: Sequence[ast.AST]) -> Words:
    names = [one for one in nodes if isinstance(one, ast.Name)]
    texts = [one.value for one in nodes if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    attributes = [one for one in nodes if isinstance(one, ast.Attribute)]
    imports = [one for one in nodes if isinstance(one, ast.ImportFrom)]
    classes = [one for one in nodes if isinstance(one, ast.ClassDef)]
    loaded = Counter(one.id for one in names if not isinstance(one.ctx, ast.Store))
    loaded.update(name for one in nodes if isinstance(one, ast.Global) for name in one.names)
    return Words(
        loaded=loaded,
        texts={word for text in texts for word in text.split()},
        attributes={one.attr for one in attributes if _is_own(one)},
        of_others={one.attr for one in attributes if not _is_own(one)},
        imported=[(each.module or "", one.name) for each in imports for one in each.names],
        keywords={one.arg for one in nodes if isinstance(one, ast.keyword)},
        inherited={base.id for each in classes for base in each.bases if isinstance(base, ast.Name)},
    )


class Asked:
    """Of all the files: what stands behind a dot or in a text, what one imports of another, and what a call names."""

    def __init__(self, trees: Mapping[str, ast.Module], said: Said) -> None:
        self._modules = {id(tree): path.removesuffix(".py").replace("/", ".") for path, tree in trees.items()}
        self._imported: dict[str, set[str]] = {}
        self.words: set[str] = set()
        self.attributes: set[str] = set()
        self.of_others: set[str] = set()
        self.keywords: set[str | None] = set()
        self.inherited: set[str] = set()
        for one in (said[statement] for tree in trees.values() for statement in tree.body):
            self.words |= one.texts
            self.attributes |= one.attributes
            self.of_others |= one.of_others
            self.keywords |= one.keywords
            self.inherited |= one.inherited
            for module, name in one.imported:
                self._imported.setdefault(module, set()).add(name)

    def by_code(self, tree: ast.Module) -> set[str]:
        """Names of this file that code of others may mean."""
        module = ("firmware." + self._modules[id(tree)].removesuffix("__init__")).rstrip(".")
        return self._imported.get(module, set()) | self.of_others

    def outside(self, tree: ast.Module) -> set[str]:
        """Names of this file that others may mean."""
        return self.by_code(tree) | self.words

    def is_method(self, name: str) -> bool:
        """Whether anybody may call it."""
        return name.startswith("__") or name in self.attributes or name in self.of_others or name in self.words


def _without_unasked(tree: ast.Module, asked: Asked, said: Said) -> bool:
    """Leave out what the file defines and nobody asks for; whether there was any."""
    loads, outside, count = Counter[str](), asked.outside(tree), 0
    for node in tree.body:
        loads.update(said[node].loaded)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            names = [one for one in node.names if loads[one.asname or one.name] or (one.asname or one.name) in outside]
            if len(names) < len(node.names):
                count += len(node.names) - len(names)
                node.names = names
                del said[node]
    tree.body = [node for node in tree.body if not isinstance(node, ast.ImportFrom) or node.names]
    kept = [
        node
        for node in tree.body
        if not _is_unasked(node, loads, outside, said) and _may_give(node, asked.by_code(tree))
    ]
    count += len(tree.body) - len(kept)
    tree.body = kept
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.bases:
            body = [one for one in node.body if not isinstance(one, Function) or asked.is_method(one.name)]
            if len(body) < len(node.body):
                count += len(node.body) - len(body)
                node.body = body or [ast.Pass()]
                del said[node]
    return count > 0


def _is_unasked(node: ast.stmt, loads: Counter[str], outside: set[str], said: Said) -> bool:
    names = _defined(node)
    return bool(names) and all(name not in outside and loads[name] <= said[node].loaded[name] for name in names)


def _may_give(node: ast.stmt, asked: set[str]) -> bool:
    """Whether somebody asks for what a module makes only when it is asked: it names that in capitals."""
    if not isinstance(node, ast.FunctionDef) or node.name != "__getattr__":
        return True
    texts = {one.value for one in walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return any(one.isupper() and one in asked for one in texts)


def _defined(node: ast.stmt) -> list[str]:
    """Names that this statement defines, if it does nothing else."""
    if isinstance(node, Function | ast.ClassDef):
        return [] if node.name.startswith("__") else [node.name]
    return [name for name, value in pairs(node) if _is_plain(value)] if isinstance(node, ast.Assign) else []


def _is_plain(node: ast.expr) -> bool:
    """Whether nothing happens when it is worked out."""
    return not any(
        isinstance(one, ast.Call | ast.Await | ast.Yield | ast.Subscript | ast.Attribute)
        and not (isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id == "const")
        for one in walk(node)
    )


# ---- constants, and modules of the interpreter


def _hand_out_constants(trees: Mapping[str, ast.Module]) -> None:
    """Who imports a constant has it as one of his own."""
    known = {
        ("firmware." + path.removesuffix(".py").replace("/", "."), name): value
        for path, tree in trees.items()
        for node in tree.body
        for name, value in pairs(node)
        if _is_loud(name) and _is_constant(value)
    }
    for tree in trees.values():
        for node in statements(tree):
            if isinstance(getattr(node, "body", None), list):
                node.body = [new for old in node.body for new in _with_constants(old, known)]  # type: ignore[attr-defined]


def _with_constants(node: ast.stmt, known: Mapping[tuple[str, str], ast.expr]) -> Iterator[ast.stmt]:
    if not isinstance(node, ast.ImportFrom):
        yield node
        return
    for one in node.names:
        value = known.get((node.module or "", one.name))
        if value is None:
            yield ast.ImportFrom(node.module, [one], node.level)
        else:
            yield assign(one.asname or one.name, value)


def _import_once(tree: ast.Module) -> None:
    """A module that stands under several names, because functions have variables of one of them."""
    hidden, first, again = _bound(tree.body), dict[str, str](), dict[str, str]()
    for node in tree.body:
        if isinstance(node, ast.Import) and len(node.names) == 1 and "." not in node.names[0].name:
            bound = node.names[0].asname or node.names[0].name
            if bound not in hidden:
                again[bound] = first.setdefault(node.names[0].name, bound)
    _rename(tree, again)
    tree.body = [
        node
        for node in tree.body
        if not isinstance(node, ast.Import)
        or again.get(bound := node.names[0].asname or node.names[0].name, bound) == bound
    ]


def _fold(tree: ast.Module, asked: set[str]) -> None:
    """mpy-cross puts ``_NAME = const(1)`` where it is used, and nowhere else."""
    stored = Counter(node.id for node in walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    private: dict[str, str] = {}
    body: list[ast.stmt] = []
    for node in tree.body:
        found = pairs(node)
        if not found or not all(_is_loud(name) and stored[name] == 1 and _is_constant(value) for name, value in found):
            body.append(node)
            continue
        for name, value in found:
            if name not in asked and not name.startswith("_"):
                private[name] = f"_{name}" if not stored[f"_{name}"] else f"_{name}_"
            call = value if _is_const(value) else ast.Call(ast.Name("const", ast.Load()), [value], [])
            if name in asked and name.startswith("_"):
                call = value  # it would be nowhere, and somebody asks for it
            body.append(assign(name, call))
    tree.body = body
    _rename(tree, private)


def _is_loud(name: str) -> bool:
    """No argument and no variable of a function is called so."""
    return any(letter.isupper() for letter in name)


def _is_const(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "const"


def _is_constant(node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple):
        return all(map(_is_constant, node.elts))
    if isinstance(node, ast.UnaryOp):
        return _is_constant(node.operand)
    if isinstance(node, ast.BinOp):
        return is_number(node)
    return _is_const(node) or isinstance(node, ast.Constant)


# ---- names that are shared


def _share_attributes(tree: ast.Module, asked: Asked) -> None:
    """What only the methods of one class ask ``self`` for."""
    elsewhere = asked.of_others | asked.words
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.bases and node.name not in asked.inherited:
            methods = [one for one in node.body if isinstance(one, Function)]
            own = [one for one in walk(node) if isinstance(one, ast.Attribute) and _is_own(one)]
            names = dict.fromkeys([one.attr for one in own] + [one.name for one in methods])
            taken = elsewhere | {name for name in names if not _is_private(name)} | _bound([node])
            shared = _few([name for name in names if _is_private(name) and name not in elsewhere], taken)
            for one in own:
                one.attr = shared.get(one.attr, one.attr)
            for method in methods:
                method.name = shared.get(method.name, method.name)


def _share_globals(own: Mapping[str, ast.Module], trees: Mapping[str, ast.Module], asked: Asked) -> None:
    """What a file defines, and what it imports. Errors keep their names: they are told."""
    elsewhere = asked.of_others | asked.words | {one for one in asked.keywords if one}
    shared = {
        "firmware." + path.removesuffix(".py"): _shared_globals(tree, elsewhere)
        for path, tree in own.items()
        if not path.startswith("boot/")
    }
    for tree in trees.values():
        for node in statements(tree):
            if isinstance(node, ast.ImportFrom) and node.module in shared:
                for one in node.names:
                    one.asname = one.asname or one.name
                    one.name = shared[node.module].get(one.name, one.name)


def _shared_globals(tree: ast.Module, elsewhere: set[str]) -> dict[str, str]:
    hidden = _bound(tree.body) | elsewhere
    names = [name for node in tree.body for name in _named(node) if name not in hidden and name[:2] != "__"]
    taken = {one.id for one in walk(tree) if isinstance(one, ast.Name)} | hidden | set(names)
    shared = _few(dict.fromkeys(names), taken)
    _rename(tree, shared)
    for node in tree.body:
        if isinstance(node, Function | ast.ClassDef):
            node.name = shared.get(node.name, node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for one in node.names:
                one.asname = shared.get(one.asname or one.name, one.asname)
    return shared


def _named(node: ast.stmt) -> list[str]:
    """Names that this statement gives to something."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [one.asname or one.name for one in node.names if one.asname or "." not in one.name]
    if isinstance(node, ast.ClassDef) and node.bases:
        return []
    return [name for name in _defined(node) if not isinstance(node, ast.Assign) or not _is_const(node.value)]


def _bound(body: Iterable[ast.AST]) -> set[str]:
    """Names that functions bind for themselves."""
    found: set[str] = set()
    for function in [one for node in body for one in walk(node)]:
        if isinstance(function, Function | ast.Lambda):
            found |= {one.arg for one in walk(function.args) if isinstance(one, ast.arg)}
        if isinstance(function, ast.comprehension):
            found |= {one.id for one in walk(function.target) if isinstance(one, ast.Name)}
        if isinstance(function, Function):
            inner = [one for statement in function.body for one in walk(statement)]
            elsewhere = {name for one in inner if isinstance(one, ast.Global) for name in one.names}
            stored = {one.id for one in inner if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
            stored |= {one.name for one in inner if isinstance(one, Function | ast.ClassDef)}
            stored |= {one.name for one in inner if isinstance(one, ast.ExceptHandler) and one.name}
            imports = [one for one in inner if isinstance(one, ast.Import | ast.ImportFrom)]
            stored |= {one.asname or one.name for each in imports for one in each.names}
            found |= stored - elsewhere
    return found


def _is_own(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "self"


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _share_arguments(tree: ast.Module, asked: Asked) -> None:
    """Arguments that nobody names in a call, nor in a text: ``f(**given)`` names what a text may say."""
    keywords = {one for one in asked.keywords if one} | asked.words
    for node in [node for node in statements(tree) if isinstance(node, Function)]:
        nodes = walk(node)
        arguments = [one for one in walk(node.args) if isinstance(one, ast.arg)]
        inner = [one for one in nodes if isinstance(one, Function | ast.Lambda) and one is not node]
        again = {one.arg for function in inner for one in walk(function.args) if isinstance(one, ast.arg)}
        names = [one.arg for one in arguments if one.arg != "self" and one.arg not in keywords | again]
        used = {one.id for one in nodes if isinstance(one, ast.Name)} | {one.arg for one in arguments} | again
        used |= {name for one in nodes if isinstance(one, ast.Global | ast.Nonlocal) for name in one.names}
        shared = _few(names, used | keywords)
        for one in arguments:
            one.annotation = None
            one.arg = shared.get(one.arg, one.arg)
        for statement in node.body:
            _rename(statement, shared)


def _few(names: Iterable[str], taken: set[str]) -> dict[str, str]:
    """Each name -> the first that is free."""
    all_of_them = [*_FREE.split(), *(f"_{one}{other}" for one in ["", *_LETTERS] for other in _LETTERS)]
    return dict(zip(names, (one for one in all_of_them if one not in taken), strict=False))


def _rename(tree: ast.AST, names: Mapping[str, str]) -> None:
    if all(old == new for old, new in names.items()):
        return
    for node in walk(tree):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
        elif isinstance(node, ast.Global):
            node.names = [names.get(one, one) for one in node.names]
