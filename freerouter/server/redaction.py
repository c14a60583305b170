"""Redaction: keeps the server's own key out of its answers, because some gateways repeat it in their errors."""

from __future__ import annotations

from collections.abc import AsyncIterator

from freerouter.openrouter.headers import Headers

_INSTEAD = "[redacted]"


class Redaction:
    """Replaces a key.

    Args:
        key: the key; None for no key.
    """

    def __init__(self, key: str | None) -> None:
        self._text = key or ""
        self._key = self._text.encode()

    def headers(self, headers: Headers) -> Headers:
        """Headers without it."""
        if not self._key or self._text not in "\n".join([value for _, value in headers]):
            return headers
        return [(name, value.replace(self._text, _INSTEAD)) for name, value in headers]

    def body(self, body: bytes) -> bytes:
        """A whole body without it."""
        return body.replace(self._key, _INSTEAD.encode()) if self._key and self._key in body else body

    async def stream(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The chunks of a body without it, though it may begin in one and end in the next."""
        kept = b""
        async for chunk in chunks:
            clean = self.body(kept + chunk if kept else chunk)
            kept = b"" if clean.endswith(b"\n") else self._beginning(clean)
            if len(clean) > len(kept):
                yield clean.removesuffix(kept)
        if kept:
            yield kept

    def _beginning(self, chunk: bytes) -> bytes:
        """The end of a chunk that may be the beginning of the key."""
        for size in range(min(len(chunk), len(self._key) - 1), 0, -1):
            if chunk.endswith(self._key[:size]):
                return self._key[:size]
        return b""
