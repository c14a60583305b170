"""What systemd is told of the server's state (sd_notify(3)), where it asks for that."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress

READY = "READY=1"
STOPPING = "STOPPING=1"


def reloading() -> str:
    """The state of a server that starts new workers."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"


def tell(state: str) -> None:
    """Tell systemd, unless something else started the server."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.sendto(state.encode(), address.replace("@", "\0", 1) if address[0] == "@" else address)
