"""Replies of every shape: whole answers and streams, each with what is to be made of it."""

import json
from typing import Any

from freerouter.replies.reading import Flaw

ANSWERED, ERROR = "answered", "error"
JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream"}
COMMENT = b": OPENROUTER PROCESSING\n\n"
DONE = b"data: [DONE]\n\n"
_NOTHING = {"prompt_tokens": 3, "completion_tokens": 0}
_SOME = {"prompt_tokens": 3, "completion_tokens": 7}


def answer(message: Any, finish: Any = "stop", **rest: Any) -> bytes:
    choice = {"index": 0, "finish_reason": finish, "message": message}
    return json.dumps({"id": "gen-1", "model": "m/0:free", "choices": [choice], **rest}).encode()


def said(**fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": "", **fields}


CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}

BODIES: dict[str, tuple[bytes, Any]] = {
    "text": (answer(said(content="Hi"), usage=_SOME), ANSWERED),
    "text without usage": (answer(said(content="Hi")), ANSWERED),
    "a blank": (answer(said(content=" "), usage=_SOME), Flaw.EMPTY),
    "blanks of all kinds": (answer(said(content="\n\n \t\u00a0\u2003", reasoning=" "), usage=_SOME), Flaw.EMPTY),
    "parts": (answer(said(content=[{"type": "text", "text": "Hi"}])), ANSWERED),
    "an image among the parts": (answer(said(content=[PICTURE])), ANSWERED),
    "empty parts": (
        answer(said(content=[{"type": "text", "text": " "}, {"type": "text"}, None]), usage=_SOME), Flaw.EMPTY),
    "no parts": (answer(said(content=[]), usage=_SOME), Flaw.EMPTY),
    "empty, no usage": (answer(said()), Flaw.EMPTY),
    "empty, zero tokens": (answer(said(), usage=_NOTHING), Flaw.EMPTY),
    "empty, null tokens": (answer(said(), usage={"completion_tokens": None}), Flaw.EMPTY),
    "empty, usage null": (answer(said(), usage=None), Flaw.EMPTY),
    "empty, some tokens": (answer(said(), usage=_SOME), Flaw.EMPTY),
    "network_error, some tokens": (answer(said(), finish="network_error", usage=_SOME), Flaw.EMPTY),
    "abort, some tokens": (answer(said(), finish="abort", usage=_SOME), Flaw.EMPTY),
    "a native error, some tokens": (answer(said(), finish="ERROR", usage=_SOME), Flaw.EMPTY),
    "an empty finish": (answer(said(), finish=""), Flaw.NO_CHOICES),
    "null content": (answer(said(content=None)), Flaw.EMPTY),
    "no content": (answer({"role": "assistant"}), Flaw.EMPTY),
    "null message": (answer(None), Flaw.EMPTY),
    "nothing but the role, no finish": (answer(said(), finish=None), Flaw.NO_CHOICES),
    "reasoning only": (answer(said(reasoning="Hm")), ANSWERED),
    "reasoning details only": (answer(said(reasoning_details=[{"type": "reasoning.text", "text": "Hm"}])), ANSWERED),
    "hidden reasoning only": (answer(said(reasoning_details=[{"type": "reasoning.encrypted", "data": "x"}])), ANSWERED),
    "empty reasoning details": (
        answer(said(reasoning_details=[{"type": "reasoning.text", "text": "", "index": 0}])), Flaw.EMPTY),
    "reasoning as an object": (answer(said(reasoning={"text": "Hm"})), ANSWERED),
    "reasoning_content only": (answer(said(reasoning_content="Hm")), ANSWERED),
    "finish length, some tokens": (answer(said(), finish="length", usage=_SOME), ANSWERED),
    "finish length, no token": (answer(said(), finish="length", usage=_NOTHING), Flaw.EMPTY),
    "finish length, nothing counted": (answer(said(), finish="length"), Flaw.EMPTY),
    "function_call alone": (
        answer(said(content=None, function_call={"name": "f", "arguments": "{}"}), finish="function_call"), ANSWERED),
    "a tool call of nothing": (answer(said(tool_calls=[{"index": 0, "function": {"name": ""}}])), Flaw.EMPTY),
    "audio of nothing": (answer(said(audio={"id": "audio_1", "data": ""})), Flaw.EMPTY),
    "tool calls only": (answer(said(content=None, tool_calls=[CALL]), finish="tool_calls"), ANSWERED),
    "no tool calls after all": (answer(said(tool_calls=[]), finish="tool_calls"), Flaw.EMPTY),
    "refusal only": (answer(said(refusal="No.")), ANSWERED),
    "images only": (answer(said(images=[PICTURE])), ANSWERED),
    "audio only": (answer(said(audio={"data": "AAAA"})), ANSWERED),
    "null choices": (b'{"id":"gen-1","choices":null}', Flaw.NO_CHOICES),
    "empty choices": (b'{"id":"gen-1","choices":[]}', Flaw.NO_CHOICES),
    "choices of nothing": (b'{"id":"gen-1","choices":[null]}', Flaw.NO_CHOICES),
    "choices are an object": (b'{"id":"gen-1","choices":{"0":1}}', Flaw.NO_CHOICES),
    "no choices": (b'{"id":"gen-1"}', Flaw.NO_CHOICES),
    "the second choice speaks": (
        b'{"choices":[{"message":{"content":""}},{"message":{"content":"Hi"},"finish_reason":"stop"}]}', ANSWERED),
    "error": (b'{"error":{"code":502,"message":"no"}}', ERROR),
    "error as text": (b'{"error":"no"}', ERROR),
    "error beside an answer": (answer(said(content="Hi"), error={"code": 502}), ERROR),
    "null error beside an answer": (answer(said(content="Hi"), error=None), ANSWERED),
    "empty error beside an answer": (answer(said(content="Hi"), error=""), ANSWERED),
    "error {} beside an answer": (answer(said(content="Hi"), error={}), ANSWERED),
    "error false beside an answer": (answer(said(content="Hi"), error=False), ANSWERED),
    "an error without a wrapper": (b'{"object":"error","message":"no","code":400}', ERROR),
    "an error that is a detail": (b'{"detail":"no"}', ERROR),
    "an error written as text": (b'{"error":"{\\"error\\":{\\"message\\":\\"no\\",\\"code\\":502}}"}', ERROR),
    "finish error": (answer(said(), finish="error"), ERROR),
    "finish error after text": (answer(said(content="Hi"), finish="error"), ERROR),
    "a choice's error": (b'{"choices":[{"error":{"code":429},"message":{"content":"Hi"}}]}', ERROR),
    "HTML": (b"<html>502</html>", Flaw.HTML),
    "HTML after blanks": (b"\r\n \t<!DOCTYPE html>", Flaw.HTML),
    "nothing": (b"", Flaw.NOT_JSON),
    "blanks": (b"\n \n", Flaw.NOT_JSON),
    "text and no JSON": (b"upstream connect error", Flaw.NOT_JSON),
    "a list": (b"[]", Flaw.NOT_JSON),
    "a number": (b"1", Flaw.NOT_JSON),
    "null": (b"null", Flaw.NOT_JSON),
    "broken JSON": (b'{"choices": oh}', Flaw.NOT_JSON),
    "truncated in a text": (answer(said(content="Hello"))[:-40], Flaw.TRUNCATED),
    "truncated after an object": (b'{"choices":[{"message":{"content":"Hi"}}', Flaw.TRUNCATED),
    "truncated at once": (b"{", Flaw.TRUNCATED),
    "nested too deeply": (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, Flaw.NOT_JSON),
    "a byte order mark": (b"\xef\xbb\xbf" + answer(said(content="Hi")), ANSWERED),
    "half a surrogate": (answer(said(content="\ud800")), ANSWERED),
    "not UTF-8": (b'{"choices":[{"message":{"content":"\xff"}}]}', Flaw.NOT_JSON),
}  # fmt: skip

