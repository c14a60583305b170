"""The proxies that the environment names, for everything that is fetched."""

import socket
import threading
from contextlib import contextmanager

import pytest

from freerouter import CatalogError, Settings
from freerouter.network.catalog_source import CatalogSource
from freerouter.network.wire_protocols import NotSent
from freerouter.network.wires import environment_proxy
from tests.network.posts import closed_port, post
from tests.stage import URL


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, URL, None),
        ({"HTTPS_PROXY": "http://p:1"}, URL, "http://p:1"),
        ({"https_proxy": "http://p:1"}, URL, "http://p:1"),
        ({"HTTPS_PROXY": "p:1"}, URL, "http://p:1"),
        ({"ALL_PROXY": "http://p:1"}, URL, "http://p:1"),
        ({"HTTP_PROXY": "http://p:1"}, URL, None),
        ({"HTTP_PROXY": "http://p:1"}, "http://example.test/", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "ALL_PROXY": "http://q:1"}, URL, "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "openrouter.ai"}, URL, None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": ".ai"}, URL, None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, URL, None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "example.test"}, URL, "http://p:1"),
        ({"HTTP_PROXY": "http://p:1"}, "http://127.0.0.1:8789/api/v1", None),
        ({"HTTP_PROXY": "http://p:1"}, "http://localhost:8789/api/v1", None),
        ({"HTTP_PROXY": "http://p:1"}, "http://[::1]:8789/api/v1", None),
    ],
)
def test_the_environment_names_the_proxy(monkeypatch, environment, url, proxy):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert environment_proxy(url) == proxy


@contextmanager
def proxy():
    """A proxy that lets nobody through; gives its address and the request lines that it got."""
    seen = []

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                seen.append(connection.recv(65536).partition(b"\r\n")[0])
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}", seen
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_completions_go_through_the_environments_proxy(way, monkeypatch):
    with proxy() as (address, seen):
        monkeypatch.setenv("HTTPS_PROXY", address)
        with pytest.raises(NotSent):
            post(way, f"{URL}/chat/completions")
    assert seen == [b"CONNECT openrouter.ai:443 HTTP/1.1"]


def test_the_list_of_models_goes_through_the_environments_proxy(monkeypatch):
    with proxy() as (address, seen):
        monkeypatch.setenv("HTTPS_PROXY", address)
        with pytest.raises(CatalogError):
            CatalogSource(Settings()).get()
    assert seen == [b"CONNECT openrouter.ai:443 HTTP/1.1"]


def test_this_machine_is_reached_whatever_the_proxy(way, monkeypatch, chat):
    monkeypatch.setenv("HTTP_PROXY", closed_port())
    assert b"Hello" in post(way, chat)
