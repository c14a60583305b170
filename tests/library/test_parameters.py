"""The words of a call: the library's own and OpenRouter's, how they are checked, and what is sent."""

import json
import subprocess
import sys
import textwrap
import time

import anyio
import httpx
import pytest
from openai.types.chat import ChatCompletionMessage

from freerouter import AttemptsFailedError, ChatCompletion, InvalidRequestError, StreamInterruptedError
from freerouter.library.parameters import OWN, Parameters
from tests.stage import HELLO, PLAIN, SOON, Upstream, chunk, completion, events
from tests.sync_async import Client

CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def sent(upstream: Upstream) -> dict:
    return json.loads(upstream.sent[-1].content)


TAKES = 'a text, or a list of messages such as {"role": "user", "content": "Hi"}'
WRONG_MESSAGES = {
    "a number": (3, f"messages must be {TAKES}, not int"),
    "None": (None, f"messages must be {TAKES}, not NoneType"),
    "bytes": (b"Hi", f"messages must be {TAKES}, not bytes"),
    "one message": (HELLO[0], f"messages must be {TAKES}, not dict"),
    "one message object": (ChatCompletionMessage(role="assistant"), f"messages must be {TAKES}, not ChatComp"),
    "numbers": ([1, 2], 'messages[0] must be a dict such as {"role": "user", "content": "Hi"}, or a message object'),
    "a text among messages": ([*HELLO, "Hi"], "messages[1] must be a dict"),
}


@pytest.mark.parametrize("how", ["send", "stream"])
@pytest.mark.parametrize("case", WRONG_MESSAGES)
def test_messages_of_another_kind_are_an_error_that_says_what_they_can_be(way, how, case):
    given, words = WRONG_MESSAGES[case]
    upstream = Upstream(reply)
    with pytest.raises(InvalidRequestError) as caught:
        getattr(Client(way, upstream), how)(given)
    assert caught.value.message.startswith(words)
    assert caught.value.field == words.split()[0]
    assert not upstream.sent


def test_messages_may_come_from_an_iterator(way):
    upstream = Upstream(reply)
    Client(way, upstream).send(iter(HELLO))
    assert sent(upstream)["messages"] == HELLO


@pytest.mark.parametrize("how", ["send", "stream"])
def test_the_library_s_own_words_are_taken_from_the_request(way, how):
    upstream = Upstream(reply)
    own = {"needs": ["tools"], "accept": False, "sticky": "off", "timeout": 60, "extra_headers": {"x-title": "Mine"}}
    getattr(Client(way, upstream), how)("Hello", model=PLAIN, seed=7, session="s", extra_body={"new": 1}, **own)
    body = sent(upstream)
    assert body["messages"] == HELLO
    assert {name: body.get(name) for name in ("model", "seed", "session_id", "new")} == {
        "model": PLAIN,
        "seed": 7,
        "session_id": "s",
        "new": 1,
    }
    assert not {"needs", "accept", "sticky", "timeout", "extra_headers", "extra_body", "session"} & body.keys()
    assert upstream.sent[-1].headers["x-title"] == "Mine"


def reply(request: httpx.Request) -> httpx.Response:
    if b'"stream":true' in request.content:
        body = events(chunk("Hi"), chunk("", "stop"), b"data: [DONE]\n\n")
        return httpx.Response(200, content=body, headers={"content-type": "text/event-stream"})
    return httpx.Response(200, json=completion())


NEAREST = {"max_tokns": "max_tokens", "temperatur": "temperature", "time_out": "timeout", "sesion": "session"}


@pytest.mark.parametrize(("word", "nearest"), NEAREST.items())
@pytest.mark.parametrize("how", ["send", "stream"])
def test_an_unknown_keyword_is_a_type_error_that_names_the_nearest(way, how, word, nearest):
    upstream = Upstream()
    with pytest.raises(TypeError, match=f"unknown parameter '{word}': did you mean {nearest}.*extra_body"):
        getattr(Client(way, upstream), how)(**{word: 5})
    assert not upstream.sent


