"""Attachments of a prompt: images, recordings and files, as parts of a message."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from freerouter.errors import InvalidRequestError

# The limit of OpenRouter's providers; a request is held in memory as text, in several copies.
_LARGEST = 50 * 1024 * 1024

_PICTURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
_SOUNDS = {b"ID3": "mp3", b"\xff\xfb": "mp3", b"\xff\xf3": "mp3", b"\xff\xf2": "mp3", b"fLaC": "flac", b"OggS": "ogg"}


def image_part(given: str) -> dict[str, Any]:
    """An image by its URL, or from a file as a data URL. Raises InvalidRequestError when it is not an image."""
    if given.startswith(("https://", "http://", "data:image/")):
        return {"type": "image_url", "image_url": {"url": given}}
    data = _read(given, "--image")
    kind = _recognized(data, _PICTURES) or ("image/webp" if _riff(data) == b"WEBP" else None)
    if kind is None:
        raise InvalidRequestError(
            f"--image {given}: is not a PNG, JPEG, GIF or WebP file: convert it first", field="image"
        )
    return {"type": "image_url", "image_url": {"url": _data_url(kind, data)}}


def audio_part(given: str) -> dict[str, Any]:
    """A recording from a file. Raises InvalidRequestError when it is not a recording."""
    data = _read(given, "--audio")
    kind = _recognized(data, _SOUNDS) or ("wav" if _riff(data) == b"WAVE" else None)
    if kind is None and data[4:8] == b"ftyp":
        kind = "m4a"
    if kind is None:
        raise InvalidRequestError(
            f"--audio {given}: is not a WAV, MP3, FLAC, Ogg or M4A file: convert it first", field="audio"
        )
    return {"type": "input_audio", "input_audio": {"data": base64.b64encode(data).decode(), "format": kind}}


def file_part(given: str) -> dict[str, Any]:
    """A PDF as a file, any text as text with its name. Raises InvalidRequestError for other files."""
    data = _read(given, "--file")
    name = Path(given).name
    if data.startswith(b"%PDF"):
        return {"type": "file", "file": {"filename": name, "file_data": _data_url("application/pdf", data)}}
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise InvalidRequestError(f"--file {given}: is neither a PDF nor text in UTF-8", field="file")
    return {"type": "text", "text": f"{name}:\n\n{text}"}


def _read(given: str, option: str) -> bytes:
    """The bytes of a file. Raises InvalidRequestError: it cannot be read, or is empty or too large."""
    path = Path(given)
    try:
        size = path.stat().st_size
        data = b"" if size > _LARGEST else path.read_bytes()
    except OSError as error:
        raise InvalidRequestError(f"{option} {given}: cannot be read: {error.strerror}", field=option[2:]) from None
    if size > _LARGEST:
        raise InvalidRequestError(f"{option} {given}: is larger than {_LARGEST >> 20} MiB", field=option[2:])
    if not data:
        raise InvalidRequestError(f"{option} {given}: is empty", field=option[2:])
    return data


def _recognized(data: bytes, kinds: dict[bytes, str]) -> str | None:
    """The kind of a file by its first bytes, not by its name."""
    return next((kind for start, kind in kinds.items() if data.startswith(start)), None)


def _riff(data: bytes) -> bytes:
    return data[8:12] if data.startswith(b"RIFF") else b""


def _data_url(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
