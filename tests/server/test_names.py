"""How a client may call the models."""

import pytest

from tests.server.stage import served
from tests.stage import CATALOG, PLAIN, TODAY

FREE = {model.id: model for model in CATALOG.free(TODAY)}


@pytest.mark.parametrize(
    "name", [None, "openrouter/free", "free", "auto", "openrouter/auto", "openrouter/openrouter/free"]
)
def test_a_name_that_means_any(server, emulator, name):
    assert server.ask(**({} if name is None else {"model": name})).status_code == 200
    assert emulator.completions[-1].model in FREE


@pytest.mark.parametrize("name", [PLAIN, f"openrouter/{PLAIN}"])
def test_a_free_models_name_means_that_model(server, emulator, dialect, name):
    assert server.ask(dialect, model=name).headers["x-freerouter-model"] == PLAIN
    assert emulator.completions[-1].model == PLAIN


@pytest.mark.parametrize(
    ("name", "can"),
    [
        ("free:tools", lambda model: "tools" in model.parameters),
        ("free:vision", lambda model: "image" in model.inputs),
        ("openrouter/free:vision", lambda model: "image" in model.inputs),
        ("free:tools+image", lambda model: "image" in model.inputs and "tools" in model.parameters),
    ],
)
def test_a_name_that_states_needs(server, emulator, name, can):
    for _ in range(8):
        assert can(FREE[server.ask(model=name).headers["x-freerouter-model"]])


def test_names_for_programs_with_names_of_their_own(upstream, emulator, dialect):
    with served(upstream, model_map=("claude-*=openrouter/free", f"gpt-4o={PLAIN}")) as server:
        assert server.ask(dialect, model="claude-sonnet-4-5-20250929").status_code == 200
        assert server.ask(dialect, model="gpt-4o").headers["x-freerouter-model"] == PLAIN
        assert server.ask(dialect, model="gpt-5").status_code == 400
    assert {received.model for received in emulator.completions} <= FREE.keys()


def test_any_name_can_mean_any_model(upstream):
    with served(upstream, model_map=("*=openrouter/free",)) as server:
        assert server.ask(model="whatever").status_code == 200
        for _ in range(8):  # what has a meaning of its own keeps it
            assert "image" in FREE[server.ask(model="free:vision").headers["x-freerouter-model"]].inputs


def test_a_refused_name_comes_with_the_nearest_free_ones(server, emulator, dialect):
    response = server.ask(dialect, model="nvidia/nemotron-3-nano-30b-a3b")
    assert response.status_code == 400
    assert PLAIN in response.json()["error"]["message"]
    assert "openrouter/free" in response.json()["error"]["message"]
    assert not emulator.completions


def test_a_list_of_models_is_walked_in_its_order(server, emulator):
    other = next(name for name in FREE if name != PLAIN and "guard" not in name and "safety" not in name)
    assert server.ask(models=[other, PLAIN]).headers["x-freerouter-model"] == other
    assert "models" not in emulator.completions[-1].json
