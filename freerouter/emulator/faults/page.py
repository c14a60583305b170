"""The list of all faults as a page of documentation, made from the registry."""

from collections.abc import Iterator, Mapping

from freerouter.emulator.faults.kinds import FaultKind
from freerouter.emulator.faults.registry import FAULTS, SECTIONS

_HEAD = """# The faults of the emulator

`freerouter emulate` is an OpenRouter on your machine that can be made to fail in {count} ways. Rules in a file say
which fault strikes which requests:

```toml
seed = 1  # repeats the draws of the probabilities

[[faults]]
kind = "rate_limited"   # a name from the tables below
models = "nvidia/*"     # a glob over model ids, or a list of globs; all models without it
probability = 0.3       # of each request; 1 without it
count = 5               # strikes at most so often; no limit without it
window = [10, 60]       # only between these seconds after the start; always without it
```

```console
$ freerouter emulate --faults faults.toml
```

The first rule that matches a request, and whose draw says so, strikes. The file may be JSON, too. In a Python program:

```py
from freerouter.emulator import Emulator, Fault, Faults

with Emulator(seed=1, faults=Faults([Fault("rate_limited", models="nvidia/*")])).running() as url:
    ...
```

"Strikes" says which requests a fault can strike: those for an answer in one piece, those for a stream, or both.
"Holds for" says whether the reply means one model, or the account and so every model.
[Reliability](reliability.md) has the share of requests that are answered while a third of the models has a fault.

`python -m freerouter.emulator.faults` prints this page from the registry of faults; `make faults` writes it.
"""
_TABLE = """
## {title}

| fault | what the client gets | strikes | holds for |
|---|---|---|---|
"""


def page() -> str:
    """The page in Markdown."""
    return "".join([_HEAD.format(count=len(FAULTS)), *map(_section, SECTIONS)])


def _section(title: str) -> str:
    return "".join([_TABLE.format(title=title), *_rows(SECTIONS[title])])


def _rows(faults: Mapping[str, FaultKind]) -> Iterator[str]:
    for name, kind in faults.items():
        holds_for = "the account" if kind.account else "the model"
        yield f"| `{name}` | {kind.summary} | {_strikes(kind)} | {holds_for} |\n"


def _strikes(kind: FaultKind) -> str:
    forms = [form for form, strikes in (("one piece", kind.json), ("stream", kind.stream)) if strikes]
    return ", ".join(forms) + (" (on a connection used before)" if kind.reused else "")
