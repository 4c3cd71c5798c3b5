"""The command line against the sample cloud: what it prints, its exit codes, and that a refusal writes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from cloud_emulator.core.faults import FaultRule
from cloud_emulator.environment import variables
from cloud_emulator.services import mounts
from tests.emulator.served import running
from tests.onboarding.world import EXAMPLES, World
from unity_mirror.cli import main

Run = Callable[..., "Outcome"]
Edit = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(live: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Runs the command line in the environment that ``cloud-emulator env`` prints."""
    with running(live.cloud, mounts()) as address:
        port = int(address.url.rpartition(":")[2])
        for name, value in variables(live.cloud.folder, port).items():
            monkeypatch.setenv(name, value)

        def command(*arguments: str | Path) -> Outcome:
            capsys.readouterr()
            with pytest.raises(SystemExit) as stopped:
                main([str(each) for each in arguments])
            captured = capsys.readouterr()
            return Outcome(int(stopped.value.code or 0), captured.out, captured.err)

        yield command


@pytest.fixture
def spec(tmp_path: Path) -> Callable[[Edit], Path]:
    """Writes examples/sales.yaml with an edit."""

    def write(edit: Edit) -> Path:
        document = yaml.safe_load((EXAMPLES / "sales.yaml").read_text(encoding="utf-8"))
        edit(document)
        path = tmp_path / "spec.yaml"
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        return path

    return write


def test_plan_then_apply_then_nothing_to_do(run: Run, live: World) -> None:
    planned = run("plan", EXAMPLES / "sales.yaml")
    assert planned.code == 2
    assert "write" not in live.effects()
    assert "(known after apply)" in planned.out
    applied = run("apply", EXAMPLES / "sales.yaml", "--yes")
    assert applied.code == 0, applied.err
    assert "created 10 OneLake shortcuts" in applied.out
    assert "created Mirrored Azure Databricks catalog sales" in applied.out
    assert (
        applied.err.index("Mirror …\n") < applied.err.index("Semantic model …\n") < applied.err.index("Verification …")
    )
    live.cloud.requests.clear()
    again = run("plan", EXAMPLES / "sales.yaml")
    assert (again.code, again.err) == (0, "")
    assert "Nothing to do" in again.out
    assert run("verify", EXAMPLES / "sales.yaml", "--read-only").code == 0
    assert "write" not in live.effects()
    verified = run("verify", EXAMPLES / "sales.yaml", "--json")
    assert verified.code == 0, verified.err
    freshness = json.loads(verified.out)["verification"]["tables"][0]
    assert freshness["columns"] == [
        "Table", "Last commit", "the item's sync", "the SQL endpoint", "the model's framing", "Behind",
    ]  # fmt: skip
    assert len(freshness["rows"]) == 25
    writes = [each["path"].rpartition("/")[2] for each in live.cloud.requests if each["effect"] == "write"]
    assert writes == ["refreshMetadata"]


def test_json_is_one_document_on_standard_output(run: Run) -> None:
    planned = run("plan", EXAMPLES / "sales.yaml", "--json")
    document = json.loads(planned.out)
    assert document["counts"]["create"] > 0
    assert "Plan for catalog" in planned.err
    known_later = [
        each for step in document["steps"] for change in step["changes"] for each in change["after"].values()
    ]
    assert {"after_apply": "connections.databricks_connection"} in known_later


def test_without_a_terminal_apply_needs_yes(run: Run, live: World) -> None:
    applied = run("apply", EXAMPLES / "sales.yaml")
    assert applied.code == 1
    assert "--yes" in applied.err
    assert "write" not in live.effects()


