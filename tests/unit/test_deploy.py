"""deploy/docker and deploy/kubernetes, as far as they can be checked without an engine: against the schemas that
packages ship, Prefect's own workers, and the repository that they are about."""

from __future__ import annotations

import json
import re
import shlex
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import uuid4

import kubernetes_validate
import pytest
import yaml
from docker.models.containers import _create_container_args
from jsonschema.validators import validator_for
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.utilities.schema_tools.validation import validate
from prefect_docker.worker import DockerWorker, DockerWorkerJobConfiguration
from prefect_kubernetes.worker import KubernetesWorker, KubernetesWorkerJobConfiguration

from scripts.lock_deploy import locked

ROOT = Path(__file__).parents[2]
DOCKER, KUBERNETES = ROOT / "deploy" / "docker", ROOT / "deploy" / "kubernetes"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
MANIFESTS: list[dict[str, Any]] = [
    each for path in sorted(KUBERNETES.glob("*.yaml")) for each in yaml.safe_load_all(path.read_text())
]
TEMPLATES = {
    "docker": json.loads((DOCKER / "base-job-template.json").read_text()),
    "kubernetes": json.loads((KUBERNETES / "work-pool" / "base-job-template.json").read_text()),
}
WORKERS: dict[str, Any] = {"docker": DockerWorker, "kubernetes": KubernetesWorker}
IMAGE = "unity-mirror:0.1.0"
API = "http://prefect.test:4200/api"


