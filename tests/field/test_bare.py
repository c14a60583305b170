"""A 429 that says nothing: whose it is, a second model tells, in every dialect and way in."""

import json

import pytest

from tests.field.play import play

BARE = {
    "nothing": ({}, ""),
    "its status in words": ({"content-type": "text/plain"}, "Too Many Requests"),
    "an empty object": ({"content-type": "application/json"}, "{}"),
    "an empty error": ({"content-type": "application/json"}, '{"error":{}}'),
    "an empty page": ({"content-type": "text/html"}, ""),
}
REQUESTS = {
    "chat/completions": {"messages": [{"role": "user", "content": "Hi"}]},
    "responses": {"input": "Hi"},
    "messages": {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 100},
}
# The library speaks Chat Completions alone.
WAYS = [(way, path) for way in ("server", "transport") for path in REQUESTS] + [("library", "chat/completions")]


def case(path: str, kind: str, *, stream: bool, **rest) -> dict:
    """A case as ``cases.json`` has them."""
    headers, body = BARE[kind]
    request = {"model": "openrouter/free", "stream": stream, **REQUESTS[path]}
    return {
        "path": f"/api/v1/{path}",
        "method": "POST",
        "requests": {"request.json": json.dumps(request)},
        "reply": {"status": 429, "headers": headers, "body": body, "cuts": None},
        **rest,
    }


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", BARE)
@pytest.mark.parametrize(("way", "path"), WAYS)
def test_when_another_model_answers_it_was_the_first_one_s(way, path, kind, stream, upstream, tmp_path):
    right = {"answer": "GOOD", "sends": 2}
    then = [{"right": {"answer": "GOOD", "sends": 1}}]
    assert play(case(path, kind, stream=stream, odd=1, right=right, then=then), way, upstream, str(tmp_path)) == []


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", BARE)
@pytest.mark.parametrize(("way", "path"), WAYS)
def test_when_another_model_says_the_same_it_is_handed_on(way, path, kind, stream, upstream, tmp_path):
    right = {"status": [429], "error": True, "sends": 2}
    then = [{"right": {"answer": "GOOD", "sends": 1}}]  # no time was stated, so none is waited
    headers = {"x-should-retry": "false"} if way != "library" else {}
    right |= {"headers": headers} if headers else {}
    assert play(case(path, kind, stream=stream, odd=99, right=right, then=then), way, upstream, str(tmp_path)) == []


@pytest.mark.parametrize(("way", "path"), WAYS)
def test_one_model_that_always_says_so_costs_no_request(way, path, upstream, tmp_path):
    right = {"answer": "GOOD", "sends": [1, 2]}
    played = case(path, "nothing", stream=False, odd=99, odd_models="vendor5/*", times=24, right=right)
    assert play(played, way, upstream, str(tmp_path)) == []
