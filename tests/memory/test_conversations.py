"""Conversations: by what each is known, and for how long its model is remembered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.memory.conversations import Conversations, Home, Known, conversation
from freerouter.openrouter.dialects import CHAT, MESSAGES
from freerouter.openrouter.headers import NO_SESSION, SessionHeaders, sender
from tests.builders import JSON, Clock

SYSTEM = {"role": "system", "content": "Be brief."}
QUESTION = {"role": "user", "content": "What is the weather?"}
CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "weather"}}]}
RESULT = {"role": "tool", "tool_call_id": "1", "content": "Rain."}
TOOLS = [{"type": "function", "function": {"name": "weather"}}]
BOTH = SessionHeaders("h", "c")
USER = {"user_id": '{"session_id": "m"}'}


def of(*messages, headers=NO_SESSION, sticky="auto", dialect=MESSAGES, **fields):
    return conversation({"messages": list(messages) or [QUESTION], **fields}, dialect, headers, sticky)


# Each id stands before those that follow.
IDS = [
    ("session_id", {"session_id": "s"}, NO_SESSION, hash("id:s")),
    ("x-session-id", {}, SessionHeaders("h"), hash("id:h")),
    ("prompt_cache_key", {"prompt_cache_key": "k"}, NO_SESSION, hash("id:k")),
    ("X-Claude-Code-Session-Id", {}, SessionHeaders(None, "c"), hash("id:c")),
    ("metadata.user_id", {"metadata": USER}, NO_SESSION, hash("id:m")),
]
PLACES = {name: place for name, *place in IDS}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("sticky", ["auto", "session"])
def test_a_conversation_with_an_id_is_known_by_it_from_the_first_request_on(place, sticky):
    fields, headers, key = PLACES[place]
    found = of(headers=headers, sticky=sticky, tools=TOOLS, **fields)
    assert (found.known_by, found.becomes()) == ((key,), (key,))


@pytest.mark.parametrize("index", range(len(IDS)), ids=PLACES)
def test_the_first_id_counts(index):
    fields, headers = {}, NO_SESSION
    for _, more, named, _ in IDS[index:]:
        fields |= more
        headers = SessionHeaders(headers.session or named.session, headers.claude_code or named.claude_code)
    assert of(headers=headers, **fields).known_by == (IDS[index][3],)


@pytest.mark.parametrize("odd", ["", "  ", "\n", "x" * 257, 5, True, ["s"], {"id": "s"}, None], ids=repr)
@pytest.mark.parametrize("name", ["session_id", "prompt_cache_key"])
def test_an_odd_id_is_passed_over(name, odd):
    assert of(**{name: odd}).known_by == ()
    assert of(headers=SessionHeaders(odd if isinstance(odd, str) else None, "c"), **{name: odd}).known_by == (
        hash("id:c"),
    )
    assert of(**{name: "x" * 256}).known_by == (hash("id:" + "x" * 256),)


def test_the_headers_of_sessions_are_read_from_a_request():
    headers = [("x-claude-code-session-id", "c"), ("x-session-id", "h")]
    assert sender(headers, "sk-or-key").session == BOTH
    assert sender([], "sk-or-key").session == NO_SESSION


def test_a_user_id_counts_in_messages_alone():
    assert of(metadata=USER, dialect=CHAT).known_by == ()


def test_nothing_is_known_where_nothing_is_to_stay():
    assert of(QUESTION, CALL, RESULT, sticky="off", session_id="s", headers=BOTH) is None
    assert of(QUESTION, CALL, RESULT, sticky="session") is None


def test_a_first_message_is_known_by_nothing_and_becomes_its_beginning():
    first = of(SYSTEM, QUESTION, tools=TOOLS, dialect=CHAT)
    looped = of(SYSTEM, QUESTION, CALL, RESULT, CALL, RESULT, temperature=1, dialect=CHAT)
    assert first.known_by == ()
    assert set(first.becomes()) == set(looped.known_by)


def test_an_id_is_never_taken_for_a_text():
    (key, _) = of(QUESTION, CALL, RESULT, dialect=CHAT).known_by
    assert of(session_id=str(key)).known_by != (key,)
    assert isinstance(key, int)


def test_the_caller_may_change_its_list_meanwhile():
    body = {"messages": [QUESTION]}
    found = conversation(body, CHAT, NO_SESSION, "auto")
    body["messages"].clear()
    assert found.becomes() == of(QUESTION).becomes()


@given(st.lists(st.dictionaries(st.sampled_from(["role", "content"]), JSON | st.just("tool")), min_size=1, max_size=4))
def test_any_messages_make_a_conversation(messages):
    found = of(*messages, dialect=CHAT)
    assert found.becomes()
    assert bool(found.known_by) is any(message.get("role") == "tool" for message in messages)


def known(*keys):
    return Known(keys, keys)


def test_a_conversation_is_forgotten_after_ten_idle_minutes_and_each_answer_renews_it():
    clock = Clock()
    sessions = Conversations(clock)
    sessions.renew("me", known("id:s"), Home("acme/alpha:free"))
    clock.advance(599)
    assert sessions.home("me", known("id:s")) == Home("acme/alpha:free")
    sessions.renew("me", known("id:s"), Home("acme/beta:free"))
    clock.advance(599)
    assert sessions.home("me", known("id:s")) == Home("acme/beta:free")  # looking does not renew
    clock.advance(1)
    assert sessions.home("me", known("id:s")) is None


def test_accounts_and_conversations_are_apart():
    sessions = Conversations(Clock())
    places = {("me", "id:s"): "a/a:free", ("you", "id:s"): "a/b:free", ("me", "id:t"): "a/c:free"}
    for (account, key), model in places.items():
        sessions.renew(account, known(key), Home(model))
    assert {place: sessions.home(place[0], known(place[1])).model for place in places} == places


def test_the_first_key_that_is_remembered_counts_and_an_answer_renews_each_that_is():
    sessions = Conversations(Clock())
    sessions.renew("me", known(1), Home("a/old:free"))
    assert sessions.home("me", known(2, 1)) == Home("a/old:free")
    sessions.renew("me", Known((2, 1), (3,)), Home("a/new:free"))
    new = Home("a/new:free")
    assert [sessions.home("me", known(key)) for key in (1, 2, 3)] == [new, None, new]


def test_memory_is_bounded():
    sessions = Conversations(Clock())
    for number in range(100_001):
        sessions.renew("me", known(number), Home("acme/alpha:free"))
    assert sessions.home("me", known(0)) is None
    assert sessions.home("me", known(100_000)) == Home("acme/alpha:free")