HEADERS: dict[str, tuple[dict[str, str], Any]] = {
    "no content type": ({}, ANSWERED),
    "a charset": ({"content-type": "Application/JSON; charset=utf-8"}, ANSWERED),
    "plain text": ({"content-type": "text/plain"}, Flaw.WRONG_TYPE),
    "a stream that nobody asked for": (SSE, Flaw.WRONG_TYPE),
    "the length of the body": (JSON | {"content-length": "{length}"}, ANSWERED),
    "a longer body": (JSON | {"content-length": "100000"}, Flaw.TRUNCATED),
    "a shorter length": (JSON | {"content-length": "1"}, ANSWERED),
    "a length that is none": (JSON | {"content-length": "soon"}, ANSWERED),
    "a length beyond all": (JSON | {"content-length": "9" * 5_000}, Flaw.TRUNCATED),
    "identity": (JSON | {"content-encoding": "identity"}, ANSWERED),
    "no encoding": (JSON | {"content-encoding": ""}, ANSWERED),
    "gzip": (JSON | {"content-encoding": "gzip"}, Flaw.ENCODED),
    "br": (JSON | {"content-encoding": "BR"}, Flaw.ENCODED),
}


def chunk(delta: Any = None, finish: Any = None, **rest: Any) -> bytes:
    choice = {"index": 0, "delta": {"role": "assistant", "content": ""} if delta is None else delta}
    return event({"id": "gen-1", "model": "m/0:free", "choices": [choice | {"finish_reason": finish}], **rest})


def event(data: Any) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def usage(tokens: int) -> bytes:
    return event({"choices": [], "usage": {"completion_tokens": tokens, "cost": 0}})