def the(kind: str, name: str = "unity-mirror") -> dict[str, Any]:
    return next(each for each in MANIFESTS if (each["kind"], each["metadata"]["name"]) == (kind, name))


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's, with lines that are continued put together."""
    lines = (DOCKER / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    pairs = (line.partition(" ") for line in lines if line and not line.startswith("#"))
    return [(word, " ".join(rest.split())) for word, _, rest in pairs]


class TestImage:
    def test_stands_on_a_version_and_not_on_whatever_is_latest(self) -> None:
        ((_, base),) = [each for each in instructions() if each[0] == "FROM"]
        assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+", base)

    def test_runs_as_a_user_that_kubernetes_knows_not_to_be_root(self) -> None:
        ((_, user),) = [each for each in instructions() if each[0] == "USER"]
        assert user == "10001"
        assert instructions()[-1] == ("CMD", '["prefect", "worker", "start", "--pool", "unity-mirror"]')

    def test_installs_only_what_is_pinned_by_hash(self) -> None:
        installs = [rest for word, rest in instructions() if word == "RUN" and "pip install" in rest]
        assert installs == [
            "pip install --require-hashes -r requirements/runtime.txt -r requirements/deploy.txt",
            "pip install --no-deps --no-build-isolation -e .",
        ]

    def test_copies_what_is_there_and_what_the_ignored_files_let_through(self) -> None:
        let_through = {line[1:] for line in (DOCKER / "Dockerfile.dockerignore").read_text().split() if line[0] == "!"}
        sources = [source for word, rest in instructions() if word == "COPY" for source in shlex.split(rest)[:-1]]
        for source in sources:
            assert (ROOT / source).exists(), source
            assert source.split("/")[0] in let_through, source
        assert {"src/", "flows/", "tasks/", "blocks/", "prefect.yaml", "examples/"} <= set(sources)

    def test_has_no_secret_and_ignores_files_that_hold_some(self) -> None:
        assert "**/*.env" in (DOCKER / "Dockerfile.dockerignore").read_text().split()
        variables = " ".join(rest for word, rest in instructions() if word in ("ENV", "ARG"))
        assert not re.search("SECRET|PASSWORD|TOKEN|AUTH", variables)


def test_images_get_what_was_tested_and_nothing_is_missing() -> None:
    assert (ROOT / "requirements" / "deploy.txt").read_text() == locked(), "run scripts/lock_deploy.py"


class TestCompose:
    def test_is_valid_by_the_specification(self) -> None:
        schema = json.loads(files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text())
        check = validator_for(schema)(schema)
        check.validate(COMPOSE)
        wrong = {**COMPOSE, "services": {"worker": {"image": IMAGE, "restarts": "no"}}}
        assert [error.message for error in check.iter_errors(wrong)] != []

    def test_images_are_of_a_version(self) -> None:
        images = {each["image"] for each in COMPOSE["services"].values()}
        assert all(re.fullmatch(r"[\w-]+:\d[\w.-]+", each) for each in images), images
        assert IMAGE in images

    def test_secrets_are_in_files_that_are_not_in_the_repository(self) -> None:
        ignored = (ROOT / ".gitignore").read_text().split()
        assert "deploy/**/*.env" in ignored
        named = {name for each in COMPOSE["services"].values() for name in each.get("env_file", [])}
        for name in named:
            lines = (DOCKER / f"{name}.example").read_text().split("\n")
            values = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
            assert {value for value in values.values() if value} <= {"prefect"}, name
        for service, each in COMPOSE["services"].items():
            assert not re.search("SECRET|PASSWORD|AUTH", " ".join(each.get("environment", {}))), service

    def test_only_the_api_can_be_reached_and_only_from_this_machine(self) -> None:
        ports = {name: each["ports"] for name, each in COMPOSE["services"].items() if "ports" in each}
        assert ports == {"server": ["127.0.0.1:4200:4200"]}
        for name in ("postgres", "redis"):
            assert COMPOSE["services"][name]["networks"] == ["inside"]

    def test_the_server_is_set_up_as_on_several_machines(self) -> None:
        ours = COMPOSE["services"]["server"]["environment"]
        from deploy.scaled import layout

        text = Path(layout.__file__).read_text()
        for name, value in ours.items():
            assert name in text, name
            assert value in text or name.endswith(("_HOST", "_PORT")), (name, value)
        assert COMPOSE["services"]["services"]["environment"] == ours

    def test_what_depends_on_what_is_there(self) -> None:
        services = COMPOSE["services"]
        for name, each in services.items():
            for needed, condition in each.get("depends_on", {}).items():
                healthy = condition["condition"] == "service_healthy"
                assert "healthcheck" in services[needed] or not healthy, (name, needed)


class TestKubernetes:
    @pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda each: f"{each['kind']}-{each['metadata']['name']}")
    def test_a_manifest_is_valid(self, manifest: dict[str, Any]) -> None:
        kubernetes_validate.validate(manifest, "1.32", strict=True)

    def test_the_check_finds_what_is_wrong(self) -> None:
        worker = the("Deployment", "unity-mirror-worker")
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate({**worker, "spec": {**worker["spec"], "replica": 2}}, "1.32", strict=True)

    def test_names_fit_together(self) -> None:
        pod = the("Deployment", "unity-mirror-worker")["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert the("ServiceAccount", pod["serviceAccountName"])
        assert the("RoleBinding", "unity-mirror-worker")["subjects"][0]["name"] == pod["serviceAccountName"]
        assert container["image"] == IMAGE
        assert [next(iter(each.values()))["name"] for each in container["envFrom"]] == ["unity-mirror", "unity-mirror"]
        assert the("ConfigMap")
        assert {each["metadata"].get("namespace", "unity-mirror") for each in MANIFESTS} == {"unity-mirror"}
        labels = the("Deployment", "unity-mirror-worker")["spec"]["template"]["metadata"]["labels"]
        assert the("NetworkPolicy")["spec"]["podSelector"]["matchLabels"].items() <= labels.items()

    def test_no_manifest_holds_a_secret(self) -> None:
        assert "Secret" not in {each["kind"] for each in MANIFESTS}
        data = the("ConfigMap")["data"]
        assert not [name for name in data if re.search("PASSWORD|TOKEN|(SECRET|AUTH_STRING)$", name)]


class TestWorkPools:
    @pytest.mark.parametrize("kind", list(TEMPLATES))
    def test_a_template_has_all_that_prefects_own_has(self, kind: str) -> None:
        own = WORKERS[kind].get_default_base_job_template()
        template = TEMPLATES[kind]
        assert set(template["variables"]["properties"]) == set(own["variables"]["properties"])
        assert set(template["job_configuration"]) == set(own["job_configuration"])
        defaults = {
            name: each["default"] for name, each in template["variables"]["properties"].items() if "default" in each
        }
        validate(defaults, template["variables"], raise_on_error=True, preprocess=False)

    async def test_a_run_in_docker(self) -> None:
        with temporary_settings({PREFECT_API_URL: API}):
            configuration = await DockerWorkerJobConfiguration.from_template_and_values(TEMPLATES["docker"], {})
            configuration.prepare_for_flow_run(FlowRun(id=uuid4(), flow_id=uuid4(), name="onboard sales"))
        assert configuration.image == IMAGE
        assert configuration.env["UNITY_MIRROR_HOME"] == "/opt/unity-mirror"
        assert configuration.env["PREFECT_API_URL"] == API
        assert not [name for name in configuration.env if name.startswith("AZURE_")], "they come from a block"
        kwargs = {**(configuration.container_create_kwargs or {}), "image": configuration.image, "version": "1.50"}
        made = _create_container_args(kwargs)
        assert made["host_config"]["ReadonlyRootfs"]
        assert made["host_config"]["CapDrop"] == ["ALL"]
        assert made["host_config"]["SecurityOpt"] == ["no-new-privileges:true"]

    async def test_a_run_in_kubernetes(self) -> None:
        with temporary_settings({PREFECT_API_URL: API}):
            configuration = await KubernetesWorkerJobConfiguration.from_template_and_values(TEMPLATES["kubernetes"], {})
            configuration.prepare_for_flow_run(FlowRun(id=uuid4(), flow_id=uuid4(), name="onboard sales"))
        manifest = configuration.job_manifest
        kubernetes_validate.validate(manifest, "1.32", strict=True)
        pod = manifest["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert container["image"] == IMAGE
        assert container["args"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert the("ServiceAccount", pod["serviceAccountName"])["automountServiceAccountToken"] is False
        labels = manifest["spec"]["template"]["metadata"]["labels"]
        assert the("NetworkPolicy")["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
        assert container["envFrom"][1] == {"secretRef": {"name": "unity-mirror"}}
