"""One request step by step: what a driver does with a Routing, without I/O."""

from freerouter.openrouter.headers import Caller
from freerouter.pipeline.actions import Request, Send
from freerouter.pipeline.routing import Routing
from freerouter.replies.outcome import Outcome
from freerouter.replies.reading import Reading
from tests.walks import ANSWER, HELLO, Stage, error_reading

ME = Caller("me")
BUSY = error_reading(503, "busy", metadata={"provider_name": "Acme"})


def start(actor: Stage, body=None, **request) -> Routing:
    return actor.router.route(Request(HELLO if body is None else body, caller=ME, **request))


def send(routing: Routing) -> Send:
    action = routing.next()
    assert isinstance(action, Send), action
    return action


def sent(routing: Routing) -> str:
    """The model that it is sent to next."""
    return send(routing).model.id


def reply(routing: Routing, reading: Reading) -> Outcome:
    outcome = routing.judge(reading)
    routing.record(outcome)
    return outcome


def answered(routing: Routing, reading: Reading = ANSWER) -> Routing:
    """The request after its first model has answered."""
    sent(routing)
    reply(routing, reading)
    return routing


def begin_outage(actor: Stage) -> float:
    """An outage begins; returns for how many seconds nothing is sent."""
    outage = actor.router.endpoint.outage
    outage.failed("m/0:free", "5xx", actor.router.health.record("m/0:free"), enough=1)
    return outage.left()