def test_a_keyword_that_is_like_none_is_a_type_error_too(way):
    with pytest.raises(TypeError, match=r"unknown parameter 'qqqqq'; extra_body"):
        Client(way, Upstream()).send(qqqqq=5)


@pytest.mark.parametrize(("how", "stream"), [("send", True), ("stream", False)])
def test_an_extra_body_does_not_change_how_the_answer_comes(way, how, stream):
    with pytest.raises(InvalidRequestError, match=r"chat\.stream\(\)"):
        getattr(Client(way, Upstream()), how)(extra_body={"stream": stream})


MYPY = """
from freerouter import AsyncFreeRouter, FreeRouter

def ask(router: FreeRouter, twin: AsyncFreeRouter) -> None:
    router.chat.send("Hi", max_tokens=5, temperature=0.5, timeout=5, session="s", seed=1)
    router.chat.send("Hi", max_tokns=5)
    router.chat.stream("Hi", max_tokns=5)
    twin.chat.stream("Hi", timeout="soon")
    answer = router.chat.send([{"role": "user", "content": "Hi"}])
    router.chat.send([answer.choices[0].message])
"""


def test_mypy_knows_the_words(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(MYPY))
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(program)]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    wrong = [line.split(":")[1] for line in told.splitlines() if ": error:" in line]
    assert wrong == ["6", "7", "8"], told


def test_no_word_is_both_the_library_s_and_openrouter_s():
    assert not set(OWN) & set(Parameters.__annotations__)


# Messages.

OURS = ChatCompletion.model_validate(
    {"choices": [{"message": {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning_details": [{}]}}]}
).choices[0]
THEIRS = ChatCompletionMessage.model_validate({"role": "assistant", "content": "Hi", "tool_calls": [CALL], "new": 1})


MESSAGES = {
    "an answer's own": (
        OURS.message,
        {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning_details": [{}]},
    ),
    "openai's": (THEIRS, {"role": "assistant", "content": "Hi", "tool_calls": [CALL], "new": 1}),
    "calls within a dict": (
        {"role": "assistant", "content": "Hi", "tool_calls": OURS.message.tool_calls},
        {"role": "assistant", "content": "Hi", "tool_calls": [CALL]},
    ),
    "a dict": ({"role": "user", "content": [{"type": "text", "text": "Hi"}]},) * 2,
}


@pytest.mark.parametrize(("message", "expected"), MESSAGES.values(), ids=MESSAGES)
def test_messages_may_be_objects(way, message, expected):
    upstream = Upstream()
    asked = [*HELLO, message, {"role": "tool", "tool_call_id": "c", "content": "x"}]
    Client(way, upstream).send(asked)
    got = sent(upstream)["messages"][1]
    # Signed reasoning of a model that is not known is left out.
    assert got == {name: value for name, value in expected.items() if name != "reasoning_details"}


# Time.


class Slow(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A stream whose pieces come one every 50 ms, without end."""

    def __init__(self, first: bytes) -> None:
        self._piece = first

    def __iter__(self):
        while True:
            yield self._piece
            time.sleep(0.05)

    async def __aiter__(self):
        while True:
            yield self._piece
            await anyio.sleep(0.05)


@pytest.mark.parametrize(
    ("how", "piece", "error"),
    [
        ("send", b" ", AttemptsFailedError),
        ("stream", b": comment\n\n", AttemptsFailedError),
        ("stream", events(chunk("a")), StreamInterruptedError),
    ],
    ids=["whole", "before the first token", "within the stream"],
)
def test_a_timeout_is_one_for_the_whole_call(way, how, piece, error):
    kind = "application/json" if how == "send" else "text/event-stream"
    upstream = Upstream(lambda _: httpx.Response(200, stream=Slow(piece), headers={"content-type": kind}))
    started = time.monotonic()
    with pytest.raises(error):
        getattr(Client(way, upstream), how)(timeout=0.3)
    assert time.monotonic() - started < SOON
