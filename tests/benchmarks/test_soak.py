"""The verdict of make soak: what is a fault, and what is noise."""

import pytest

from benchmarks.soak import Result, Tally, faults_found, judge, slope


def result(*, outcomes=(), after=20, running=0.0, rise=0.0, error=0.05) -> Result:
    tally = Tally()
    tally.outcomes.update(outcomes)
    return Result(tally, 20, after, running, rise, error)


def test_the_slope_is_that_of_the_second_half():
    samples = [(float(at), 80.0 if at < 100 else 80.0 + (at - 100) / 60, 16) for at in range(200)]
    assert slope(samples) == (pytest.approx(1.0), pytest.approx(0.0, abs=1e-6))


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"outcomes": ["answered", "left", "error with its cause"]}, None),
        ({"outcomes": ["no cause stated"]}, "1 times no cause stated"),
        ({"outcomes": ["no answer in time"]}, "1 times no answer in time"),
        ({"rise": 0.19}, None),
        ({"rise": 0.5, "error": 0.3}, None),
        ({"rise": 0.5}, "memory rises by 0.50 MB a minute"),
        ({"after": 40}, "20 more file descriptors than before"),
        ({"running": 2.0}, "2 requests left in flight"),
    ],
)
def test_what_is_a_fault(given, fault):
    assert faults_found(result(**given)) == ([fault] if fault else [])


@pytest.mark.parametrize(
    ("status", "data", "stream", "outcome"),
    [
        (200, b'{"choices": []}', False, "answered"),
        (200, b"data: {}\n\ndata: [DONE]\n\n", True, "answered"),
        (200, b'data: {"error": {}}\n\ndata: [DONE]\n\n', True, "error with its cause"),
        (429, b'{"error": {"message": "busy"}}', False, "error with its cause"),
        (200, b'data: {"finish_reason": "stop"}\n\n', True, "answered, but the end marker is missing"),
        (200, b'data: {"finish_reason": null}\n\n', True, "no cause stated"),
        (502, b"", False, "no cause stated"),
    ],
)
def test_an_answer_is_whole_or_says_why_not(status, data, stream, outcome):
    tally = Tally()
    judge(status, data, stream, tally)
    assert dict(tally.outcomes) == {outcome: 1}
