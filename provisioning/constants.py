"""Which names does a statement give which values, and is a value a number that is known before anything runs?"""

import ast


def pairs(node: ast.stmt) -> list[tuple[str, ast.expr]]:
    """(name, value) of an assignment of one, or of as many as there are names."""
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return []
    target, value = node.targets[0], node.value
    if isinstance(target, ast.Name):
        return [(target.id, value)]
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        return [
            (one.id, other) for one, other in zip(target.elts, value.elts, strict=True) if isinstance(one, ast.Name)
        ]
    return []


def is_number(node: ast.expr) -> bool:
    """Whether it is an integer, or worked out of integers into one."""
    if isinstance(node, ast.UnaryOp):
        return is_number(node.operand)
    if isinstance(node, ast.BinOp):
        return not isinstance(node.op, ast.Div) and is_number(node.left) and is_number(node.right)
    return isinstance(node, ast.Constant) and type(node.value) is int
