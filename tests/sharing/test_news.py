"""What a router tells and hears: two routers without a store between them, on clocks that stand still."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter import Router, Settings
from freerouter.memory.costs import ACCOUNT
from freerouter.memory.lessons import Asker, Lesson
from freerouter.openrouter.headers import NOBODY, Caller
from freerouter.openrouter.requirements import Need, Requirements
from freerouter.openrouter.tokens import Bounds
from freerouter.pipeline.actions import Fail, Request, Reserve, Send, Wait
from freerouter.pipeline.admission import Admission
from freerouter.pipeline.forwarding import Forwarder
from freerouter.pipeline.known import written
from freerouter.pipeline.news import News, _read
from freerouter.replies.reading import Flaw, Reading
from freerouter.replies.verdicts import Gate, Lasting
from freerouter.sharing.facts import Fact, Kind, heard, tell
from freerouter.sharing.outbox import Outbox
from freerouter.sharing.slots import MOST_SLOTS, Slot
from tests.walks import ANSWER, HELLO, always, error_reading, models, once, stage, walk

MINE = Caller("mine", "app")
LIMITED = error_reading(429, "Provider returned error", metadata={"provider_name": "P", "raw": "rate limited"})
DAY_OVER = error_reading(429, "Rate limit exceeded: free-models-per-day", {"x-ratelimit-reset": "1788307200000"})
GONE = error_reading(404, "No endpoints found for m/0:free.")


class Peer:
    """A router on a clock of its own, with the slots of a minute that nobody else uses."""

    def __init__(self, count=3, ahead=0.0, **settings):
        self.stage = stage(models(count), **settings)
        self.stage.clock.advance(ahead)
        self.router = self.stage.router
        self.outbox = Outbox()
        self.asked, self.answers = [], []
        self.router.share(News(self.router, self.outbox, self))

    def take(self, ask):
        self.asked.append(ask)
        return self.answers.pop(0) if self.answers else Slot(True, (60.0,) * len(self.asked))

    def told(self):
        """What waits to be told, as it is sent."""
        facts = self.outbox.take(0.0)
        self.outbox.done(facts)
        return [told for fact in facts if (told := tell(fact, self.stage.clock())) is not None]

    def hear(self, told):
        self.router.hear(heard(told, self.stage.clock()))

    def kinds(self):
        return [fact.kind for fact in heard(self.told(), 0.0)]

    def walk(self, answer, body=None, **request):
        return walk(self.router, answer, body, caller=MINE, **request)


@pytest.fixture
def one():
    return Peer()


@pytest.fixture
def other():
    return Peer(ahead=5_000.0)


def test_a_router_without_news_tells_nothing():
    alone = stage(models(2))
    assert isinstance(alone.router.route(Request(HELLO)).next(), Send)
    assert alone.router.news is None


def test_a_cooldown_is_the_same_on_another_clock(one, other):
    walked = one.walk(once(LIMITED))
    failed = walked.sent[0]
    one.stage.advance(3)
    other.hear(one.told())
    assert other.router.cooling() == pytest.approx(one.router.cooling())
    assert other.router.cooling().keys() == {failed}


def test_an_answer_ends_a_cooldown_everywhere(one, other):
    failed = one.walk(once(LIMITED)).sent[0]
    other.hear(one.told())
    other.stage.advance(1)
    other.walk(always(ANSWER), HELLO | {"model": failed})
    one.stage.advance(1)
    one.hear(other.told())
    assert one.router.cooling() == other.router.cooling() == {}


def test_nothing_older_brings_back_what_has_ended(one, other):
    failed = one.walk(once(LIMITED)).sent[0]
    late = one.told()
    other.hear(late)
    other.stage.advance(1)
    other.walk(always(ANSWER), HELLO | {"model": failed})
    other.hear(late)  # again, as from a store that has not heard yet
    assert other.router.cooling() == {}
    one.stage.advance(101)
    one.walk(always(LIMITED), HELLO | {"model": failed})
    other.stage.advance(100)
    other.hear(one.told())
    assert other.router.cooling().keys() == {failed}


def test_a_shorter_cooldown_shortens_none(one, other):
    walked = one.walk(once(error_reading(429, "limited", {"retry-after": "300"}, metadata={"provider_name": "P"})))
    other.walk(always(LIMITED), HELLO | {"model": walked.sent[0]})
    one.hear(other.told())
    assert one.router.cooling()[walked.sent[0]] == pytest.approx(300, abs=1)


def test_a_used_up_day_is_known_to_others_for_this_account_alone(one, other):
    one.walk(always(DAY_OVER))
    other.hear(one.told())
    gate, seconds = other.router.gate("mine")
    assert (gate, seconds) == (Gate.DAY, pytest.approx(one.router.gate("mine")[1]))
    assert other.router.gate("another") is None
    assert other.walk(always(ANSWER)).sent == []


def test_a_day_that_has_room_again_is_open_for_all(one, other):
    one.walk(always(DAY_OVER))
    other.hear(one.told())
    other.stage.advance(100)
    other.router.learn_allowance("mine", 50, 1000)
    assert other.router.gate("mine") is None
    one.stage.advance(100)
    one.hear(other.told())
    assert one.router.gate("mine") is None


def test_a_model_that_is_gone_is_asked_by_none(one, other):
    gone = one.walk(once(GONE))
    other.hear(one.told())
    explained = other.router.explain(Request(HELLO))
    assert explained != Peer().router.explain(Request(HELLO))
    one.walk(always(ANSWER), HELLO | {"model": gone.sent[0]})
    other.stage.advance(1)
    other.hear(one.told())
    assert other.router.health.lessons.barred(asker()) == one.router.health.lessons.barred(asker()) == {}


def asker():
    need = Need(frozenset(), frozenset(), strict=False, output=0)
    return Asker(Requirements(need, {}, Bounds(1, 1), stream=False), NOBODY)


NEEDS = st.builds(
    Need, st.frozensets(st.text(max_size=5)), st.frozensets(st.text(max_size=5)), st.booleans(), st.integers(0, 9)
)
SUBJECTS = st.none() | st.text(max_size=9) | NEEDS | st.tuples(st.text(max_size=9), st.text(max_size=9))


@given(st.sampled_from(Lasting), SUBJECTS)
def test_whom_a_lesson_holds_for_can_be_written_and_read(kind, subject):
    assert _read(*written((kind, subject))) == (kind, subject)


def test_a_lesson_is_told_with_its_time_and_forgotten_everywhere(one, other):
    audience = (Lasting.CONTEXT, None)
    one.router.news.learnt("m", audience, Lesson(Lasting.CONTEXT, 900.0, 5_000.0, 4_096))
    other.hear(one.told())
    (lesson,) = other.router.health.lessons._contexts.values()
    assert (lesson.about, lesson.until - other.stage.clock()) == (4_096, pytest.approx(5_000 - one.stage.clock()))
    one.router.news.unlearnt("m", audience, one.stage.clock())
    other.hear(one.told())
    assert len(other.router.health.lessons) == 0


def test_a_conversation_stays_on_its_model_elsewhere(one, other):
    talk = {"messages": [*HELLO["messages"]]}
    model = one.walk(always(ANSWER), talk).sent[0]
    other.hear(one.told())
    answered = [*talk["messages"], {"role": "assistant", "content": "Hi"}, {"role": "user", "content": "And?"}]
    assert {Peer.walk(other, always(ANSWER), {"messages": answered}).sent[0] for _ in range(5)} == {model}


@pytest.mark.parametrize("body", [HELLO, HELLO | {"session_id": "s"}], ids=["by its text", "by id"])
def test_who_does_not_know_the_key_cannot_find_out_what_a_conversation_is_about(body):
    def keys(secret):
        peer = Peer()
        walk(peer.router, always(ANSWER), body, caller=MINE._replace(secret=secret))
        return {fact.about for fact in heard(peer.told(), 0.0) if fact.kind is Kind.TALK}

    assert keys(b"mine") == keys(b"mine") != set()
    assert keys(b"mine").isdisjoint(keys(b"a guess") | keys(b""))


def test_an_older_answer_does_not_move_a_conversation(one, other):
    body = HELLO | {"session_id": "s"}
    one.walk(always(ANSWER), body | {"model": "m/0:free"})
    late = one.told()
    other.stage.advance(1)
    one.stage.advance(1)
    other.walk(always(ANSWER), body | {"model": "m/1:free"})
    other.hear([told._replace(age=told.age + 1) for told in late])
    assert other.walk(always(ANSWER), body).sent == ["m/1:free"]


def test_what_costs_is_asked_by_none(one, other):
    paid = one.walk(always(ANSWER._replace(usage={"cost": 0.5}))).sent[0]
    other.hear(one.told())
    assert other.router.health.costs.models == {paid: 0.5}
    one.router.news.alarmed(ACCOUNT, "mine", 0.5)
    other.hear(one.told())
    assert other.router.health.costs.accounts == {"mine": 0.5}
    assert other.walk(always(ANSWER)).sent == []


def test_what_was_learnt_before_this_machine_started_counts(one):
    month = 30 * 86_400.0
    one.router.hear(
        [Fact(Kind.ALARM, ("m/0:free",), 0.5, one.stage.clock() - month / 2, one.stage.clock() + month / 2)]
    )
    assert one.router.health.costs.models == {"m/0:free": 0.5}


@pytest.mark.parametrize(
    "value", [None, [], "x", {"a": 1}, [1, 2, 3], inf, 10**400, ["", inf, 1]], ids=lambda value: repr(value)[:20]
)
@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in (Kind.DAY, Kind.SENT)])
@pytest.mark.parametrize("about", [(), ("a",), ("a", "b"), ("a", "gone", "{"), ("a", "gone", "[" * 2_000)], ids=len)
def test_what_another_version_tells_breaks_nothing(one, kind, value, about):
    one.router.hear([Fact(kind, about, value, 1_000.0, 1_100.0)])
    assert one.walk(always(ANSWER)).answered


@pytest.mark.parametrize("limit", ["x", [], {"a": 1}, inf], ids=repr)
def test_a_limit_that_is_no_number_closes_no_gate(one, limit):
    one.router.hear([Fact(Kind.GATE, (MINE.account,), ["day", limit], 1_000.0, 1_100.0)])
    assert one.walk(always(ANSWER)).answered


# Places in the minute.


def start(peer, **request):
    return peer.router.route(Request(HELLO, caller=MINE, **request))


def test_a_place_is_taken_before_each_send():
    one = Peer(requests_per_minute=20)
    routing = start(one)
    step = routing.next()
    assert step == Reserve(one, "mine", 0, 20)
    routing.reserved(Slot(True, (60.0,)))
    assert isinstance(routing.next(), Send)
    routing.record(routing.judge(LIMITED))
    assert routing.next() == Reserve(one, "mine", 1, 20)


def test_a_full_minute_waits_for_the_first_slot_that_is_free():
    one = Peer(requests_per_minute=2, max_wait=65)
    routing = start(one)
    routing.next()
    routing.reserved(Slot(False, (12.5, 60.0)))
    assert routing.next() == Wait(pytest.approx(12.5))
    one.stage.advance(12.5)
    assert isinstance(routing.next(), Reserve)


def test_without_patience_a_full_minute_is_an_error():
    one = Peer(requests_per_minute=2)
    routing = start(one)
    routing.next()
    routing.reserved(Slot(False, (12.5, 60.0)))
    step = routing.next()
    assert isinstance(step, Fail)
    assert (step.error.metadata["gate"], step.error.retry_after) == ("minute", pytest.approx(12.5, abs=1))
    assert one.kinds() == []


def test_two_requests_that_have_a_place_each_are_both_sent():
    one = Peer(requests_per_minute=2)
    first, second = start(one), start(one)
    first.next()
    second.next()
    first.reserved(Slot(True, (60.0,)))
    second.reserved(Slot(True, (60.0, 60.0)))
    assert isinstance(first.next(), Send)
    assert isinstance(second.next(), Send)


def test_without_an_answer_the_own_count_decides_and_the_send_is_told():
    one = Peer(requests_per_minute=2)
    for _ in range(2):
        routing = start(one)
        routing.next()
        routing.reserved(None)
        assert isinstance(routing.next(), Send)
    assert one.kinds() == [Kind.SENT, Kind.SENT]
    assert isinstance(start(one).next(), Fail)


@pytest.mark.parametrize("flaw", [Flaw.NOT_SENT])
def test_what_was_not_sent_gives_its_place_back(flaw):
    one = Peer(requests_per_minute=2)
    routing = start(one)
    routing.next()
    routing.reserved(Slot(True, (60.0,)))
    routing.next()
    routing.record(routing.judge(Reading(flaw=flaw)))
    (given_back,) = heard(one.told(), 0.0)
    assert (given_back.kind, given_back.about, given_back.over) == (Kind.SENT, ("mine", "0"), True)
    assert isinstance(routing.next(), Wait)
    assert routing.next() == Reserve(one, "mine", 1, 2)


@pytest.mark.parametrize("answered", [True, False], ids=["it was answered", "it was not answered yet"])
def test_a_caller_that_leaves_gives_its_place_back(answered):
    one = Peer(requests_per_minute=2)
    routing = start(one)
    routing.next()
    if answered:
        routing.reserved(Slot(True, (60.0,)))
    routing.abandon()
    assert one.kinds() == [Kind.SENT]


@pytest.mark.parametrize("reading", [LIMITED, None], ids=["no more is tried", "the caller leaves"])
def test_what_was_sent_keeps_its_place_however_it_ends(reading):
    one = Peer(requests_per_minute=2, max_attempts=1)
    routing = start(one)
    routing.next()
    routing.reserved(Slot(True, (60.0,)))
    assert isinstance(routing.next(), Send)
    if reading is None:
        routing.abandon()
    else:
        routing.record(routing.judge(reading))
        assert isinstance(routing.next(), Fail)
    assert Kind.SENT not in one.kinds()


def test_an_answer_of_the_store_that_came_too_late_gives_its_place_back():
    one = Peer(count=1, requests_per_minute=2)
    routing = start(one)
    routing.next()
    routing.reserved(None)
    routing.abandon()
    (given_back,) = heard(one.told(), 0.0)
    assert (given_back.kind, given_back.over) == (Kind.SENT, True)


def test_a_closed_gate_in_the_answer_ends_the_request():
    one, other = Peer(requests_per_minute=20), Peer(requests_per_minute=20)
    other.router.endpoint.allowances.close("mine", Gate.DAY, 500.0)
    other.router.news.shut("mine")
    routing = start(one)
    routing.next()
    routing.reserved(Slot(False, (), None, tuple(other.told())))
    step = routing.next()
    assert isinstance(step, Fail)
    assert step.error.metadata["gate"] == "day"


def test_the_answer_says_what_is_left_of_the_day():
    one = Peer(requests_per_minute=20)
    routing = start(one)
    routing.next()
    routing.reserved(Slot(True, (60.0,), (50, 7)))
    routing.next()
    assert one.router.allowance_left("mine") == 7


def test_a_store_that_has_lost_its_memory_does_not_reset_the_minute():
    one = Peer(requests_per_minute=3)
    for taken in ((60.0,), (60.0, 60.0), (60.0,)):
        routing = start(one)
        routing.next()
        routing.reserved(Slot(True, taken))
        assert isinstance(routing.next(), Send)
    assert isinstance(start(one).next(), Fail)


def test_a_gate_that_is_known_here_is_not_asked_about(one):
    one.router.endpoint.allowances.close("mine", Gate.DAY, 500.0)
    assert isinstance(start(one).next(), Fail)


def test_what_no_model_can_do_takes_no_place():
    one = Peer(requests_per_minute=20)
    routing = one.router.route(Request(HELLO | {"tools": [{"type": "function", "function": {"name": "f"}}]}))
    assert isinstance(routing.next(), Fail)


def test_an_outage_is_waited_for_before_a_place_is_taken():
    one = Peer(requests_per_minute=20)
    one.router.endpoint.outage.begin("down")
    step = start(one).next()
    assert isinstance(step, Fail)
    assert step.error.metadata["outage"] == "down"


def test_a_large_limit_is_not_shared():
    one = Peer(requests_per_minute=MOST_SLOTS + 1)
    assert isinstance(start(one).next(), Send)


def test_what_leaves_shares_nothing(one):
    one.router.leave()
    one.walk(once(LIMITED))
    assert one.told() == []


class Leaving(Router):
    """Another thread closes the client after each look at ``news``."""

    @property
    def news(self):
        found, self._news = self._news, None
        return found

    @news.setter
    def news(self, news):
        self._news = news


def test_a_client_may_be_closed_at_any_time_of_a_request():
    class Store:
        def read_once(self):
            read.append(True)

    read, router = [], Leaving(Settings(), models(1))
    router.news = News(router, Outbox(), Store())
    Forwarder(router, None).update()
    assert read
    router.news = News(router, Outbox(), Store())
    Admission(router, "mine", None)