def test_remedies_are_written_for_the_administrator(run: Run, tmp_path: Path) -> None:
    run("plan", EXAMPLES / "sales.yaml", "--remedies", tmp_path / "remedies.txt")
    text = (tmp_path / "remedies.txt").read_text(encoding="utf-8")
    assert "GRANT EXTERNAL USE SCHEMA ON SCHEMA `sales`.`staging`" in text
    assert "az storage account network-rule add" in text
    later = text.splitlines()[-1]
    assert later.startswith("# Plan again after these"), later
    assert "Storage ACL contosolake/lake/sales" in later


def test_what_a_service_says_in_several_lines_is_a_comment_among_the_remedies(
    run: Run, live: World, tmp_path: Path
) -> None:
    denied = {"error": {"code": "AuthorizationFailed", "message": "No.\nTime: now"}}
    live.cloud.faults.set([FaultRule(service="arm", path="storageAccounts/contosolake$", status=403, body=denied)])
    run("plan", EXAMPLES / "sales.yaml", "--remedies", tmp_path / "remedies.txt")
    live.cloud.faults.set([])
    lines = (tmp_path / "remedies.txt").read_text(encoding="utf-8").splitlines()
    assert any(line.startswith("# Time: now") for line in lines)
    commands = [line for line in lines if line and not line.startswith("#")]
    assert all(line.startswith(("az ", "GRANT ", "databricks ")) for line in commands), commands


def test_doctor_fails_on_a_failed_check(run: Run) -> None:
    assert run("doctor", EXAMPLES / "sales.yaml").code == 1
    assert run("doctor", EXAMPLES / "hr.yaml").code in (0, 1)


def test_wrong_usage_is_64(run: Run) -> None:
    assert run("plan").code == 64
    assert run("frobnicate").code == 64


def _drop_workspace(document: dict[str, Any]) -> None:
    del document["fabric"]["workspace"]


SECRET = "Xp7~not-to-be-repeated"
REFUSED: dict[str, tuple[Edit, str]] = {
    "an unknown key": (lambda spec: spec["fabric"].update(wrkspace="x"), "fabric.wrkspace"),
    "a missing field": (_drop_workspace, "fabric.workspace"),
    "a secret written out": (
        lambda spec: spec["databricks"]["connection"]["auth"].update(secret=SECRET),
        "databricks.connection.auth.secret",
    ),
    "an include that matches nothing": (
        lambda spec: spec["select"].update(include=["*", "nope.*"]),
        "select.include[1]",
    ),
    "a storage url of another account": (
        lambda spec: spec["storage"].update(
            url="https://contosoother.dfs.core.windows.net/legacy",
            resource_id=spec["storage"]["resource_id"].replace("contosolake", "contosoother"),
        ),
        "storage.url",
    ),
    "an unknown workspace": (lambda spec: spec["fabric"].update(workspace="Nowhere"), "fabric.workspace"),
    "an unknown catalog": (lambda spec: spec.update(catalog="nope"), "catalog"),
}
BY_A_CHECK = {"a storage url of another account"}
"""What isn't the spec's fault alone, hence has no line in it."""


@pytest.mark.parametrize("what", REFUSED)
def test_a_bad_spec_is_refused_with_its_path(run: Run, live: World, spec: Callable[[Edit], Path], what: str) -> None:
    edit, path = REFUSED[what]
    for command in ("plan", "apply"):
        refused = run(command, spec(edit), *(["--yes"] if command == "apply" else []))
        assert refused.code == 1
        assert path in refused.err
        assert what in BY_A_CHECK or f"{path} (line " in refused.err
        assert "Traceback" not in refused.err + refused.out
        assert SECRET not in refused.err + refused.out
    assert "write" not in live.effects()


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ({"env": "NOT_SET"}, "the environment variable NOT_SET is not set"),
        ({"block": "sales"}, "only flows can read"),
    ],
)
def test_a_secret_that_is_not_there_is_missed_before_the_first_write(
    run: Run, live: World, spec: Callable[[Edit], Path], secret: dict[str, str], why: str
) -> None:
    changed = spec(lambda document: document["databricks"]["connection"]["auth"].update(secret=secret))
    refused = run("apply", changed, "--yes")
    assert refused.code == 1
    assert "databricks.connection.auth" in refused.err
    assert why in refused.out
    assert "write" not in live.effects()


