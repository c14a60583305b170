"""Change: one small fault put into a module's syntax tree."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import CodeType
from typing import NamedTuple

_FLIPPED = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Continue: ast.Break,
    ast.Break: ast.Continue,
}
_OTHER_CALL = {"min": "max", "max": "min", "any": "all", "all": "any"}
# Types, texts for people and what only a type checker needs: no test could or should notice.
_LEFT_ALONE = (ast.JoinedStr, ast.Assert, ast.Import, ast.ImportFrom)
_NOT_READ = frozenset({"annotation", "returns", "decorator_list"})
_LONGEST = 110


class Site(NamedTuple):
    """A node, where it hangs, the names of the functions and classes around it, and the nodes from the root to it."""

    holder: ast.AST
    field: str
    index: int | None
    node: ast.AST
    names: tuple[str, ...]
    path: tuple[ast.AST, ...]

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.holder, self.field, node)
        else:
            getattr(self.holder, self.field)[self.index] = node


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    Attributes:
        file: of the module, from the root of the repository.
        number: of all changes of the module.
        function: the qualified name of the outermost function around it; None for what runs at import.
        where: the qualified name of what is around it.
        lines: those that it may touch.
        was, now: the code before and after.
    """

    file: str
    number: int
    function: str | None
    where: str
    lines: tuple[int, int]
    was: str
    now: str

    @property
    def module(self) -> str:
        return self.file.removesuffix(".py").replace("/", ".")

    @property
    def needs_import(self) -> bool:
        """It runs when a class or a function's defaults are made, or it may take a function's link to its class."""
        return (self.function is None and bool(self.where)) or "super()" in self.was

    @property
    def key(self) -> str:
        """What a reason is kept under; without the line, which moves."""
        return f"{self.where}: {self.was} -> {self.now}"


def changes_of(file: str) -> list[Change]:
    """All changes of a module."""
    found = []
    for number, (site, replacement) in enumerate(_replacements(ast.parse(Path(file).read_text("utf-8")))):
        was = _shown(site)
        site.put(replacement)
        now = _shown(site)
        site.put(site.node)
        found.append(Change(file, number, _function(site), ".".join(site.names), _lines(site), was, now))
    return found


def changed_code(change: Change) -> CodeType:
    """The module's code with the change in it."""
    tree = ast.parse(Path(change.file).read_text("utf-8"))
    site, replacement = next(item for number, item in enumerate(_replacements(tree)) if number == change.number)
    site.put(ast.copy_location(replacement, site.node))
    return compile(ast.fix_missing_locations(tree), str(Path(change.file).resolve()), "exec")


def _replacements(tree: ast.Module) -> Iterator[tuple[Site, ast.AST]]:
    for site in _sites(tree, (), (tree,)):
        yield from ((site, replacement) for replacement in _others(site.node))
        if isinstance(site.holder, ast.Dict) and site.field == "values":
            yield from ((site, replacement) for replacement in _next_value(site.holder, site.index or 0))


def _sites(holder: ast.AST, names: tuple[str, ...], path: tuple[ast.AST, ...]) -> Iterator[Site]:
    if isinstance(holder, ast.ClassDef | ast.FunctionDef):
        names = (*names, holder.name)
    for field, value in ast.iter_fields(holder):
        if field in _NOT_READ:
            continue
        for index, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(node, ast.AST) and not isinstance(node, _LEFT_ALONE) and not _is_docstring(node):
                yield Site(holder, field, index, node, names, path)
                yield from _sites(node, names, (*path, node))


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _others(node: ast.AST) -> Iterator[ast.AST]:
    """What could stand in a node's place."""
    if type(node) in _FLIPPED:
        yield _FLIPPED[type(node)]()
    match node:
        case ast.Constant():
            yield from _other_values(node.value)
        case ast.BoolOp():
            yield from _shortened(node)
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.If() | ast.While() | ast.IfExp() if not isinstance(node.test, ast.Compare | ast.BoolOp | ast.UnaryOp):
            yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
        case ast.comprehension(ifs=[_, *_]):
            yield _with(node, ifs=[])
        case ast.Call(func=ast.Name(id=name)) if name in _OTHER_CALL:
            yield _with(node, func=ast.Name(_OTHER_CALL[name], ast.Load()))
        case ast.Return(value=value) if value is not None and not _is_none(value):
            yield ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Delete():
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield ast.Pass()


def _other_values(value: object) -> Iterator[ast.AST]:
    match value:
        case bool():
            yield ast.Constant(not value)
        case int() | float():
            yield ast.Constant(value + 1)
        case str():
            yield ast.Constant(value + "~")
        case bytes():
            yield ast.Constant(value + b"~")


def _shortened(node: ast.BoolOp) -> Iterator[ast.AST]:
    """A condition without one of its parts."""
    for index in range(len(node.values)):
        rest = node.values[:index] + node.values[index + 1 :]
        yield ast.BoolOp(node.op, rest) if len(rest) > 1 else rest[0]


def _next_value(table: ast.Dict, index: int) -> Iterator[ast.AST]:
    """A row of a table has the value of the next one."""
    following = table.values[index + 1 : index + 2]
    return (value for value in following if ast.dump(value) != ast.dump(table.values[index]))


def _with(node: ast.AST, **fields: object) -> ast.AST:
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _function(site: Site) -> str | None:
    """The outermost function around a node, unless it runs where that is defined."""
    names: list[str] = []
    for node, inner in pairwise((*site.path, site.node)):
        if isinstance(node, ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.FunctionDef):
            return ".".join([*names, node.name]) if inner in node.body else None
    return None


def _lines(site: Site) -> tuple[int, int]:
    """The lines of the innermost statement, without what stands inside of it."""
    statement = next(node for node in (site.node, *reversed(site.path)) if isinstance(node, ast.stmt | ast.Module))
    if isinstance(statement, ast.Module):
        return (1, 1)
    body = getattr(statement, "body", None)
    return statement.lineno, body[0].lineno - 1 if body else statement.end_lineno or statement.lineno


def _shown(site: Site) -> str:
    """The code around a node, as much of it as fits a line."""
    if isinstance(site.holder, ast.Dict) and site.field == "values" and (key := site.holder.keys[site.index or 0]):
        return f"{ast.unparse(key)}: {ast.unparse(site.holder.values[site.index or 0])}"
    text = ""
    now = [getattr(site.holder, site.field)] if site.index is None else [getattr(site.holder, site.field)[site.index]]
    for node in [*now, *reversed(site.path)]:
        if isinstance(node, ast.stmt):
            return ast.unparse(node).partition("\n")[0] if not text or len(ast.unparse(node)) < _LONGEST else text
        if isinstance(node, ast.expr) and (not text or len(ast.unparse(node)) < _LONGEST):
            text = ast.unparse(node)
    return text
