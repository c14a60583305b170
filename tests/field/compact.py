"""Makes ``cases.json`` of folders with one case each: ``python -m tests.field.compact FOLDER``."""

import json
import re
import sys
from pathlib import Path
from typing import Any

from tests.field.cases import CASES, as_bytes, full_row, full_rows

RUN = re.compile(r"(.)\1{199,}", re.DOTALL)


def text_of(data: bytes) -> Any:
    """Bytes as JSON holds them: text; pieces, where one character repeats for long; hexadecimal, if it is no text."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return {"hex": data.hex()}
    pieces: list[Any] = []
    end = 0
    for run in RUN.finditer(text):
        pieces += [text[end : run.start()], [run[1], len(run[0])]]
        end = run.end()
    small = [*pieces, text[end:]] if pieces else text
    assert as_bytes(small) == data
    return small


def small_row(row: Any) -> Any:
    """A row as its id and how it differs from a plain one; as it is, if it lacks what a plain one has."""
    if not isinstance(row, dict) or full_row(row["id"]).keys() - row.keys():
        return row
    plain = full_row(row["id"])
    small = [row["id"], {name: value for name, value in row.items() if plain.get(name) != value}]
    assert full_rows([small]) == [row]
    return small


def read(folder: Path, catalogs: dict[str, Any]) -> dict[str, Any]:
    case = json.loads((folder / "case.json").read_bytes())
    case["why"] = (folder / "expected.txt").read_text(encoding="utf-8").strip()
    shorten(case["right"])
    requests = sorted(
        {*folder.glob("request.*"), *(folder / then["request"] for then in case.get("then", ()) if "request" in then)}
    )
    case["requests"] = {path.name: text_of(path.read_bytes()) for path in requests}
    if (folder / "reply.body").exists():
        case["reply"] = json.loads((folder / "reply.json").read_bytes())
        case["reply"]["body"] = text_of((folder / "reply.body").read_bytes())
    if (folder / "catalog.json").exists():
        rows = [small_row(row) for row in json.loads((folder / "catalog.json").read_bytes())["data"]]
        case["catalog"] = next((name for name, known in catalogs.items() if known == rows), folder.name)
        catalogs[case["catalog"]] = rows
    return case


def shorten(right: dict[str, Any]) -> None:
    for name in {"reply_has", "reply_lacks"} & right.keys():
        right[name] = text_of(right[name].encode())


def lines(items: dict[str, Any]) -> str:
    """An object with a line for each of its members."""
    return ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in items.items())


def main(folder: Path) -> None:
    catalogs: dict[str, Any] = {}
    cases = {path.parent.name: read(path.parent, catalogs) for path in sorted(folder.glob("*/case.json"))}
    CASES.write_text(f'{{"catalogs": {{\n{lines(catalogs)}}},\n"cases": {{\n{lines(cases)}}}}}\n', encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
