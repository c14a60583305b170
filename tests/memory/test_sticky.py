"""A conversation stays on its model: by an id, or through a tool loop; and moves when it must."""

import copy

import pytest

from freerouter.openrouter.dialects import CHAT, MESSAGES, RESPONSES
from freerouter.openrouter.headers import Caller, SessionHeaders
from freerouter.pipeline.actions import Request
from tests.builders import catalog_of, row
from tests.walks import ANSWER, always, error_reading, models, once, stage, walk

FAILED = error_reading(502, "no", metadata={"provider_name": "Acme"})
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
SIGNED = [{"type": "reasoning.encrypted", "data": "x"}, {"type": "reasoning.text", "signature": "s", "text": "Hm"}]
USER = {"role": "user", "content": "Hello"}
CALLED = {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning": "Hm", "reasoning_details": SIGNED}
RESULT = {"role": "tool", "tool_call_id": "c", "content": "42"}

MANY = 40  # drawn anew each time, so many requests would hardly all go to one of twenty models
IDLE = 600


def twenty(**settings):
    return stage(models(20, parameters=("tools",)), **settings)


def plain(**fields):
    return {"messages": [USER], **fields}


def loop(*more, first=USER, **fields):
    """A request that ends in a tool's result."""
    return {"messages": [first, CALLED, RESULT, *more], "tools": [TOOL], **fields}


def used(actor, body, times: int = MANY, **request) -> set[str]:
    return {model for _ in range(times) for model in walk(actor.router, always(ANSWER), body, **request).sent}


IDS = {
    "session_id": ({"session_id": "a"}, {}),
    "x-session-id": ({}, {"session": SessionHeaders("a")}),
    "prompt_cache_key": ({"prompt_cache_key": "a"}, {}),
    "X-Claude-Code-Session-Id": ({}, {"session": SessionHeaders(claude_code="a")}),
}


@pytest.mark.parametrize("sticky", ["auto", "session"])
@pytest.mark.parametrize("name", IDS)
def test_a_conversation_with_an_id_stays(name, sticky):
    fields, request = IDS[name]
    actor = twenty(sticky=sticky)
    assert len(used(actor, plain(**fields), **request)) == 1
    assert len(used(actor, plain(), 3 * MANY)) > 10


@pytest.mark.parametrize("name", IDS)
def test_nothing_stays_when_it_is_switched_off(name):
    fields, request = IDS[name]
    assert len(used(twenty(sticky="off"), plain(**fields), **request)) > 5


def test_one_id_is_known_wherever_it_stands_and_the_first_place_counts():
    actor = twenty()
    (model,) = used(actor, plain(session_id="a"), 1)
    assert used(actor, plain(), session=SessionHeaders("a")) == {model}
    assert used(actor, plain(prompt_cache_key="a")) == {model}
    (other,) = used(actor, plain(session_id="b", prompt_cache_key="a"), session=SessionHeaders("a"))
    assert used(actor, plain(prompt_cache_key="b")) == {other}


@pytest.mark.parametrize("odd", ["", " \t", None, 7, ["a"], {"a": 1}, "a" * 257])
def test_an_id_that_is_none_is_passed_over(odd):
    actor = twenty()
    assert len(used(actor, plain(session_id=odd))) > 5
    assert len(used(actor, plain(session_id=odd, prompt_cache_key="a"))) == 1


def test_ids_of_two_accounts_are_two_conversations():
    actor = twenty(seed=3)
    mine = used(actor, plain(session_id="a"), caller=Caller("mine"))
    yours = used(actor, plain(session_id="a"), caller=Caller("yours"))
    assert len(mine) == len(yours) == 1
    assert mine != yours


def test_a_tool_loop_stays_on_the_model_that_called():
    actor = twenty()
    asked = {"messages": [USER], "tools": [TOOL]}
    for _ in range(20):
        (model,) = used(actor, asked, 1)
        assert used(actor, loop(), 1) == {model}
        assert used(actor, loop(CALLED, RESULT), 1) == {model}
    assert len(used(actor, asked)) > 5


def chat(*texts, **fields):
    """A plain chat: the user and the model in turns."""
    return {"messages": [{"role": ("user", "assistant")[n % 2], "content": t} for n, t in enumerate(texts)], **fields}


def test_a_plain_chat_stays_at_each_question():
    for number in range(20):
        actor = twenty(seed=number)
        (model,) = used(actor, chat("Hello"), 1)
        assert used(actor, chat("Hello", "Hi", "How are you?"), 1) == {model}
        assert used(actor, chat("Hello", "Hi", "How are you?", "Fine", "Bye"), 1) == {model}


def test_a_first_message_is_drawn_whatever_is_known():
    actor = twenty()
    used(actor, chat("Hello", "Hi", "How are you?"), 1)
    assert len(used(actor, chat("Hello"))) > 5
    assert len(used(actor, chat("Hello", tools=[TOOL]))) > 5


def test_few_shot_requests_are_drawn_one_by_one_and_what_follows_stays():
    actor = twenty()
    shots = ("Two?", "2", "Three?", "3")
    found = [used(actor, chat(*shots, f"{n}?"), 1) for n in range(MANY)]
    assert len(set.union(*found)) > 5
    assert len(used(actor, chat(*shots, "Four?"))) > 5
    for number, model in enumerate(found):
        assert used(actor, chat(*shots, f"{number}?", "So", "Why?"), 1) == model


def test_few_shot_requests_with_many_system_messages_are_drawn_one_by_one():
    actor = twenty()
    found = []
    for number in range(MANY):
        body = chat("Two?", "2", "Three?", "3", "Four?")
        body["messages"].insert(0, {"role": "system", "content": f"You are persona {number}."})
        found.append(used(actor, body, 1))
    assert len(set.union(*found)) > 5


def test_conversations_that_begin_alike_part_at_the_second_question():
    actor = twenty(seed=3)
    (first,) = used(actor, chat("Hi"), 1)
    used(actor, chat("Hi", "Hello", "I am Ann"), 1)
    (second,) = used(actor, chat("Hi"), 1)
    used(actor, chat("Hi", "Hello", "I am Bob"), 1)
    assert first != second  # by the seed
    for _ in range(3):
        assert used(actor, chat("Hi", "Hello", "I am Ann", "Ann!", "Yes"), 1) == {first}
        assert used(actor, chat("Hi", "Hello", "I am Bob", "Bob!", "Yes"), 1) == {second}


def test_a_history_that_was_cut_short_or_rewritten_is_known_by_its_beginning():
    actor = twenty()
    (model,) = used(actor, chat("Hello"), 1)
    used(actor, chat("Hello", "Hi", "And?"), 1)
    assert used(actor, chat("Hello", "(left out)", "And? [edited]", "Well", "So?"), 1) == {model}


@pytest.mark.parametrize("body", [loop(), chat("Hello", "Hi", "And?")], ids=["a tool loop", "a chat"])
def test_a_conversation_that_is_known_by_its_text_moves_once(body):
    actor = twenty()
    (model,) = used(actor, plain(), 1)
    first, second = walk(actor.router, once(FAILED), body).sent
    assert first == model
    actor.advance(500)  # the first one cools no longer
    assert used(actor, body) == {second}
    more = {**body, "messages": [*body["messages"], {"role": "assistant", "content": "So"}, USER]}
    assert used(actor, more) == {second}


def test_texts_of_two_accounts_are_two_conversations():
    actor = twenty(seed=3)
    mine, yours = (used(actor, plain(), 1, caller=Caller(name)) for name in ("mine", "yours"))
    assert mine != yours  # by the seed
    assert used(actor, loop(), caller=Caller("mine")) == mine
    assert used(actor, loop(), caller=Caller("yours")) == yours


@pytest.mark.parametrize("sticky", ["session", "off"])
def test_a_tool_loop_without_an_id_stays_only_if_that_is_wanted(sticky):
    assert len(used(twenty(sticky=sticky), loop())) > 5
    assert len(used(twenty(), loop(), sticky=sticky)) > 5


def test_ten_idle_minutes_and_it_is_forgotten():
    actor = twenty()
    body = plain(session_id="a")
    (model,) = used(actor, body, 1)
    for _ in range(5):
        actor.advance(IDLE - 1)  # each answer renews it
        assert used(actor, body, 1) == {model}
    drawn = set()
    for _ in range(10):
        actor.advance(IDLE + 1)
        drawn |= used(actor, body, 1)
    assert len(drawn) > 3


def test_it_moves_when_its_model_fails_and_stays_with_the_next():
    actor = twenty()
    body = plain(session_id="a")
    (model,) = used(actor, body, 1)
    first, second = walk(actor.router, once(FAILED), body).sent
    assert first == model
    assert used(actor, body) == {second}
    actor.advance(500)  # the first one cools no longer, but that was then
    assert used(actor, body) == {second}


def test_it_moves_while_its_model_cools():
    actor = twenty()
    body = plain(session_id="a")
    (model,) = used(actor, body, 1)
    other = walk(actor.router, always(FAILED), plain(model=model))
    assert list(actor.router.health.cooling) == [model] == other.sent
    moved = used(actor, body)
    assert len(moved) == 1
    assert moved != {model}


def test_it_moves_to_a_model_that_can_do_what_is_needed_now():
    actor = stage(catalog_of(row("m/plain:free"), row("m/seeing:free", inputs=("image",))))
    body = plain(session_id="a")
    used(actor, plain(session_id="a", model="m/plain:free"), 1)
    assert used(actor, body) == {"m/plain:free"}
    part = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    picture = {"messages": [{"role": "user", "content": [part]}], "session_id": "a"}
    assert used(actor, picture, 1) == {"m/seeing:free"}
    assert used(actor, body, 1) == {"m/seeing:free"}


def test_a_model_asked_for_by_name_comes_before_the_conversation_s():
    actor = twenty()
    (model,) = used(actor, plain(session_id="a"), 1)
    other = next(f"m/{n}:free" for n in range(20) if model != f"m/{n}:free")
    assert used(actor, plain(session_id="a", model=other), 1) == {other}


@pytest.mark.parametrize("fields", [{"session_id": "a"}, {}], ids=["with an id", "tool loop"])
def test_signed_reasoning_goes_no_further_than_its_model(fields):
    actor = twenty()
    asked = {"messages": [USER], "tools": [TOOL], **fields}
    body = loop(
        {"role": "user", "content": "More", "unknown": {"reasoning_details": 1}}, RESULT, **fields, odd={"x": 1}
    )
    before = copy.deepcopy(body)
    (model,) = used(actor, asked, 1)
    walked = walk(actor.router, once(FAILED), body)
    assert walked.sent[0] == model
    stayed, moved = walked.bodies
    assert stayed["messages"] == body["messages"]
    assert moved["messages"] == [
        {name: value for name, value in message.items() if name != "reasoning_details"} for message in body["messages"]
    ]
    assert moved["messages"][1]["reasoning"] == "Hm"
    assert {**moved, "messages": 0, "model": 0} == {**stayed, "messages": 0, "model": 0}
    assert body == before


@pytest.mark.parametrize("began", [True, False], ids=["after a move", "after an unknown beginning"])
def test_a_history_that_several_models_have_signed_goes_on_without_its_signed_reasoning(began):
    actor = twenty()
    if began:
        used(actor, plain(session_id="a"), 1)
    walk(actor.router, once(FAILED) if began else always(ANSWER), loop(session_id="a"))
    later = walk(actor.router, always(ANSWER), loop(CALLED, RESULT, session_id="a"))
    for message in later.bodies[0]["messages"]:
        assert "reasoning_details" not in message


THOUGHT = {"type": "thinking", "thinking": "Hm", "signature": "s"}
USE = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
USED = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "42"}]}
HISTORIES = {
    CHAT: ("messages", [USER], [CALLED, RESULT]),
    MESSAGES: ("messages", [USER], [{"role": "assistant", "content": [THOUGHT, USE]}, USED]),
    RESPONSES: (
        "input",
        [USER],
        [
            {"type": "reasoning", "encrypted_content": "x"},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "42"},
        ],
    ),
}


