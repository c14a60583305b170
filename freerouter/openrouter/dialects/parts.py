"""Walking through the parts of a conversation's messages: pictures, clips and documents, wherever they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from freerouter.errors import InvalidRequestError
from freerouter.openrouter.dialects.base import Survey

_LONGEST_NAME = 2_048
_PDF = "data:application/pdf"


def messages_of(body: Mapping[str, Any], field: str) -> list[Any] | tuple[Any, ...]:
    """The messages of a request.

    Raises:
        InvalidRequestError: there are none, or they are no list.
    """
    messages = body.get(field)
    if not isinstance(messages, (list, tuple)) or not messages:
        complaint = "is missing" if messages is None else "must be a list with at least one message"
        raise InvalidRequestError(f"{field} {complaint}", field=field)
    return messages


def survey_parts(parts: Any, where: str, found: Survey, modalities: Mapping[str, str]) -> None:
    """Note what the parts of a message need, those inside of a tool's result included.

    Args:
        parts: the content of a message that is no plain text.
        where: its place in the request.
        found: what has been found so far; grows.
        modalities: which types of parts are which input modality.

    Raises:
        InvalidRequestError: a part is no object with a type.
    """
    if not isinstance(parts, (list, tuple)):
        raise InvalidRequestError(f"{where} must be text or a list of parts", field=where)
    for index, part in enumerate(parts):
        kind = part.get("type") if isinstance(part, dict) else None
        if not isinstance(kind, str):
            field = f"{where}[{index}]"
            raise InvalidRequestError(f"{field} must be an object with a type", field=field)
        modality = modalities.get(kind)
        if modality is not None:
            note_medium(modality, part, f"{where}[{index}]", found)
        elif isinstance(inner := part.get("content"), (list, tuple)):
            survey_parts(inner, f"{where}[{index}].content", found, modalities)


def note_medium(modality: str, part: Any, where: str, found: Survey) -> None:
    """Count a medium and its payload, and note what it needs; a PDF works on any model, through a parser."""
    texts = list(_texts(part))
    found.media += 1
    found.payload += sum(map(len, texts))
    if modality == "file" and _is_pdf(texts):
        found.pdf = found.pdf or where
    else:
        found.needs.setdefault(modality, where)


def _texts(part: Any) -> Iterator[str]:
    """The texts of a part, which are its payload: directly in it, or one level down (``image_url.url``)."""
    for value in part.values() if isinstance(part, dict) else ():
        for text in value.values() if isinstance(value, dict) else (value,):
            if isinstance(text, str):
                yield text


def _is_pdf(texts: list[str]) -> bool:
    """By its data URL, else by its media type, else by its name."""
    for text in texts:
        if (start := text[: len(_PDF)].lower()).startswith("data:"):
            return start == _PDF
    return any(
        text == "application/pdf" or (len(text) < _LONGEST_NAME and text.lower().endswith(".pdf")) for text in texts
    )
