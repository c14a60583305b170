"""deploy/nginx.conf and deploy/Caddyfile: the programs take them, and hand streams on as they come."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from freerouter.emulator import Emulator
from freerouter.server import Access, tokens
from tests.deploy.files import free_port, text, tool
from tests.server.processes import LONG, clean
from tests.server.stage import ask, served
from tests.stage import until

TOKEN = "a-token-of-a-client"
SITE = "llm.example.org"
HEADERS = {"host": SITE, "authorization": f"Bearer {TOKEN}"}


def certify(folder) -> None:
    command = [tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", f"/CN={SITE}", "-keyout", f"{folder}/site.key", "-out", f"{folder}/site.pem"]
    subprocess.run(command, check=True, capture_output=True, timeout=LONG)


def nginx(folder, behind: int, port: int) -> list[str]:
    """The site of deploy/ with ports and files that are here."""
    certify(folder)
    site = text("nginx.conf")
    for there, here in (
        ("/etc/ssl/llm.example.org", f"{folder}/site"),
        ("127.0.0.1:8788", f"127.0.0.1:{behind}"),
        ("listen 443", f"listen 127.0.0.1:{port}"),
    ):
        assert there in site
        site = site.replace(there, here)
    kept = " ".join(f"{each}_temp_path {folder}/{each};" for each in ("proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;" if os.geteuid() == 0 else ""
    frame = f"""{user} daemon off; pid {folder}/pid; error_log stderr;
    events {{}} http {{ access_log off; client_body_temp_path {folder}/body; {kept} {site} }}"""
    (folder / "nginx.conf").write_text(frame)
    return [tool("nginx"), "-e", "stderr", "-c", f"{folder}/nginx.conf"]


def caddy(folder, behind: int, port: int) -> list[str]:
    """The site of deploy/ without TLS, whose certificate has to be asked for."""
    site = text("Caddyfile").replace("{$SITE}", f"http://127.0.0.1:{port}, http://{SITE}:{port}")
    for there, here in (("name freerouter", "name 127.0.0.1"), ("port 8788", f"port {behind}")):
        assert there in site
        site = site.replace(there, here)
    (folder / "Caddyfile").write_text("{\n\tadmin off\n}\n" + site)
    return [tool("caddy"), "run", "--adapter", "caddyfile", "--config", f"{folder}/Caddyfile"]


@contextmanager
def running(command: list[str], folder, url: str) -> Iterator[httpx.Client]:
    with subprocess.Popen(command, env=clean(folder), stderr=subprocess.DEVNULL) as process:
        try:
            with httpx.Client(base_url=url, verify=False, headers=HEADERS, timeout=20) as http:
                until(lambda: answers(http), LONG)
                yield http
        finally:
            process.terminate()


def answers(http: httpx.Client) -> bool:
    try:
        return http.get("/health").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize(("proxy", "scheme"), [(nginx, "https"), (caddy, "http")])
def test_streams_come_as_they_are_sent(tmp_path, proxy, scheme):
    emulator = Emulator(seed=1, per_minute=None, per_day=None, chunk_delay=0.1)
    access = Access(tokens(TOKEN), hosts=(SITE,))
    with emulator.running() as upstream, served(upstream, access) as server:
        port = free_port()
        with running(proxy(tmp_path, server.address[1], port), tmp_path, f"{scheme}://127.0.0.1:{port}") as http:
            assert http.get("/api/v1/models").status_code == 200
            with http.stream("POST", "/api/v1/chat/completions", json=ask(stream=True)) as reply:
                assert reply.status_code == 200
                chunks = reply.iter_bytes()
                received = next(chunks)
                assert emulator.completions[-1].closed == "", "the first piece comes before the last is sent"
                assert b"[DONE]" not in received
                assert b"".join(chunks).endswith(b"data: [DONE]\n\n")


def test_caddy_takes_the_file_as_it_is(tmp_path):
    (tmp_path / "Caddyfile").write_text(text("Caddyfile"))
    command = [tool("caddy"), "validate", "--adapter", "caddyfile", "--config", f"{tmp_path}/Caddyfile"]
    run = subprocess.run(command, env=clean(tmp_path, SITE=SITE), capture_output=True, timeout=LONG, check=False)
    assert run.returncode == 0, run.stderr
