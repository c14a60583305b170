"""Sync and async twins are the same text but for ``await`` and a short table of names."""

import ast
import re
from pathlib import Path

import pytest

import freerouter

ROOMS = (
    "pipeline.forwarding",
    "pipeline.sending",
    "pipeline.delivery",
    "library.client",
    "library.chat",
    "library.chat_streams",
    "transport",
    "network.wires",
    "network.wire_protocols",
)

# What an async twin calls by another name; besides, ``Async`` at the beginning of a name is dropped.
NAMES = {
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "aclose": "close",
    "aiter": "iter",
    "anext": "next",
    "anyio": "time",
    "aread": "read",
    "AsyncByteStream": "SyncByteStream",
    "asynccontextmanager": "contextmanager",
    "allowed_async": "allowed",
    "close_async": "close",
    "get_async": "get",
    "handle_async_request": "handle_request",
    "read_once_async": "read_once",
    "take_async": "take",
}

# Methods that differ for a reason.
EXEMPT = {
    "network.wires.AsyncHttpxReply._chunks": "a time limit cancels an async read; a sync one is judged when it is over",
    "network.wires.AsyncHttpxReply.close": "a cancelled task closes, too: that must be shielded",
    "network.wires.AsyncHttpxWire.__init__": "transports belong to an event loop here, and to a process there",
    "network.wires.AsyncHttpxWire._of_this_loop": "as above",
    "network.wires.AsyncHttpxWire.transport": "as above",
    "network.wires.AsyncHttpxWire.close": "as above",
    "network.wires.AsyncHttpxWire.open": "a time limit cancels, as above",
    "transport.AsyncRoutingTransport.__init__": "a thread fetches the list of models, over a sync transport alone",
}


class ToSync(ast.NodeTransformer):
    """Rewrites async code to what its sync twin should say."""

    def _rename(self, name: str) -> str:
        return NAMES.get(name, re.sub(r"^(_?)Async", r"\1", name))

    def visit_Name(self, node):
        return ast.Name(self._rename(node.id), node.ctx)

    def visit_Attribute(self, node):
        self.generic_visit(node)
        return ast.Attribute(node.value, self._rename(node.attr), node.ctx)

    def visit_ClassDef(self, node):
        self.generic_visit(node)
        node.name = self._rename(node.name)
        return node

    def visit_FunctionDef(self, node):
        self.generic_visit(node)
        fields = {name: getattr(node, name) for name in node._fields}
        return ast.FunctionDef(**{**fields, "name": self._rename(node.name)})

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815  # the name is ast's

    def visit_AsyncFor(self, node):
        self.generic_visit(node)
        return ast.For(node.target, node.iter, node.body, node.orelse)

    def visit_AsyncWith(self, node):
        self.generic_visit(node)
        return ast.With(node.items, node.body)

    def visit_Await(self, node):
        return self.visit(node.value)

    def visit_Call(self, node):
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "aside":  # large bodies, in a thread
            _, work, *args = node.args
            return ast.Call(work, args, [])
        return node

    def visit_Subscript(self, node):
        self.generic_visit(node)
        awaited = isinstance(node.value, ast.Name) and node.value.id == "Awaitable"
        return node.slice if awaited else node

    def visit_ListComp(self, node):
        """What takes an iterable takes an async one as a list: ``[x async for x in y]`` is ``y``."""
        self.generic_visit(node)
        (loop,) = node.generators
        plain = loop.is_async and not loop.ifs and ast.dump(node.elt) == ast.dump(loop.target).replace("Store", "Load")
        return loop.iter if plain else node


class WithoutDocstrings(ast.NodeTransformer):
    def generic_visit(self, node):
        super().generic_visit(node)
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            node.body = body[1:]
        return node


def members(node: ast.ClassDef) -> dict[str, str]:
    """Each method of a class, and what else it says (bases, decorators, attributes), as text to compare."""
    functions = [part for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)]
    rest = [part for part in node.body if part not in functions]
    head = ast.ClassDef(node.name, node.bases, node.keywords, rest or [ast.Pass()], node.decorator_list)
    return {"": ast.dump(head)} | {function.name: ast.dump(function) for function in functions}


def classes(room: str) -> dict[str, ast.ClassDef]:
    tree = ast.parse((Path(freerouter.__file__).parent / f"{room.replace('.', '/')}.py").read_text(encoding="utf-8"))
    tree = WithoutDocstrings().visit(tree)
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def twins() -> list[tuple[str, str]]:
    return [(room, name) for room in ROOMS for name in classes(room) if name.lstrip("_").startswith("Async")]


def differences(room: str, name: str) -> list[str]:
    """The methods of an async class, by their full name, that its twin has not, or has otherwise."""
    found = classes(room)
    theirs = members(found[re.sub(r"^(_?)Async", r"\1", name)])
    mine = dict.fromkeys(members(found[name]), "")
    mapped = members(ToSync().visit(found[name]))
    names = dict(zip(mapped, mine, strict=True))
    return [f"{room}.{name}.{names.get(m, m)}" for m in {**mapped, **theirs} if mapped.get(m) != theirs.get(m)]


@pytest.mark.parametrize(("room", "name"), twins())
def test_an_async_class_is_its_sync_twin_but_for_a_table_of_names(room, name):
    assert [method for method in differences(room, name) if method not in EXEMPT] == []


def test_there_are_twins_and_every_exemption_is_needed():
    assert len(twins()) >= 13
    assert {method for twin in twins() for method in differences(*twin)} == EXEMPT.keys()


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("async def f(self): return await self.g()", "def f(self): return self.h()"),
        ("async def f(self): await self.g()", "def f(self): pass"),
        ("async def f(self, a=1): pass", "def f(self, a=2): pass"),
        ("async def f(self):\n  async for a in self: yield a", "def f(self):\n  for a in self: yield (a, a)"),
    ],
)
def test_what_differs_is_seen(mine, theirs):
    assert ast.dump(ToSync().visit(ast.parse(mine))) != ast.dump(ast.parse(theirs))
