"""The kinds of documents: a PDF (any model, through a free parser), a text (no document input), or another file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

# Characters of a text that are searched for a name; signed URLs are long.
_LONGEST_NAME = 8_192
_PDF_TYPE = "application/pdf"
# The first characters of a PDF in base64.
_PDF_BYTES = "JVBERi0"
_PDF_IN_ADDRESS = re.compile(r"\.pdf(?![\w.-])|/pdf/|application(?:/|%2f)pdf")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://")
_DATA_URL = re.compile(r"data:([^;,]{1,200})", re.IGNORECASE)
_MEDIA_TYPE = re.compile(r"(?:application|text)/[\w.+-]{1,100}")
# It does not say what the file is.
_ANY_TYPE = "application/octet-stream"
_TEXT_SOURCES = ("text", "content")


class Document(Enum):
    """How a model can take a document."""

    PDF = "pdf"
    TEXT = "text"
    OTHER = "other"


def form_of(part: Mapping[str, Any]) -> Document:
    """The kind of a document: by its form, its data URL or media type, else by its name or first bytes."""
    source = part.get("source")
    if isinstance(source, dict) and source.get("type") in _TEXT_SOURCES:
        return Document.TEXT
    texts = list(texts_of(part))
    stated = next(filter(None, map(_in_data_url, texts)), None) or next(filter(_MEDIA_TYPE.fullmatch, texts), "")
    if stated and stated != _ANY_TYPE:
        return Document.PDF if stated == _PDF_TYPE else Document.TEXT if stated.startswith("text/") else Document.OTHER
    return Document.PDF if any(map(_seems_pdf, texts)) else Document.OTHER


def texts_of(part: Any) -> Iterator[str]:
    """The texts of a part that hold its payload: directly in it, or one level down (``image_url.url``)."""
    for value in part.values() if isinstance(part, dict) else ():
        for text in value.values() if isinstance(value, dict) else (value,):
            if isinstance(text, str):
                yield text


def _in_data_url(text: str) -> str:
    """The media type of a data URL; empty if there is none, or one without meaning."""
    found = _DATA_URL.match(text)
    kind = found[1].lower() if found else ""
    return "" if kind == _ANY_TYPE else kind


def _seems_pdf(text: str) -> bool:
    if text.startswith(_PDF_BYTES):
        return True
    if len(text) > _LONGEST_NAME:
        return False
    text = text.lower()
    return text.endswith(".pdf") or bool(_ADDRESS.match(text) and _PDF_IN_ADDRESS.search(text))
