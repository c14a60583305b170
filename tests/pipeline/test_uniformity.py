"""Over real connections, each eligible model is asked equally often: by the emulator's own log."""

from collections import Counter

import httpx
import pytest
from scipy.stats import chisquare

from freerouter import Router, RoutingTransport
from tests.stage import BODY, CATALOG, HELLO
from tests.walks import ANSWER, always, models, stage, walk

MANY = 360
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
PICTURE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]}]


@pytest.mark.parametrize(
    ("body", "eligible"),
    [(BODY, 18), ({"messages": PICTURE, "tools": TOOLS}, 7), ({"messages": HELLO, "seed": 1}, 15)],
    ids=["a plain question", "a picture and tools", "a preference"],
)
def test_each_eligible_model_is_asked_equally_often(settings, emulator, body, eligible):
    with httpx.Client(transport=RoutingTransport(router=Router(settings, CATALOG))) as client:
        for _ in range(MANY):
            assert client.post(f"{settings.upstream}/chat/completions", json=body).status_code == 200
    asked = Counter(sent.model for sent in emulator.completions)
    assert asked.total() == MANY
    assert len(asked) == eligible
    assert chisquare([*asked.values()]).pvalue > 0.001


def shots(number):
    """Two examples, the same in each request, and a question of its own."""
    texts = ("Two and two?", "4", "Three and three?", "6", f"{number} and {number}?")
    return [{"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(texts)]


@pytest.mark.parametrize("alike", [False, True], ids=["different", "the same"])
@pytest.mark.parametrize("messages", [lambda _: HELLO, shots], ids=["first messages", "few-shot requests"])
def test_independent_requests_are_no_conversation(messages, alike):
    actor = stage(models(12))
    asked = Counter()
    for number in range(MANY):
        asked.update(walk(actor.router, always(ANSWER), {"messages": messages(0 if alike else number)}).sent)
    assert len(asked) == 12
    assert chisquare([*asked.values()]).pvalue > 0.001


def test_a_model_that_is_asked_three_times_as_often_would_be_seen():
    assert chisquare([3 * MANY // 20] + [MANY // 20] * 17).pvalue < 0.001