HI = chunk({"content": "Hi"})
ROLE, END = chunk(), chunk({"content": ""}, "stop")
FAILED = event({"error": {"code": 502, "message": "no"}, "choices": [{"delta": {"content": ""}}]})

STREAMS: dict[str, tuple[bytes, Any]] = {
    "text": (COMMENT + ROLE + HI + END + usage(1) + DONE, ANSWERED),
    "text at once": (HI, ANSWERED),
    "text and finish in one event": (chunk({"content": "Hi"}, "stop") + DONE, ANSWERED),
    "reasoning": (ROLE + chunk({"reasoning": "Hm"}), ANSWERED),
    "a tool call": (ROLE + chunk({"content": None, "tool_calls": [CALL]}), ANSWERED),
    "a refusal": (ROLE + chunk({"refusal": "No."}), ANSWERED),
    "an image": (ROLE + chunk({"images": [PICTURE]}), ANSWERED),
    "audio": (ROLE + chunk({"audio": {"data": "AA"}}), ANSWERED),
    "comments only": (COMMENT * 3, Flaw.NO_TOKEN),
    "nothing": (b"", Flaw.NO_TOKEN),
    "the role only": (ROLE, Flaw.NO_TOKEN),
    "usage only": (usage(7), Flaw.NO_TOKEN),
    "[DONE] only": (COMMENT + DONE, Flaw.NO_TOKEN),
    "[DONE] before the text": (DONE + HI, Flaw.NO_TOKEN),
    "a finish without tokens": (ROLE + END + DONE, Flaw.EMPTY),
    "a finish without tokens, counted": (ROLE + END + usage(0) + DONE, Flaw.EMPTY),
    "a finish without tokens, cut": (ROLE + END, Flaw.EMPTY),
    "a finish, and tokens that are not shown": (ROLE + END + usage(7) + DONE, Flaw.EMPTY),
    "network_error, and tokens counted": (ROLE + chunk({"content": ""}, "network_error") + usage(7) + DONE, Flaw.EMPTY),
    "no room for a token": (ROLE + chunk({"content": ""}, "length") + usage(7) + DONE, ANSWERED),
    "no room for a token, and none counted": (ROLE + chunk({"content": ""}, "length") + usage(0) + DONE, Flaw.EMPTY),
    "blanks": (ROLE + chunk({"content": "\n\n"}) + END + usage(1) + DONE, Flaw.EMPTY),
    "blanks, then text": (ROLE + chunk({"content": "\n\n"}) + HI, ANSWERED),
    "an empty entry, then an error": (
        chunk({"reasoning_details": [{"type": "reasoning.text", "text": ""}]}) + FAILED,
        ERROR,
    ),
    "an error without a wrapper": (event({"message": "no", "code": 429}), ERROR),
    "an end with a blank": (ROLE + END + usage(1) + b"data: [DONE] \n\n" + HI, Flaw.EMPTY),
    "an empty finish": (ROLE + chunk({"content": ""}, "") + DONE, Flaw.NO_TOKEN),
    "text after the finish": (ROLE + END + HI + DONE, ANSWERED),
    "error first": (COMMENT + FAILED, ERROR),
    "error after the role": (ROLE + FAILED, ERROR),
    "finish error": (ROLE + chunk({"content": ""}, "error") + DONE, ERROR),
    "error and text in one event": (chunk({"content": "Hi"}, error={"code": 502}), ERROR),
    "error after the text": (HI + FAILED, ANSWERED),
    "no JSON": (b"data: oops\n\n" + HI, Flaw.NOT_JSON),
    "a list": (b"data: []\n\n", Flaw.NOT_JSON),
    "empty data": (b"data:\n\ndata: \n\n" + HI, ANSWERED),
    "cut in an event": (ROLE + HI[:-9], Flaw.NO_TOKEN),
    "cut before the blank line": (ROLE + HI[:-1], Flaw.NO_TOKEN),
    "CRLF": ((COMMENT + ROLE + HI).replace(b"\n", b"\r\n"), ANSWERED),
    "CR": ((COMMENT + ROLE + HI).replace(b"\n", b"\r") + b"\r", ANSWERED),
    "no blank after data": (HI.replace(b"data: ", b"data:"), ANSWERED),
    "other fields": (b"event: message\nid: 7\nretry: 9\n" + HI, ANSWERED),
    "data in two lines": (b'data: {"choices":[{"delta":\ndata: {"content":"Hi"}}]}\n\n', ANSWERED),
    "a comment within an event": (HI.replace(b"\n\n", b"\n: still here\n\n"), ANSWERED),
    "a comment that looks like data": (b": data: {}\n\n" + HI, ANSWERED),
    "a byte order mark": (b"\xef\xbb\xbf" + COMMENT + HI, ANSWERED),
    "two choices": (event({"choices": [{"delta": {}}, {"delta": {"content": "Hi"}}]}), ANSWERED),
    "a page in HTML within": (b"<html></html>\n\n", Flaw.NO_TOKEN),
}
