"""Servers that lead to each other: found where the list of models is read, too."""

import socket
from contextlib import ExitStack

import httpx

from freerouter import Router, Settings
from freerouter.server import App
from tests.server.stage import running
from tests.stage import KEY


def test_a_circle_of_two_servers_is_found_by_reading_the_list(tmp_path):
    """Each is the other's upstream; neither has a list."""
    with ExitStack() as stack:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        first = App(
            Router(Settings(upstream=f"http://127.0.0.1:{port}/api/v1", api_key=KEY, cache_dir=str(tmp_path / "1")))
        )
        first_url = stack.enter_context(running(first))
        second = App(Router(Settings(upstream=f"{first_url}/api/v1", api_key=KEY, cache_dir=str(tmp_path / "2"))))
        stack.enter_context(running(second, port))
        answer = httpx.get(f"{first_url}/api/v1/models", timeout=30)
    assert answer.status_code == 429
    assert "leads back to this server" in answer.json()["error"]["message"]
