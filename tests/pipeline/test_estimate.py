"""The estimate of a prompt's tokens: linear in the text, rather too many than too few, media at a flat price."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freerouter.pipeline.analysis import analyze

HELLO = {"role": "user", "content": "Hello"}
TEXT = {"type": "text", "text": "What is this?"}
ENGLISH = "The quick brown fox jumps over the lazy dog and runs back home before the night falls. "


def tokens(*messages):
    return analyze({"messages": list(messages)}).prompt_tokens


@pytest.mark.parametrize("times", [1, 10, 1_000, 10_000])
def test_the_estimate_is_above_four_bytes_a_token_but_not_absurdly(times):
    text = ENGLISH * times
    estimate = tokens({"role": "user", "content": text})
    assert len(text) / 4 < estimate < len(text) / 2 + 30


def test_the_estimate_is_linear_in_the_text():
    one, two, three = (tokens({"role": "user", "content": ENGLISH * times}) for times in (1_000, 2_000, 3_000))
    assert abs((three - two) - (two - one)) <= 1


@given(st.text(), st.text())
def test_more_text_is_never_fewer_tokens(text, more):
    estimate = tokens({"role": "user", "content": text})
    assert tokens({"role": "user", "content": text + more}) >= estimate


@pytest.mark.parametrize(
    "medium",
    [
        lambda data: {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}},
        lambda data: {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}},
        lambda data: {"type": "video_url", "video_url": {"url": f"data:video/mp4;base64,{data}"}},
        lambda data: {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{data}"}},
    ],
    ids=["image", "audio", "video", "file"],
)
def test_a_medium_has_a_flat_price_whatever_its_bytes(medium):
    small, large = ([TEXT, medium("A" * size)] for size in (4, 4_000_000))
    assert abs(tokens({"role": "user", "content": small}) - tokens({"role": "user", "content": large})) < 20
    more = tokens({"role": "user", "content": large}, {"role": "user", "content": large})
    assert 1_000 < more - tokens({"role": "user", "content": large}) < 2_000


def test_images_and_sound_of_earlier_answers_are_not_counted_as_text():
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 900_000}}
    answer = {"role": "assistant", "images": [image], "audio": {"data": "A" * 900_000}}
    assert 2_000 < tokens(HELLO, answer) < 4_000
