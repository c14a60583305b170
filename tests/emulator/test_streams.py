import json

from tests.emulator.test_answers import WEATHER


def events(response) -> list[str]:
    return [event for event in response.text.split("\n\n") if event]


def chunks(response) -> list[dict]:
    return [json.loads(e.removeprefix("data: ")) for e in events(response) if e.startswith("data: {")]


def deltas(response) -> list[dict]:
    return [chunk["choices"][0]["delta"] for chunk in chunks(response) if chunk["choices"]]


def test_a_stream_begins_with_a_comment_and_ends_with_done(caller):
    response = caller.chat(stream=True)
    assert response.headers["content-type"] == "text/event-stream"
    assert response.headers["x-generation-id"] == chunks(response)[0]["id"]
    assert events(response)[0] == ": OPENROUTER PROCESSING"
    assert events(response)[-1] == "data: [DONE]"


def test_role_then_reasoning_then_text_then_finish_then_usage(caller):
    response = caller.chat("nvidia/nemotron-3-ultra-550b-a55b:free", stream=True)
    assert deltas(response)[0] == {"role": "assistant", "content": ""}
    reasoning = "".join(delta.get("reasoning", "") for delta in deltas(response))
    text = "".join(delta["content"] or "" for delta in deltas(response))
    finishes = [c["choices"][0]["finish_reason"] for c in chunks(response) if c["choices"]]
    assert reasoning.startswith("The question is clear")
    assert "Hello" in text
    assert finishes[-1] == "stop"
    assert set(finishes[:-1]) == {None}
    last = chunks(response)[-1]
    assert last["choices"] == []
    assert last["usage"]["cost"] == 0
    assert {chunk["model"] for chunk in chunks(response)} == {"nvidia/nemotron-3-ultra-550b-a55b-20260604:free"}


def test_the_arguments_of_a_call_come_in_pieces(caller):
    response = caller.chat("qwen/qwen3-coder:free", stream=True, tools=[WEATHER])
    pieces = [call for delta in deltas(response) for call in delta.get("tool_calls", ())]
    assert len(pieces) > 2
    assert pieces[0]["function"]["name"] == "weather"
    assert json.loads("".join(piece["function"]["arguments"] for piece in pieces)).keys() == {"city", "days"}


def test_metadata_is_on_the_last_chunk(caller):
    response = caller.chat(stream=True, headers={"x-openrouter-metadata": "enabled"})
    assert ["openrouter_metadata" in chunk for chunk in chunks(response)] == [False] * (len(chunks(response)) - 1) + [
        True
    ]


def test_errors_before_the_first_token_are_plain_json(caller):
    response = caller.chat("no/such", stream=True)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == 400
