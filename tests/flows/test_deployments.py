"""prefect.yaml and the blocks: what is deployed can be loaded, and takes the sample specs."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from prefect import Flow
from prefect.blocks.core import Block
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import CronSchedule
from prefect.utilities.schema_tools.validation import validate
from prefect.utilities.templating import apply_values
from pydantic import SecretStr, ValidationError

from blocks import Addresses, UnityMirrorClouds
from flows.onboard_catalog import onboard_catalog
from tests.flows.cloud import EXAMPLES

ROOT = EXAMPLES.parent
PREFECT_YAML: dict[str, Any] = yaml.safe_load((ROOT / "prefect.yaml").read_text())
DEPLOYMENTS: list[dict[str, Any]] = PREFECT_YAML["deployments"]
CLOUDS = {"$ref": {"block_document_slug": "unity-mirror-clouds/emulator"}}


def flow_of(deployment: dict[str, Any]) -> Flow[..., Any]:
    path, _, name = deployment["entrypoint"].partition(":")
    module = __import__(".".join(Path(path).with_suffix("").parts), fromlist=[name])
    flow = getattr(module, name)
    assert isinstance(flow, Flow)
    return flow


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda each: str(each["name"]))
def test_a_deployment_is_of_the_flow_with_its_name(deployment: dict[str, Any]) -> None:
    names = (flow_of(deployment).name, deployment["work_pool"]["name"])
    assert names == (deployment["name"], "unity-mirror")


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda each: str(each["name"]))
def test_what_counts_its_starts_is_started_again_after_a_crash_with_all_parameters_of_the_run_before(
    deployment: dict[str, Any],
) -> None:
    parameters = flow_of(deployment).parameters.properties
    triggers = [each for each in deployment.get("triggers", []) if each["expect"] == ["prefect.flow-run.Crashed"]]
    assert [set(each["parameters"]) for each in triggers] == ([set(parameters)] if "start" in parameters else [])
    assert [each["match_related"]["prefect.resource.name"] for each in triggers] == [deployment["name"]] * len(triggers)


@pytest.mark.parametrize(("said", "active"), [(None, True), ("", True), ("true", True), ("false", False)])
def test_schedules_are_on_unless_the_environment_says_that_they_are_not(
    said: str | None, active: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ``prefect deploy`` makes them: the build step, then what it puts out in the schedules."""
    monkeypatch.delenv("UNITY_MIRROR_SCHEDULES", raising=False)
    if said is not None:
        monkeypatch.setenv("UNITY_MIRROR_SCHEDULES", said)
    [step] = PREFECT_YAML["build"]
    asked = step["prefect.deployments.steps.run_shell_script"]
    ran = subprocess.run(shlex.split(asked["script"]), capture_output=True, text=True, check=True)
    written = [each for deployment in DEPLOYMENTS for each in deployment.get("schedules", [])]
    schedules = apply_values(written, {asked["id"]: {"stdout": ran.stdout.strip()}})
    assert isinstance(schedules, list)
    crons = [(CronSchedule(cron=each["cron"]), each["active"]) for each in schedules]
    found = [DeploymentScheduleCreate(schedule=cron, active=said_active) for cron, said_active in crons]
    assert [each.active for each in found] == [active, active]


def test_prefect_yaml_names_no_machine() -> None:
    text = (ROOT / "prefect.yaml").read_text()
    for ours in ("flows/", "examples/", "docs/", "*/5 *"):
        text = text.replace(ours, "")
    assert "/" not in text


@pytest.mark.parametrize("name", ["sales", "hr"])
def test_the_form_takes_the_sample_specs_and_a_reference_to_a_block(name: str) -> None:
    spec = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text())
    schema = onboard_catalog.parameters.model_dump(mode="json", by_alias=True, exclude_none=True)
    validate({"spec": spec, "clouds": CLOUDS, "dry_run": True}, schema, raise_on_error=True)


async def test_the_block_is_saved_and_hides_its_secret(prefect_server: None) -> None:
    block = UnityMirrorClouds(
        cloud="public",
        tenant_id="72f988bf-0000-4000-8000-00000000c0de",
        client_id="11110000-0000-4000-8000-00000000a000",
        client_secret=SecretStr("planted-secret"),
        addresses=Addresses(fabric="https://fabric.test/v1"),
    )
    await block.save("planted", overwrite=True)
    loaded = cast("Block", await Block.aload("unity-mirror-clouds/planted"))
    assert isinstance(loaded, UnityMirrorClouds)
    assert loaded.variables() == block.variables()
    assert "planted-secret" not in f"{loaded!r} {loaded.model_dump_json()} {loaded.settings({})!r}"
    assert loaded.settings({}).endpoints.fabric == "https://fabric.test/v1"


def test_a_block_lies_over_the_environment() -> None:
    environ = {
        "UNITY_MIRROR_SQL_SERVER": "localhost,1433",
        "AZURE_TENANT_ID": "t",
        "AZURE_CLIENT_ID": "c",
        "AZURE_CLIENT_SECRET": "s",
        "SALES_SECRET": "x",
    }
    settings = UnityMirrorClouds(cloud="usgov", addresses=Addresses(fabric="https://f.test", onelake="https://o.test"))
    found = settings.settings(environ)
    assert (found.endpoints.cloud, found.sign_in.client_id, found.environ["SALES_SECRET"]) == ("usgov", "c", "x")
    assert UnityMirrorClouds.from_environment(environ).variables() == {
        **{name: value for name, value in environ.items() if name != "SALES_SECRET"},
        "UNITY_MIRROR_CLOUD": "public",
    }


def test_half_a_service_principal_is_refused() -> None:
    with pytest.raises(ValidationError, match="give all three or none"):
        UnityMirrorClouds(cloud="public", tenant_id="72f988bf-0000-4000-8000-00000000c0de")
