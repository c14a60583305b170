"""Stickiness: by what a conversation is known, whether it has to stay, and for how long it is remembered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.errors import InvalidRequestError
from freerouter.memory.conversations import Conversation, Conversations, conversation
from freerouter.openrouter.dialects import CHAT
from tests.builders import JSON, Clock

SYSTEM = {"role": "system", "content": "Be brief."}
QUESTION = {"role": "user", "content": "What is the weather?"}
CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "weather"}}]}
RESULT = {"role": "tool", "tool_call_id": "1", "content": "Rain."}
TOOLS = [{"type": "function", "function": {"name": "weather"}}]


def of(*messages, header=None, sticky="auto", **fields):
    return conversation({"messages": list(messages) or [QUESTION], **fields}, CHAT, header, sticky)


IDS = {
    "session_id": ({"session_id": "s"}, None, "id:s"),
    "header": ({}, "h", "id:h"),
    "prompt_cache_key": ({"prompt_cache_key": "k"}, None, "id:k"),
    "session_id before the header": ({"session_id": "s", "prompt_cache_key": "k"}, "h", "id:s"),
    "the header before prompt_cache_key": ({"prompt_cache_key": "k"}, "h", "id:h"),
    "an empty one is none": ({"session_id": "", "prompt_cache_key": "k"}, "", "id:k"),
    "a number is none": ({"session_id": 5, "prompt_cache_key": "k"}, None, "id:k"),
    "an id before the beginning": ({"session_id": "s", "tools": TOOLS}, None, "id:s"),
}


@pytest.mark.parametrize(("fields", "header", "key"), IDS.values(), ids=IDS)
@pytest.mark.parametrize("sticky", ["auto", "session"])
def test_a_conversation_with_an_id_stays(fields, header, key, sticky):
    assert of(header=header, sticky=sticky, **fields) == Conversation(key, stays=True)


NONE = {
    "no id and no tools": ({}, "auto"),
    "no id and empty tools": ({"tools": []}, "auto"),
    "no id, where only ids count": ({"tools": TOOLS}, "session"),
    "switched off": ({"tools": TOOLS, "session_id": "s"}, "off"),
}


@pytest.mark.parametrize(("fields", "sticky"), NONE.values(), ids=NONE)
def test_everything_else_is_drawn_anew(fields, sticky):
    assert of(QUESTION, CALL, RESULT, sticky=sticky, header="h" if sticky == "off" else None, **fields) is None


def test_a_tool_loop_stays_and_is_known_by_its_beginning():
    asked = of(SYSTEM, QUESTION, tools=TOOLS)
    looped = of(SYSTEM, QUESTION, CALL, RESULT, tools=TOOLS)
    again = of(SYSTEM, QUESTION, CALL, RESULT, CALL, RESULT, tools=TOOLS, temperature=1)
    assert asked.key == looped.key == again.key
    assert (asked.stays, looped.stays, again.stays) == (False, True, True)


def test_a_question_after_a_tool_loop_is_drawn_anew():
    assert not of(QUESTION, CALL, RESULT, {"role": "assistant", "content": "Rain."}, QUESTION, tools=TOOLS).stays


BEGINNINGS = {
    "another question": [SYSTEM, {"role": "user", "content": "Where?"}],
    "another system message": [{"role": "system", "content": "Be long."}, QUESTION],
    "no system message": [QUESTION],
    "a developer in its stead": [{"role": "developer", "content": "Be brief."}, QUESTION],
    "a picture": [SYSTEM, {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}],
    "half a character": [SYSTEM, {"role": "user", "content": "\ud83d"}],
}


@pytest.mark.parametrize("messages", BEGINNINGS.values(), ids=BEGINNINGS)
def test_another_beginning_is_another_conversation(messages):
    key = of(*messages, tools=TOOLS).key
    assert key.startswith("hash:")
    assert key != of(SYSTEM, QUESTION, tools=TOOLS).key
    assert key == of(*messages, CALL, RESULT, tools=TOOLS).key


def test_an_id_is_never_taken_for_a_beginning():
    key = of(QUESTION, tools=TOOLS).key
    assert of(session_id=key).key != key


@given(st.lists(st.dictionaries(st.sampled_from(["role", "content"]), JSON | st.just("tool")), min_size=1, max_size=4))
def test_a_conversation_is_found_in_any_messages(messages):
    found = of(*messages, tools=TOOLS)
    assert found.key.startswith("hash:")
    assert found.stays is (messages[-1].get("role") == "tool")


def test_what_cannot_be_written_is_an_invalid_request():
    with pytest.raises(InvalidRequestError, match="not finite"):
        of({"role": "user", "content": float("inf")}, tools=TOOLS)


def test_a_conversation_is_forgotten_after_ten_idle_minutes_and_each_answer_renews_it():
    clock = Clock()
    sessions = Conversations(clock)
    sessions.renew("me", "id:s", "acme/alpha:free")
    clock.advance(599)
    assert sessions.model("me", "id:s") == "acme/alpha:free"
    sessions.renew("me", "id:s", "acme/beta:free")
    clock.advance(599)
    assert sessions.model("me", "id:s") == "acme/beta:free"  # looking does not renew
    clock.advance(1)
    assert sessions.model("me", "id:s") is None


def test_accounts_and_conversations_are_apart():
    sessions = Conversations(Clock())
    sessions.renew("me", "id:s", "acme/alpha:free")
    sessions.renew("you", "id:s", "acme/beta:free")
    sessions.renew("me", "id:t", "acme/gamma:free")
    assert [sessions.model(*key) for key in (("me", "id:s"), ("you", "id:s"), ("me", "id:t"))] == [
        "acme/alpha:free",
        "acme/beta:free",
        "acme/gamma:free",
    ]


def test_memory_is_bounded():
    sessions = Conversations(Clock())
    for number in range(100_001):
        sessions.renew("me", f"id:{number}", "acme/alpha:free")
    assert sessions.model("me", "id:0") is None
    assert sessions.model("me", "id:100000") == "acme/alpha:free"
