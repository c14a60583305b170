"""How a CatalogSource fetches: pages, limits, keys, doubts, and the copy that it leaves behind."""

import json
import threading

import httpx
import pytest

from freerouter import CatalogError, Settings
from freerouter.emulator import Emulator
from freerouter.network.catalog_source import CatalogSource
from freerouter.network.key_source import KeySource
from tests.network.sources import AGE, NOON, ids, listing, serving, settled
from tests.stage import KEY, URL, Upstream, in_threads, until


def paged(*pages: bytes) -> Upstream:
    """Serves ?page=0, ?page=1, ... of these."""
    return Upstream(lambda request: httpx.Response(200, content=pages[int(request.url.params.get("page", 0))]))


# Pages.


@pytest.mark.parametrize("link", ["/api/v1/models?page={}", "?page={}", f"{URL}/models?page={{}}"])
def test_pages_are_followed_to_the_last_and_kept_as_one_list(stage, offline, link):
    pages = [listing("a", "b", following=link.format(1)), listing("c", following=link.format(2)), listing("d")]
    upstream = paged(*pages)
    assert ids(stage.source(upstream).get()) == ["a", "b", "c", "d"]
    assert [str(request.url) for request in upstream.requests] == [
        f"{URL}/models",
        f"{URL}/models?page=1",
        f"{URL}/models?page=2",
    ]
    assert ids(stage.source(offline).get()) == ["a", "b", "c", "d"]
    assert json.loads(stage.copies[0].read_bytes())["total_count"] == 4


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.test/api/v1/models",
        "//evil.test/models",
        "http://openrouter.ai/api/v1/models",
        "https://openrouter.ai:8443/api/v1/models",
        "https://openrouter.ai@evil.test/models",
        "https://openrouter.ai.evil.test/models",
        "https://user:pw@openrouter.ai/models",
        "file:///etc/passwd",
        "https://[",
    ],
)
@pytest.mark.parametrize("account", [False, True])
def test_pages_are_not_followed_to_another_server(stage, elsewhere, account):
    upstream = Upstream(lambda _: httpx.Response(200, content=listing("a", following=elsewhere)))
    with pytest.raises(CatalogError):
        stage.source(upstream, account=account).get()
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("following", [None, "", 7, [], {}], ids=repr)
def test_a_list_without_a_next_page_is_whole(stage, following):
    upstream = Upstream(lambda _: httpx.Response(200, content=listing("a", following=following)))
    assert ids(stage.source(upstream).get()) == ["a"]
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("second", [b"<html>", b"", b"[]", b'{"data": 7}', b"{}", listing("b")[:-9]], ids=repr)
def test_half_a_list_is_none(stage, second):
    with pytest.raises(CatalogError, match="2 pages"):
        stage.source(paged(listing("a", following="?page=1"), second)).get()
    assert not stage.copies


def test_a_list_without_end_is_an_error(stage):
    upstream = Upstream(lambda _: httpx.Response(200, content=listing("a", following="?page=1")))
    with pytest.raises(CatalogError, match="more than 100 pages"):
        stage.source(upstream).get()
    assert len(upstream.requests) == 100


class Endless(httpx.SyncByteStream):
    """Zeros for ever, in pieces of a MiB."""

    taken = 0

    def __iter__(self):
        while True:
            self.taken += 1
            yield bytes(1 << 20)


def test_a_list_that_is_too_large_is_given_up_at_64_mib(stage):
    body = Endless()
    with pytest.raises(CatalogError, match="64 MiB"):
        stage.source(Upstream(lambda _: httpx.Response(200, stream=body))).get()
    assert body.taken == 65


# Doubts.

MANY = [f"m{number}" for number in range(10)]


@pytest.mark.parametrize(("left", "doubted"), [(10, False), (3, False), (2, False), (1, True)])
def test_a_refresh_that_drops_more_than_four_fifths_is_believed_only_the_second_time(stage, left, doubted):
    stage.keep(*MANY)
    few = MANY[:left]
    upstream = serving(*few)
    source = stage.source(upstream)
    source.get()
    assert ids(source.refresh().result(5)) == (MANY if doubted else few)
    assert ids(stage.source().get()) == (MANY if doubted else few), "nor does the copy change"
    stage.now += 10
    source.get()
    settled(source)
    assert ids(source.get()) == few
    assert len(upstream.requests) == (2 if doubted else 1), "what is doubted is asked for anew within seconds"


def test_a_doubt_that_is_dispelled_arises_anew(stage):
    stage.keep(*MANY)
    answers = iter([MANY[:1], MANY, MANY[:1], MANY[:1]])
    source = stage.source(Upstream(lambda _: httpx.Response(200, content=listing(*next(answers)))))
    source.get()
    assert [len(source.refresh().result(5).models) for _ in range(4)] == [10, 10, 10, 1]


