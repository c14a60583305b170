"""Forks in the midst of a refresh; its own process, since a fork takes along whatever runs beside it."""

import os
import sys
import threading
import warnings
from pathlib import Path

import httpx

from freerouter import Settings
from freerouter.network.catalog_source import CatalogSource

warnings.simplefilter("ignore")
ROW = (
    '{"id": "a/b:free", "pricing": {"prompt": "0", "completion": "0"}, "context_length": 8192,'
    '"architecture": {"input_modalities": ["text"], "output_modalities": ["text"]}}'
)
parent = os.getpid()
in_flight, go_on = threading.Event(), threading.Event()


def handle(_: httpx.Request) -> httpx.Response:
    if os.getpid() == parent and first is not None:
        in_flight.set()
        go_on.wait(10)
    return httpx.Response(200, text=f'{{"data": [{ROW}]}}')


first = None
source = CatalogSource(Settings(cache_dir=sys.argv[1]), transport=httpx.MockTransport(handle))
first = source.get()
source.refresh()
in_flight.wait(10)
child = os.fork()
if child == 0:
    for copy in Path(sys.argv[1]).iterdir():
        copy.unlink()
    sys.stdout.write("kept\n" if source.get() is first else "lost\n")
    sys.stdout.write("refreshed\n" if source.refresh().result(5) is not first else "not refreshed\n")
    sys.stdout.flush()
    os._exit(0)
os.waitpid(child, 0)
go_on.set()
