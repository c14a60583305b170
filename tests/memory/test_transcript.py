"""What was said: what clients may change from one request to the next, and what tells conversations apart."""

import pytest

from freerouter.memory.transcript import marks, without_times
from freerouter.openrouter.dialects import CHAT, MESSAGES

PNG = "data:image/png;base64," + "iVBORw0KGgo" * 1000
BRIEF = {"role": "system", "content": "Be brief."}


def user(content, **fields):
    return {"role": "user", "content": content, **fields}


def said(content, **fields):
    return {"role": "assistant", "content": content, **fields}


def text(words, **fields):
    return {"type": "text", "text": words, **fields}


def picture(url=PNG, **fields):
    return {"type": "image_url", "image_url": {"url": url}, **fields}


def of(*messages, system=None, dialect=CHAT):
    return marks(messages, dialect.speakers(messages), system)


MARK = {"cache_control": {"type": "ephemeral"}}
REMINDER = text("<system-reminder>\nIt is late.\n</system-reminder>")
SAME = {
    "a text and its only part": (user("Hi"), user([text("Hi")])),
    "a mark of the cache": (user([text("Hi")]), user([text("Hi", **MARK)])),
    "a mark on a picture": (user([text("Hi"), picture()]), user([text("Hi"), picture(**MARK)])),
    "a mark beside the content": (user("Hi"), user("Hi", **MARK)),
    "a reminder": (user("Hi"), user([REMINDER, text("Hi")])),
    "an empty part": (user("Hi"), user([text(""), text("Hi")])),
    "the words for a text": (user([text("Hi")]), user([{"type": "input_text", "text": "Hi"}])),
    "a date": (user("Hi. Today is 2026-11-26."), user("Hi. Today is 2026-11-27.")),
    "a time": (user([text("Hi"), text("It is 9:05 AM")]), user([text("Hi"), text("It is 12:31 PM")])),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_what_clients_change_makes_no_other_beginning(one, other):
    assert of(BRIEF, one) == of(BRIEF, other)
    assert of(one, said("Hello"), user("So?")) == of(other, said("Hello"), user("So?"))


OTHERS = {
    "another question": (user("Hi"), user("Ho")),
    "another number": (user("Task 17 of 2000"), user("Task 18 of 2000")),
    "another version": (user("Use 3.11.2"), user("Use 3.11.3")),
    "another line": (user("See a.py:17"), user("See a.py:18")),
    "another picture": (user([picture()]), user([picture(PNG[:-12] + "A" * 12)])),
    "a picture by its address": (user([picture("https://e.com/1")]), user([picture("https://e.com/2")])),
    "half a character": (user("\ud83d"), user("\ud83e")),
    "a picture beside the text": (user("Hi"), user([text("Hi"), picture()])),
}


@pytest.mark.parametrize(("one", "other"), OTHERS.values(), ids=OTHERS)
def test_another_beginning_is_another_conversation(one, other):
    assert of(BRIEF, one).beginning != of(BRIEF, other).beginning
    assert of(BRIEF, one).now != of(BRIEF, other).now


def test_the_system_message_counts_wherever_it_stands():
    assert of(BRIEF, user("Hi")).beginning != of(user("Hi")).beginning
    assert of(user("Hi"), system="Be brief.", dialect=MESSAGES) == of(BRIEF, user("Hi"))
    assert of(user("Hi"), system=[text("Be brief.", **MARK)], dialect=MESSAGES) == of(BRIEF, user("Hi"))


CALLS = [said(None, tool_calls=[{"id": "c"}]), {"role": "tool", "tool_call_id": "c", "content": "x" * 500}]


def test_calls_and_their_results_do_not_matter():
    short = [CALLS[0], {**CALLS[1], "content": "[cleared]"}]
    assert of(user("Hi"), *CALLS) == of(user("Hi"), *short) == of(user("Hi"), *short, *short)
    assert of(user("Hi"), *CALLS, user("So?")) == of(user("Hi"), *short, user("So?"))


def test_each_request_is_found_by_what_the_one_before_it_became():
    history = [BRIEF, user("Hi")]
    for number in range(20):
        now = of(*history).now
        history += [*CALLS]
        assert of(*history).before[0] == now
        history += [said(f"It is {number}"), user("More")]
        assert of(*history).before[0] == now
        assert of(*history).now != now


def test_two_messages_of_the_user_in_a_row_are_one_question():
    now = of(user("In this folder:"), user("Hi")).now
    assert of(user("In this folder:"), user("Hi"), said("Hello"), user("And"), user("so?")).before[0] == now


def test_nothing_but_system_messages_or_the_model_s_greeting():
    assert of(BRIEF).beginning != of(BRIEF, BRIEF).beginning
    assert of(said("Welcome"), user("Hi")).beginning == of(said("Welcome"), user("Ho")).beginning
    assert of(said("Welcome"), user("Hi")).now == of(said("Welcome"), user("Hi"), said("So"), user("Ho")).before[0]


def test_what_the_model_said_tells_a_conversation_without_its_system_message():
    history = user("Hi"), said("Hello"), user("So?")
    one, other = of(BRIEF, *history).now, of(*history).now
    assert one.talk == other.talk is not None
    assert one.whole != other.whole
    assert of(BRIEF, user("Hi"), said("Ho"), user("So?")).now.talk != one.talk
    assert of(BRIEF, user("Hi"), user("Hello"), user("So?")).now.talk is None


@pytest.mark.parametrize("unsaid", [(), CALLS], ids=["a first message", "a tool loop"])
def test_the_user_s_words_alone_do_not(unsaid):
    assert of(BRIEF, user("Hi"), *unsaid, user("So?")).now.talk is None


TIMES = [
    "2026-11-26",
    "2026/11/26",
    "11/26/2026",
    "26.11.2026",
    "2026-11-26T12:33:13Z",
    "2026-11-26T12:33:13.123+01:00",
    "2026-11-26 12:33:13 UTC",
    "Thu Nov 26 2026",
    "Thu Nov 26 2026 13:10:11 GMT+0100",
    "Thu Nov 26 13:10:11 UTC 2026",
    "Thursday, November 26, 2026",
    "Thursday, November 26th, 2026 at 1:10 PM",
    "26 November 2026",
    "Thu, 26 Nov 2026 12:33:13 GMT",
    "Nov 26, 2026, 1:10:11 PM",
    "12:33",
    "12:33:13",
    "1:05 p.m.",
    "1:05 PM UTC",
]


@pytest.mark.parametrize("time", TIMES)
def test_dates_and_times_are_cut_out(time):
    assert without_times(f"Now: {time}") == "Now: "
    assert without_times(time) == ""
    assert without_times(f"Today's date is {time}.\nBe brief.") == "Today's date is .\nBe brief."
    assert without_times("word " * 5000 + f"<date>{time}</date>") == "word " * 5000 + "<date></date>"


TEXTS = ["In 2026, it rains.", "Room 2000", "See a.py:17 and 2001: A Space Odyssey", "3:1", "May 5", "a::b:12", ""]


@pytest.mark.parametrize("words", TEXTS)
def test_nothing_else_is(words):
    assert without_times(words) == words


def test_a_table_of_dates_takes_no_long_time():
    rows = "2026-11-26;5\n" * 10_000
    assert len(rows) - len(without_times(rows)) == 20 * len("2026-11-26")