@pytest.mark.parametrize("fields", [{"session_id": "a"}, {}], ids=["with an id", "by its text"])
@pytest.mark.parametrize("dialect", HISTORIES, ids=lambda dialect: dialect.name)
def test_a_history_that_one_model_has_signed_keeps_its_signed_reasoning(dialect, fields):
    actor = twenty()
    name, history, turn = HISTORIES[dialect]
    for _ in range(3):
        walked = walk(actor.router, always(ANSWER), {name: history, **fields}, dialect=dialect)
        assert walked.bodies[0][name] == history
        history = [*history, *turn]


SIGNED_BODIES = {
    "no id, no tools": {"messages": [USER, CALLED, RESULT]},
    "an id that nobody knows": loop(session_id="a"),
    "a tool loop that nobody knows": loop(),
}


@pytest.mark.parametrize("sticky", ["auto", "session", "off"])
@pytest.mark.parametrize("body", SIGNED_BODIES.values(), ids=SIGNED_BODIES)
def test_reasoning_that_nobody_knows_the_signer_of_is_not_sent_to_a_model_that_is_drawn(body, sticky):
    walked = walk(twenty(sticky=sticky).router, once(FAILED), body)
    assert len(walked.bodies) == 2
    for sent in walked.bodies:
        assert "reasoning_details" not in sent["messages"][1]
        assert sent["messages"][1]["reasoning"] == "Hm"


def test_it_is_sent_to_the_model_that_the_caller_names_first_and_to_no_other():
    walked = walk(twenty().router, once(FAILED), loop(models=["m/3:free", "m/4:free"]))
    first, second = walked.bodies
    assert first["messages"][1]["reasoning_details"] == SIGNED
    assert "reasoning_details" not in second["messages"][1]


def test_a_failed_request_does_not_bind_the_conversation():
    actor = twenty(max_attempts=1)
    body = plain(session_id="a")
    failed = {walk(actor.router, always(FAILED), body).sent[0] for _ in range(10)}
    assert len(failed) > 3


def test_explain_shows_where_a_conversation_is():
    actor = twenty()
    (model,) = used(actor, plain(session_id="a"), 1)
    rows = actor.router.explain(Request(plain(session_id="a")))["eligible"]
    assert {row["id"]: row["probability"] for row in rows if row["probability"]} == {model: 1.0}


def test_explain_shows_a_conversation_that_has_to_move():
    actor = twenty()
    (model,) = used(actor, plain(session_id="a"), 1)
    walk(actor.router, always(FAILED), plain(model=model))
    rows = actor.router.explain(Request(plain(session_id="a")))["eligible"]
    assert {row["probability"] for row in rows} == {0.0, 1 / 19}