def test_a_name_in_use_is_refused(run: Run, live: World, spec: Callable[[Edit], Path]) -> None:
    assert run("apply", EXAMPLES / "sales.yaml", "--yes").code == 0
    live.cloud.requests.clear()

    def logistics(document: dict[str, Any]) -> None:
        for part in ("storage", "lakehouse", "semantic_model", "select"):
            document.pop(part, None)
        document.update(catalog="logistics")
        document["fabric"]["item_name"] = "sales"

    refused = run("apply", spec(logistics), "--yes")
    assert refused.code == 1
    assert "fabric.item_name" in refused.err
    assert "write" not in live.effects()


def fleet_file(folder: Path, **parts: Any) -> Path:
    """A fleet of the sample catalogs sales and hr, and one that isn't there."""
    sales, hr = (yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")) for name in ("sales", "hr"))
    nowhere = {**hr, "catalog": "nowhere", "semantic_model": None}
    path = folder / "fleet.yaml"
    path.write_text(yaml.safe_dump({"kind": "fleet", "catalogs": [sales, nowhere, hr], **parts}), encoding="utf-8")
    return path


def test_a_fleet_goes_on_past_a_bad_catalog(run: Run, live: World, tmp_path: Path) -> None:
    fleet = fleet_file(tmp_path)
    applied = run("apply", fleet, "--yes", "--json", "--report", tmp_path / "report")
    assert applied.code == 1
    document = json.loads(applied.out)
    assert document["counts"] == {"catalogs": 3, "failed": 1}
    assert [each["catalog"] for each in document["catalogs"] if "error" in each] == ["nowhere"]
    assert "3 catalogs: 2 right, 1 failed." in applied.err
    live.cloud.requests.clear()
    again = run("plan", fleet)
    assert again.code == 1
    assert "write" not in live.effects()
    page = (tmp_path / "report" / "run.html").read_text(encoding="utf-8")
    assert "no catalog &#x27;nowhere&#x27;" in page
    assert "http" not in page.partition("<h1>")[0]
    assert page.count('<g class="r') >= 10, "the relationships of the sample model are drawn"
    assert "fact_sales[customer_key] -&gt; dim_customer[customer_key]" in page
    assert json.loads((tmp_path / "report" / "run.json").read_text(encoding="utf-8"))["calls"]


FAILING: dict[str, tuple[Edit, str]] = {
    "before anything is sent": (lambda spec: spec["fabric"].update(wrkspace="x"), "fabric.wrkspace"),
    "by what the cloud says": (lambda spec: spec["fabric"].update(workspace="Nowhere"), "no Fabric workspace"),
}


@pytest.mark.parametrize("what", FAILING)
def test_a_run_that_fails_is_reported_too(run: Run, tmp_path: Path, spec: Callable[[Edit], Path], what: str) -> None:
    edit, told = FAILING[what]
    assert run("apply", spec(edit), "--yes", "--report", tmp_path / "report").code == 1
    found = json.loads((tmp_path / "report" / "run.json").read_text(encoding="utf-8"))
    assert (found["exit_code"], found["catalogs"][0]["error"]) == (1, "SpecError")
    assert told in (tmp_path / "report" / "run.html").read_text(encoding="utf-8")


def test_the_report_of_a_run_that_stops_at_a_prerequisite_holds_its_checks(
    run: Run, live: World, tmp_path: Path, spec: Callable[[Edit], Path]
) -> None:
    summary = live.cloud.table("unity_catalog.metastores")
    for key, stored in summary.items():
        summary[key] = {**stored, "external_access_enabled": False}
    live.cloud.store.commit()
    path = spec(lambda document: document.pop("prerequisites"))
    assert run("apply", path, "--yes", "--report", tmp_path / "report").code == 1
    catalog = json.loads((tmp_path / "report" / "run.json").read_text(encoding="utf-8"))["catalogs"][0]
    assert catalog["error"] == "PrerequisiteFailed"
    assert any(check["outcome"] == "failed" for step in catalog["steps"] for check in step["checks"])


def test_a_saved_plan_is_applied_only_if_nothing_moved(run: Run, live: World, tmp_path: Path) -> None:
    saved = tmp_path / "plan.json"
    assert run("plan", EXAMPLES / "hr.yaml", "--out", saved).code == 2
    assert "not-a-secret" not in saved.read_text(encoding="utf-8")
    assert run("apply", saved, "--yes").code == 0
    live.cloud.requests.clear()
    again = run("apply", saved, "--yes")
    assert again.code == 1
    assert "things changed since the plan was saved" in again.err
    assert "no longer needed: create Mirrored Azure Databricks catalog hr" in again.err
    assert "write" not in live.effects()
    assert run("plan", saved).code == 1


def test_offboard_asks_removes_and_has_nothing_more_to_do(run: Run, live: World) -> None:
    assert run("apply", EXAMPLES / "hr.yaml", "--yes").code == 0
    live.cloud.requests.clear()
    refused = run("offboard", EXAMPLES / "hr.yaml")
    assert (refused.code, "--yes" in refused.err) == (1, True)
    assert "write" not in live.effects()
    gone = run("offboard", EXAMPLES / "hr.yaml", "--yes", "--json")
    assert gone.code == 0
    assert json.loads(gone.out)["counts"]["delete"] == 3
    assert run("offboard", EXAMPLES / "hr.yaml").code == 0


SALES_URL = "https://adb-1234567890123456.7.azuredatabricks.net"


def test_discover_tells_what_is_there(run: Run) -> None:
    run("apply", EXAMPLES / "sales.yaml", "--yes")
    found = json.loads(run("discover", "--databricks", SALES_URL, "--json").out)["catalogs"]
    status = {each["catalog"]: each["status"] for each in found}
    assert status["sales"] == "onboarded"
    assert status["logistics"] == "can be onboarded"


def test_init_adopts_what_was_set_up_by_hand(run: Run, live: World, tmp_path: Path) -> None:
    """The marks taken away, our own work is somebody's; its spec makes no change."""
    run("apply", EXAMPLES / "sales.yaml", "--yes")
    items = live.cloud.table("fabric.items")
    for key, item in items.items():
        if "unity-mirror: " in item["description"]:
            items[key] = {**item, "description": "Made by hand."}
    live.cloud.store.commit()
    live.cloud.requests.clear()
    made = run("init", "sales", "--databricks", SALES_URL, "--fabric", "Sales Analytics", "--out", tmp_path / "s.yaml")
    assert made.code == 0, made.err
    spec = yaml.safe_load((tmp_path / "s.yaml").read_text(encoding="utf-8"))
    assert spec["storage"]["url"] == "https://contosolake.dfs.core.windows.net/lake/sales"
    assert len(spec["lakehouse"]["tables"]) == 10
    planned = run("plan", tmp_path / "s.yaml")
    assert (planned.code, planned.err) == (0, ""), planned.out
    assert "write" not in live.effects()
    assert (
        run(
            "init", "sales", "--databricks", SALES_URL, "--fabric", "Sales Analytics", "--out", tmp_path / "s.yaml"
        ).code
        == 1
    )


HR_URL = "https://adb-2234567890123456.16.azuredatabricks.net"


def test_init_of_a_new_catalog_gives_a_spec_that_plans(
    run: Run, live: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "hr.yaml"
    made = run("init", "hr", "--databricks", HR_URL, "--fabric", "People Analytics", "--out", path)
    assert made.code == 0, made.err
    text = path.read_text(encoding="utf-8")
    assert "No connection to this workspace that we may use is there" in text
    assert "#   url: https://contosohr.dfs.core.windows.net/people/hr\n" in text
    unfilled = run("plan", path)
    assert (unfilled.code, "HR_DATABRICKS_CLIENT_ID is not set" in unfilled.err) == (1, True), unfilled.err
    monkeypatch.setenv("HR_DATABRICKS_CLIENT_ID", "11110000-0000-4000-8000-00000000a002")
    planned = run("plan", path)
    assert (planned.code, planned.err) == (2, "")
    assert "Fabric connection databricks-hr" in planned.out
    assert "write" not in live.effects()


def test_init_gives_the_least_where_a_connection_can_be_reused(run: Run) -> None:
    run("apply", EXAMPLES / "sales.yaml", "--yes")
    made = run("init", "logistics", "--databricks", SALES_URL, "--fabric", "Sales Analytics")
    assert yaml.safe_load(made.out) == {
        "kind": "catalog",
        "catalog": "logistics",
        "databricks": {"workspace": SALES_URL},
        "fabric": {"workspace": "Sales Analytics"},
    }


def test_doctor_without_a_spec_looks_at_the_sign_in(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in = run("doctor")
    assert signed_in.code == 0
    assert "tenant 72f988bf-0000-4000-8000-00000000c0de; Fabric workspaces: " in signed_in.out
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong")
    refused = run("doctor")
    assert refused.code == 1
    assert "ClientSecretCredential" not in refused.err
    assert refused.out.count("AZURE_CLIENT_SECRET is not the secret's value") == 1


def documented(row: str) -> set[str]:
    """The keys of a document or a part of one, as the page tells them."""
    page = (EXAMPLES.parent / "docs" / "plan-and-drift.md").read_text(encoding="utf-8")
    [line] = [line for line in page.splitlines() if line.startswith(f"| {row} |")]
    return set(re.findall(r"`(\w+)`", line.split("|")[2]))


def test_the_documents_are_what_the_page_tells(run: Run) -> None:
    hr, yes = EXAMPLES / "hr.yaml", ("--yes",)
    commands: list[tuple[str, tuple[str | Path, ...]]] = [
        ("`plan`, `offboard`", ("plan", hr)),
        ("`apply`", ("apply", hr, *yes)),
        ("`verify`", ("verify", hr)),
        ("`doctor`", ("doctor", hr)),
        ("`discover`", ("discover", "--databricks", HR_URL)),
        ("`init`", ("init", "hr", "--databricks", HR_URL, "--fabric", "People Analytics")),
        ("`rotate-secret`", ("rotate-secret", hr, *yes)),
        ("`plan`, `offboard`", ("offboard", hr, *yes)),
        ("`plan`, `apply`, `verify` of a fleet", ("plan", EXAMPLES / "fleet.yaml")),
    ]
    found = [(name, documented(name), set(json.loads(run(*said, "--json").out))) for name, said in commands]
    assert [(name, given ^ told) for name, told, given in found if told != given] == []


def test_the_parts_of_a_document_are_what_the_page_tells(run: Run, spec: Callable[[Edit], Path]) -> None:
    planned = json.loads(run("plan", EXAMPLES / "sales.yaml", "--json").out)
    steps = {step["step"]: step for step in planned["steps"]}
    refused = json.loads(run("plan", spec(_drop_workspace), "--json").out)
    parts = {
        "step": steps["connections"],
        "change": steps["connections"]["changes"][0],
        "check": (check := next(each for each in steps["prerequisites"]["checks"] if each["remedy"])),
        "remedy": check["remedy"],
        "left out": planned["left_out"][0],
        "table": steps["access_roles"]["tables"][0],
        "problem of a spec": refused["problems"][0],
        "a failure": {key: each for key, each in refused.items() if key != "problems"},
    }
    assert {name: documented(name) for name in parts} == {name: set(part) for name, part in parts.items()}
