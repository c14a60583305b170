"""What the tests of clients share: what reached the emulator, and what they ask for."""

import json
from typing import Any

from tests.builders import SEAL
from tests.server.processes import Process

FREE = "openrouter/free"
PAID = "openai/gpt-4o"
HELLO = [{"role": "user", "content": "Hello"}]
# A picture of one red pixel.
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "inhabitants": {"type": "integer"}},
    "required": ["city", "inhabitants"],
    "additionalProperties": False,
}
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "weather", "description": "Of a city.", "parameters": WEATHER}}


class Talk:
    """What has reached the emulator since it began."""

    def __init__(self, server: Process) -> None:
        self._server = server
        self._before = len(server.received)

    @property
    def received(self) -> list[dict[str, Any]]:
        return self._server.received[self._before :]

    @property
    def models(self) -> list[str]:
        """The models that were asked, each of them free."""
        models = [request["model"] for request in self.received]
        assert all(model.endswith(":free") for model in models)
        return models

    @property
    def meant(self) -> list[dict[str, Any]]:
        """The bodies without what the router sets: the model, and the price that nothing may exceed."""
        bodies = [dict(request["body"]) for request in self.received]
        for body in bodies:
            assert body.pop("model").endswith(":free")
            assert {name: body.pop(name) for name in SEAL} == SEAL
        return bodies


def is_city(text: str) -> bool:
    return json.loads(text).keys() == {"city", "inhabitants"}
