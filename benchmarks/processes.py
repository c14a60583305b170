"""The servers that are measured, as processes of their own, with the nginx that stands for OpenRouter."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

KEY = "sk-bench-0123456789abcdef0123456789abcdef"
_BIN = Path(sys.executable).parent

_NGINX = """
{user}
worker_processes 1; daemon off; pid {folder}/{name}.pid; error_log {folder}/{name}.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; client_body_temp_path {folder}/{name}-body;
  proxy_temp_path {folder}/{name}-proxy; fastcgi_temp_path {folder}/{name}-f; uwsgi_temp_path {folder}/{name}-u;
  scgi_temp_path {folder}/{name}-s; default_type application/json;
  upstream behind {{ server 127.0.0.1:{behind}; keepalive 256; keepalive_requests 100000000; }}
  server {{ listen 127.0.0.1:{port} backlog=4096; {locations} }}
}}
"""
_STATIC = """
  location ~ ^/(api/)?v1/chat/completions$ {{ return 200 '{answer}'; }}
  location = /api/v1/models {{ alias {folder}/models.json; }}
"""
_PROXY = 'location / { proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection ""; }'
_LITELLM = """
model_list:
  - model_name: free
    litellm_params: {{model: openai/model-1, api_base: "http://127.0.0.1:{behind}/api/v1", api_key: none}}
litellm_settings: {{telemetry: false}}
"""


def missing() -> list[str]:
    """The programs that are needed and not there."""
    return [name for name in ("nginx", "wrk") if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") is None]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where, as which process, and how many seconds it took until it answered."""

    port: int
    process: subprocess.Popen[bytes]
    started: float

    @property
    def megabytes(self) -> float:
        """Resident memory (Linux)."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0


@contextmanager
def _running(command: list[str], port: int, ready: str, folder: Path, **variables: str) -> Iterator[Server]:
    log = (folder / f"{port}.log").open("wb")
    begun = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, **variables}, stdout=log, stderr=log, cwd=Path.cwd())
    try:
        _wait_until_it_answers(f"http://127.0.0.1:{port}{ready}", process, log.name)
        if process.poll() is not None:
            raise RuntimeError(f"another program took port {port} in the meantime: start again")
        yield Server(port, process, time.perf_counter() - begun)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()
        log.close()


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: str, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        try:
            with urlopen(url, timeout=5):
                return
        except HTTPError as error:
            if error.code != 503:  # it answers, if only that there is no such page; 503 says: not yet
                return
        except OSError:
            pass
        time.sleep(0.01)
    raise RuntimeError(f"{url} does not answer: {Path(log).read_text()[-500:]}")


@contextmanager
def nginx(folder: Path, *, answer: bytes = b"", behind: int = 0) -> Iterator[Server]:
    """nginx that answers every question alike, or that hands on to the one behind."""
    port, name = free_port(), "proxy" if behind else "static"
    locations = _PROXY if behind else _STATIC.format(answer=answer.decode(), folder=folder)
    config = folder / f"{name}.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(
        _NGINX.format(folder=folder, name=name, port=port, behind=behind or 9, locations=locations, user=user)
    )
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program is not None
    with _running([program, "-e", f"{folder}/{name}.log", "-c", str(config)], port, "/api/v1/models", folder) as server:
        yield server


@contextmanager
def upstream(folder: Path) -> Iterator[Server]:
    """The upstream that streams."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.upstream", str(port), str(folder / "models.json")]
    with _running(command, port, "/api/v1/models", folder) as server:
        yield server


@contextmanager
def freerouter(folder: Path, behind: int, workers: int = 1) -> Iterator[Server]:
    """``freerouter serve``, with limits that no benchmark reaches."""
    port = free_port()
    command = [str(_BIN / "freerouter"), "serve", "--port", str(port), "--workers", str(workers)]
    variables = {
        "OPENROUTER_API_KEY": "sk-or-benchmark",
        "FREEROUTER_UPSTREAM": f"http://127.0.0.1:{behind}/api/v1",
        "FREEROUTER_REQUESTS_PER_MINUTE": "1000000000",
        "FREEROUTER_CACHE_DIR": str(folder / f"cache-{port}"),
    }
    with _running(command, port, "/ready", folder, **variables) as server:
        yield server


@contextmanager
def bare(folder: Path, behind: int) -> Iterator[Server]:
    """The bare pass-through, under the same uvicorn."""
    port = free_port()
    command = [str(_BIN / "uvicorn"), "benchmarks.passthrough:app", "--port", str(port)]
    command += ["--no-access-log", "--log-level", "error"]
    with _running(command, port, "/none", folder, UPSTREAM=f"http://127.0.0.1:{behind}") as server:
        yield server


@contextmanager
def litellm(folder: Path, behind: int) -> Iterator[Server]:
    """LiteLLM's proxy with one worker."""
    port = free_port()
    config = folder / f"litellm-{port}.yaml"
    config.write_text(_LITELLM.format(behind=behind))
    command = [str(_BIN / "litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    variables = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MASTER_KEY": KEY, "LITELLM_LOG": "ERROR"}
    with _running([*command, "--num_workers", "1"], port, "/health/liveliness", folder, **variables) as server:
        yield server
