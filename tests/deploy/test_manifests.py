"""compose.yaml and kubernetes.yaml: valid by the schemas of Compose and Kubernetes, and true of the server."""

import json
import re

import pytest

from freerouter.server import running
from freerouter.settings import Settings
from tests.deploy.files import NODE, needed, text
from tests.server.stage import served

yaml = pytest.importorskip("yaml")
kubernetes_validate = pytest.importorskip("kubernetes_validate")
jsonschema = pytest.importorskip("jsonschema")

COMPOSE = yaml.safe_load(text("compose.yaml"))
OBJECTS = list(yaml.safe_load_all(text("kubernetes.yaml")))
KUBERNETES = "1.37"
DRAIN = running._DRAIN + running._LAST_WORDS


def named(kind: str, name: str = "freerouter") -> dict:
    (found,) = [each for each in OBJECTS if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


POD = named("Deployment")["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]


@pytest.mark.parametrize("each", OBJECTS, ids=lambda each: f"{each['kind']}-{each['metadata']['name']}")
def test_kubernetes_has_such_objects(each):
    kubernetes_validate.validate(each, KUBERNETES, strict=True)


def test_compose_has_such_a_file():
    path = NODE / "dclint" / "schemas" / "compose.schema.json"
    if not path.exists():
        needed("dclint is not installed: make test does it, with npm")
    jsonschema.Draft7Validator(json.loads(path.read_text())).validate(COMPOSE)


@pytest.mark.parametrize(
    "variables", [COMPOSE["services"]["freerouter"]["environment"], named("ConfigMap")["data"]], ids=["compose", "kube"]
)
def test_variables_are_settings(variables):
    known = {f"FREEROUTER_{name.upper()}" for name in Settings.model_fields}
    assert set(variables) <= known


def test_the_files_that_they_name_are_those_that_are_mounted():
    for name, secret in (("KEY", "openrouter_key"), ("TOKEN", "freerouter_tokens")):
        service = COMPOSE["services"]["freerouter"]
        assert service["environment"][f"FREEROUTER_SERVE_{name}_FILE"] == f"/run/secrets/{secret}"
        assert secret in service["secrets"]
        assert secret in COMPOSE["secrets"]
    (mount,) = [each for each in CONTAINER["volumeMounts"] if each["name"] == "secrets"]
    for name, file in (("KEY", "key"), ("TOKEN", "tokens")):
        assert named("ConfigMap")["data"][f"FREEROUTER_SERVE_{name}_FILE"] == f"{mount['mountPath']}/{file}"
        assert f"--from-file={file}" in text("kubernetes.yaml")


def test_only_the_proxy_is_reached_from_outside():
    assert [name for name, service in COMPOSE["services"].items() if "ports" in service] == ["caddy"]


@pytest.mark.parametrize("name", ["freerouter", "redis"])
def test_containers_can_do_little(name):
    service = COMPOSE["services"][name]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    pod = named("Deployment", name)["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    security = pod["containers"][0]["securityContext"]
    assert (security["readOnlyRootFilesystem"], security["allowPrivilegeEscalation"]) == (True, False)


def test_the_user_is_that_of_the_image():
    (user,) = re.findall(r"^USER (\d+):", text("Dockerfile"), re.MULTILINE)
    assert POD["securityContext"]["runAsUser"] == int(user)


def test_there_is_time_for_the_drain():
    waits = int(CONTAINER["lifecycle"]["preStop"]["exec"]["command"][1])
    assert POD["terminationGracePeriodSeconds"] > waits + DRAIN
    assert int(COMPOSE["services"]["freerouter"]["stop_grace_period"].removesuffix("s")) > DRAIN


def test_probes_ask_what_is_answered_whatever_the_host(upstream):
    with served(upstream) as server:
        server.ask()
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            path = CONTAINER[probe]["httpGet"]["path"]
            assert server.http.get(path, headers={"host": "10.1.2.3:8788"}).status_code == 200


def test_what_is_called_by_its_name_is_there():
    ports = {port["name"]: port["containerPort"] for port in CONTAINER["ports"]}
    assert ports["http"] == Settings.model_fields["serve_port"].default
    assert named("Service")["spec"]["ports"][0]["targetPort"] == "http"
    redis = named("Service", "redis")["spec"]["ports"][0]["port"]
    assert named("ConfigMap")["data"]["FREEROUTER_REDIS_URL"] == f"redis://redis:{redis}/0"
    hosts = named("ConfigMap")["data"]["FREEROUTER_SERVE_HOST_NAME"].split(",")
    assert named("Ingress")["spec"]["rules"][0]["host"] in hosts