def test_a_list_that_is_older_than_a_day_casts_no_doubt(stage):
    stage.keep(*MANY, age=86_401)
    assert ids(stage.source(serving("new")).latest(5)) == ["new"]


# Keys and accounts.


def test_the_key_is_not_sent_for_the_list_of_all(stage):
    upstream = serving("a")
    stage.source(upstream).get()
    assert upstream.last.url == f"{URL}/models"
    assert KEY not in str(upstream.last.headers.raw)


def test_an_accounts_list_is_read_with_its_key_and_kept_apart(stage, offline):
    everyone, mine = serving("a", "b"), serving("a")
    stage.source(everyone).get()
    stage.source(mine, account=True).get()
    assert mine.last.url == f"{URL}/models/user"
    assert mine.last.headers["authorization"] == f"Bearer {KEY}"
    assert ids(stage.source(offline).get()) == ["a", "b"]
    assert ids(stage.source(offline, account=True).get()) == ["a"]
    assert len(stage.copies) == 2


@pytest.mark.parametrize("other", [{"api_key": "sk-or-other"}, {"upstream": "https://else.test/api/v1"}], ids=str)
def test_another_account_and_another_upstream_have_copies_of_their_own(stage, offline, other):
    stage.keep("a", account=True)
    settings = Settings(**{"cache_dir": str(stage.folder), "api_key": KEY, **other})
    with pytest.raises(CatalogError):
        CatalogSource(settings, transport=offline.transport, account=True, wall=lambda: NOON).get()


def test_every_page_of_an_accounts_list_is_read_with_the_key_which_the_copy_does_not_hold(stage):
    upstream = paged(listing("a", following="?page=1"), listing("b"))
    stage.source(upstream, account=True).get()
    assert [request.headers["authorization"] for request in upstream.requests] == [f"Bearer {KEY}"] * 2
    assert KEY not in "".join(f"{copy} {copy.read_text()}" for copy in stage.copies)


def test_the_setting_account_models_decides_by_default(stage):
    upstream = serving("a")
    settings = Settings(cache_dir=str(stage.folder), api_key=KEY, account_models=True)
    CatalogSource(settings, transport=upstream.transport).get()
    assert upstream.last.url.path == "/api/v1/models/user"


def test_an_emulated_openrouter_serves_both_lists(settings, emulator):
    for account, path in [(False, "/api/v1/models"), (True, "/api/v1/models/user")]:
        CatalogSource(settings, account=account).get()
        assert (emulator.requests[-1].path, emulator.requests[-1].status) == (path, 200)


# The copy.


def test_the_copy_is_replaced_at_one_stroke(stage):
    long, short = [f"{'x' * 240}{number}" for number in range(600)], ["short"]
    sources = [stage.source(serving(*long)), stage.source(serving(*short))]
    stage.keep(*short)
    (copy,) = stage.copies
    valid, stop = {listing(*long), listing(*short)}, threading.Event()
    torn: list[bytes] = []

    def read():
        while not stop.is_set():
            torn.extend({copy.read_bytes()} - valid)

    reader = threading.Thread(target=read)
    reader.start()
    in_threads([lambda source=source: [source.refresh().result(5) for _ in range(20)] for source in sources * 4])
    stop.set()
    reader.join()
    assert not torn
    assert stage.copies == [copy], "and nothing else is left behind"


def test_a_vanished_model_has_the_list_fetched_anew_at_most_once_a_minute(stage):
    upstream = serving("a")
    source = stage.source(upstream)
    source.get()
    for second in range(0, 150, 10):
        stage.now = NOON + second
        source.expire()
        settled(source)
    assert AGE > 150, "so that none of them is due by its age"
    assert len(upstream.requests) == 1 + 3


# The allowance.


def test_the_allowance_is_read_in_the_background_once_a_minute_for_each_account():
    learnt = []
    with Emulator(per_day=50).running() as url:
        allowances = KeySource(url, lambda *what: learnt.append(what))
        threads = [allowances.read(account, f"Bearer {account}") for account in ("me", "me", "you")]
        for thread in filter(None, threads):
            thread.join(5)
    assert sorted(learnt) == [("me", 0, 50), ("you", 0, 50)]


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"data": {}}', b'{"data": {"free_model_daily_requests": 7}}']
)
def test_an_allowance_that_cannot_be_read_is_not_learnt(body, caplog):
    caplog.set_level("DEBUG")
    upstream = Upstream(lambda _: httpx.Response(200, content=body))
    KeySource(URL, pytest.fail, upstream.transport).read("me", f"Bearer {KEY}").join(5)
    until(lambda: upstream.requests)
    assert "not read" in caplog.text
    assert KEY not in caplog.text
