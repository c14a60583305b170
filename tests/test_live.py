"""The real OpenRouter: `make test ARGS="-m live"` with OPENROUTER_API_KEY set; costs two of the day's requests."""

import os

import pytest

from freerouter import FreeRouter, Settings

pytestmark = pytest.mark.live


@pytest.fixture
def clean_environment():
    """These tests need the key and the proxies of the machine."""


@pytest.fixture
def no_network():
    """These tests need the network."""


@pytest.fixture
def router(tmp_path):
    if not os.environ.get("OPENROUTER_API_KEY"):
        pytest.skip("OPENROUTER_API_KEY is not set")
    with FreeRouter(settings=Settings(cache_dir=str(tmp_path))) as router:
        yield router


def test_some_free_models_can_call_tools(router):
    models = router.models.list(needs=["tools"])
    assert len(models) >= 3
    assert all(model.id.endswith(":free") for model in models)


def test_a_question_is_answered_for_nothing(router):
    answer = router.chat.send("Say yes.", max_tokens=200)
    assert answer.trace.model in {model.id for model in router.models.list()}
    assert not answer.usage.cost


def test_a_stream_ends(router):
    with router.chat.stream("Say yes.", max_tokens=200) as stream:
        chunks = list(stream)
    assert chunks
    assert stream.trace.ending == "finished"
