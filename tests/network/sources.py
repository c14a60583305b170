"""Lists of models as a scripted upstream serves them, and sources that read them."""

import json
import os
from pathlib import Path

import httpx

from freerouter import Settings
from freerouter.network.catalog_source import CatalogSource
from tests.stage import KEY, Upstream, until

NOON = 1_790_000_000.0
AGE = 300.0


def row(name: str) -> dict:
    return {
        "id": f"author/{name}:free",
        "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
        "pricing": {"prompt": "0", "completion": "0"},
        "context_length": 8192,
    }


def listing(*names: str, following: str | None = None) -> bytes:
    rows = [row(name) for name in names]
    return json.dumps({"data": rows, "total_count": len(rows), "links": {"next": following}}).encode()


def serving(*names: str) -> Upstream:
    return Upstream(lambda _: httpx.Response(200, content=listing(*names)))


def ids(catalog) -> list[str]:
    return [model.id.removeprefix("author/").removesuffix(":free") for model in catalog.models]


def unreachable() -> Upstream:
    def refuse(request):
        raise httpx.ConnectError("refused", request=request)

    return Upstream(refuse)


class Stage:
    """Sources that share a folder and a clock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = NOON

    def source(self, upstream: Upstream | None = None, **rest) -> CatalogSource:
        settings = Settings(cache_dir=str(self.folder), catalog_age=AGE, api_key=KEY)
        transport = (upstream or unreachable()).transport
        return CatalogSource(settings, **{"transport": transport, "wall": lambda: self.now, **rest})

    @property
    def copies(self) -> list[Path]:
        return sorted(self.folder.iterdir()) if self.folder.exists() else []

    def keep(self, *names: str, age: float = 0.0, account: bool = False) -> None:
        """Leave a copy behind that is so many seconds old."""
        self.source(serving(*names), account=account).refresh().result(5)
        for copy in self.copies:
            os.utime(copy, (self.now - age, self.now - age))


def settled(source: CatalogSource) -> None:
    """Wait until no refresh runs."""
    until(lambda: source._refresh is None)
