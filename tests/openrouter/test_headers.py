"""Headers: what goes to OpenRouter, what comes back, and that nobody is known by a key in clear."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.errors import AllowanceExhaustedError, InvalidRequestError, NoEligibleModelError
from freerouter.openrouter import headers
from freerouter.openrouter.headers import SessionHeaders, caller, lower, outgoing, sender
from freerouter.pipeline.delivery import returned
from freerouter.pipeline.refusals import error_headers
from freerouter.pipeline.tracking import Trace

OURS = [("accept-encoding", "identity"), ("content-type", "application/json")]
KEY = "sk-or-canary"

PASSES = [
    ("authorization", "Bearer theirs"),
    ("http-referer", "https://example.com"),
    ("x-openrouter-title", "App"),
    ("x-title", "App"),
    ("x-openrouter-categories", "cli-agent"),
    ("x-openrouter-metadata", "enabled"),
    ("x-session-id", "s"),
    ("x-openrouter-cache", "true"),
    ("anthropic-version", "2023-06-01"),
    ("anthropic-beta", "x"),
    ("user-agent", "OpenAI/Python"),
    ("x-stainless-lang", "python"),
    ("x-nobody-knows", "caf\xe9\t."),
]
STAYS = [
    ("host", "127.0.0.1"),
    ("connection", "keep-alive"),
    ("keep-alive", "timeout=5"),
    ("proxy-authorization", "Basic x"),
    ("proxy-connection", "keep-alive"),
    ("te", "trailers"),
    ("trailer", "x"),
    ("transfer-encoding", "chunked"),
    ("upgrade", "h2c"),
    ("expect", "100-continue"),
    ("cookie", "secret=1"),
    ("content-length", "5"),
    ("content-type", "text/plain"),
    ("content-encoding", "gzip"),
    ("accept-encoding", "gzip, br"),
    ("x-freerouter-needs", "tools"),
]


@pytest.mark.parametrize("header", PASSES, ids=lambda header: header[0])
def test_the_callers_headers_go_on_unchanged(header):
    assert outgoing([header], None) == [*OURS, header]


@pytest.mark.parametrize("header", STAYS, ids=lambda header: header[0])
def test_what_holds_for_one_hop_or_is_made_anew_does_not(header):
    assert outgoing([header], None) == OURS


def test_a_header_given_twice_is_sent_twice_in_its_order():
    headers = [("x-a", "1"), ("x-b", "2"), ("x-a", "3")]
    assert outgoing(headers, None) == [*OURS, *headers]


KEYS = {
    "ours where there is none": ([], KEY, [("authorization", f"Bearer {KEY}")]),
    "theirs wins": ([("authorization", "Bearer theirs")], KEY, [("authorization", "Bearer theirs")]),
    "theirs in Anthropic's way wins": ([("x-api-key", "theirs")], KEY, [("x-api-key", "theirs")]),
    "none at all": ([], None, []),
}


@pytest.mark.parametrize(("headers", "key", "sent"), KEYS.values(), ids=KEYS)
def test_the_callers_key_wins(headers, key, sent):
    assert outgoing(headers, key) == [*OURS, *sent]


@pytest.mark.parametrize("bad", ["\n", "\r", "\0", "\x7f", "\x1b", "\u20ac", "\ud800"], ids=ascii)
def test_a_value_that_no_header_may_hold_is_refused_and_not_shown(bad):
    with pytest.raises(InvalidRequestError, match="header authorization holds a character") as error:
        outgoing([("authorization", f"Bearer {KEY}{bad}")], None)
    assert error.value.field == "authorization"
    assert KEY not in f"{error.value!r} {error.value} {error.value.metadata}"


@given(st.lists(st.tuples(st.sampled_from([*dict(PASSES), *dict(STAYS)]), st.text())))
def test_no_line_break_ever_goes_on(headers):
    try:
        sent = outgoing(headers, None)
    except InvalidRequestError:
        return
    assert not any(set(value) & set("\r\n\0") for _, value in sent)
    assert {name for name, _ in sent} <= {*dict(OURS), *dict(PASSES)}


def test_openrouters_headers_come_back_with_the_model_that_answered():
    trace = Trace(model="acme/alpha:free")
    upstream = [("x-generation-id", "gen-1"), ("content-length", "5"), ("content-type", "application/json")]
    hops = [("connection", "close"), ("transfer-encoding", "chunked")]
    ours = list(trace.headers().items())
    assert returned([*upstream, *hops], trace, streamed=False) == [*upstream, *ours]
    without_length = [header for header in upstream if header[0] != "content-length"]
    assert returned([*upstream, *hops], trace, streamed=True) == [*without_length, *ours]


ERRORS = {
    "the day": (AllowanceExhaustedError("", retry_after=59.2, metadata={"gate": "day"}), "false", "60"),
    "the minute, which is worth a retry": (
        AllowanceExhaustedError("", retry_after=0.2, metadata={"gate": "minute"}),
        None,
        "1",
    ),
    "no eligible model": (NoEligibleModelError("", metadata={"gate": "minute"}), "false", None),
    "nothing sent": (InvalidRequestError("", retry_after=30.0), "false", "30"),
}


@pytest.mark.parametrize(("error", "retry", "after"), ERRORS.values(), ids=ERRORS)
def test_an_error_says_whether_and_when_to_try_again(error, retry, after):
    trace = Trace()
    headers = dict(error_headers(error, trace))
    assert (headers.get("x-should-retry"), headers.get("retry-after")) == (retry, after)
    assert headers["content-type"] == "application/json"
    assert headers["x-freerouter-trace"] == trace.id


def account(**headers):
    return caller([(name.replace("_", "-"), value) for name, value in headers.items()]).account


def app(**headers):
    return caller([(name.replace("_", "-"), value) for name, value in headers.items()]).app


def test_accounts_are_told_apart_by_their_key_alone():
    assert account(authorization="Bearer a") == account(authorization="Bearer a", x_title="App", user_agent="x")
    assert (
        len({account(), account(authorization="Bearer a"), account(authorization="Bearer b"), account(x_api_key="a")})
        == 4
    )


@pytest.mark.parametrize("name", ["http_referer", "x_title", "x_openrouter_title"])
def test_apps_are_told_apart_by_their_attribution_alone(name):
    assert app(**{name: "A"}) == app(**{name: "A"}, authorization="Bearer a")
    assert len({app(), app(**{name: "A"}), app(**{name: "B"})}) == 3


def test_nobody_is_known_by_a_key_in_clear():
    assert KEY not in repr(caller([("authorization", f"Bearer {KEY}"), ("x-title", KEY)]))
    assert len(account(authorization="Bearer a")) == 32


def test_the_secret_of_conversations_is_of_the_key_alone_and_is_not_shown():
    mine, again, yours = (caller([("authorization", f"Bearer {key}"), ("x-title", key)]) for key in ("a", "a", "b"))
    assert mine.secret == again.secret != yours.secret
    assert mine.secret.decode() not in repr(mine)
    assert mine.secret.decode() != mine.account


def test_names_are_lower_case():
    assert lower({"X-Title": "App", "authorization": "Bearer A"}) == [("x-title", "App"), ("authorization", "Bearer A")]


@pytest.mark.parametrize("name", ["authorization", "x-api-key"])
def test_what_is_remembered_of_a_callers_headers_holds_no_key(name, monkeypatch):
    remembered = []
    without_keys = headers._without_keys
    monkeypatch.setattr(headers, "_without_keys", lambda rest: remembered.append(rest) or without_keys(rest))
    given = [("x-title", "App"), (name, f"Bearer {KEY}"), ("x-session-id", "s")]
    sent = sender(given, "sk-or-ours")
    assert sorted(sent.headers) == sorted(outgoing(given, "sk-or-ours"))
    assert (sent.caller, sent.session) == (caller(outgoing(given, None)), SessionHeaders("s"))
    kept = without_keys(*remembered)
    assert without_keys.cache_info().hits
    assert KEY not in repr((remembered, kept))


def test_two_keys_are_two_accounts_though_all_else_is_remembered():
    callers = {sender([("x-title", "App"), ("authorization", f"Bearer {key}")], None).caller for key in "abc"}
    assert len(callers) == 3
    assert len({who.app for who in callers}) == 1


def test_an_illegal_key_is_refused_each_time():
    for _ in range(2):
        with pytest.raises(InvalidRequestError) as refusal:
            sender([("authorization", f"Bearer {KEY}\n")], None)
        assert KEY not in str(refusal.value)
