"""The caller's own time to read: it counts where it is shorter than the settings' and then no model is to blame."""

import time

import httpx
import pytest

from freerouter.network.wire_protocols import Timeouts
from freerouter.pipeline.router import Router
from freerouter.settings import Settings
from freerouter.transport import _timeouts
from tests.stage import BODY, CATALOG, SOON, exchange, striking


def test_the_callers_time_to_read_counts_where_it_is_shorter():
    assert Timeouts(read=2.0).cut(60.0, 30.0)[3:6] == (2.0, 2.0, 2.0)
    assert Timeouts(read=40.0).cut(60.0, 30.0)[3:6] == (40.0, 30.0, 40.0)
    assert Timeouts(read=90.0).cut(60.0, 0.0)[3:6] == (60.0, 0.0, 90.0)
    assert Timeouts(read=None).cut(60.0, 30.0)[3:6] == (60.0, 30.0, None)


@pytest.mark.parametrize(
    ("asked", "read"),
    [
        (None, None),
        (httpx.Client().timeout, None),
        (httpx.Timeout(None), None),
        (httpx.Timeout(5.0, read=4.0), 4.0),
        (httpx.Timeout(20.0), 20.0),
    ],
)
def test_what_is_httpxs_default_was_chosen_by_no_caller(asked, read):
    extensions = {} if asked is None else {"timeout": asked.as_dict()}
    assert _timeouts(httpx.Request("POST", "http://x", extensions=extensions)).read == read


def ask(way, settings, read, *, stream):
    """What comes of a request whose caller waits so many seconds for each read, and the router that took it."""
    router = Router(settings, CATALOG)
    extensions = {"timeout": httpx.Timeout(None, read=read).as_dict()}
    url = f"{settings.upstream}/chat/completions"
    request = httpx.Request("POST", url, json=BODY | {"stream": stream}, extensions=extensions)
    return exchange(way, request, router=router), router


# A fault, whether the request is a stream, and whether the caller's time is shorter than the settings'.
HANGING = [("never_answers", False), ("never_answers", True), ("silent_after_headers", False)]


@pytest.mark.parametrize(("fault", "stream"), HANGING)
@pytest.mark.parametrize("hurried", [True, False])
def test_a_model_is_blamed_for_the_settings_time_but_not_for_the_callers(
    way, settings, emulator, fault, stream, hurried
):
    emulator.faults = striking(fault, count=1)
    long, short = 30.0, 0.3
    allowed = long if hurried else short
    settings = Settings.adjusted(settings, first_token_timeout=allowed, reply_timeout=allowed)
    start = time.perf_counter()
    response, router = ask(way, settings, short if hurried else long, stream=stream)
    assert time.perf_counter() - start < SOON
    assert response.status_code == 200
    reasons = [attempt.outcome.reason for attempt in response.extensions["freerouter"].attempts]
    assert reasons == ["timeout_of_caller" if hurried else "timeout", "answered"]
    assert list(router.health.cooling) == ([] if hurried else [emulator.completions[0].model])


@pytest.mark.parametrize("hurried", [True, False])
def test_nor_is_one_that_pauses_in_its_answer(way, settings, emulator, hurried):
    emulator.faults = striking("stream_stalls", count=1)
    long, short = 5.0, 0.3
    settings = Settings.adjusted(settings, idle_timeout=long if hurried else short)
    response, router = ask(way, settings, short if hurried else long, stream=True)
    assert "broke off before its end" in response.text
    assert response.extensions["freerouter"].ending == "interrupted"
    assert list(router.health.cooling) == ([] if hurried else [emulator.completions[0].model])
