"""The fixtures of the rooms with I/O hold here, too."""

from tests.wire.conftest import anyio_backend, clean_environment, emulator, settings, upstream

__all__ = ["anyio_backend", "clean_environment", "emulator", "settings", "upstream"]
