"""``rotate-secret`` and ``doctor`` as people run them: what is printed, the exit code, and what became of the cloud."""

from __future__ import annotations

import json

import pytest

from cloud_emulator.seeds.contoso import identities
from cloud_emulator.seeds.contoso.identities import HR_READER, RUNNER
from tests.onboarding.access import make_workspace_admin
from tests.onboarding.test_command_line import Outcome, Run, run  # noqa: F401 - the fixture
from tests.onboarding.world import EXAMPLES, World

HR = EXAMPLES / "hr.yaml"
HR_HOST = "adb-2234567890123456.16.azuredatabricks.net"
NEW = "not-a-secret.rotated.contoso.example"


def give_new_secret(live: World) -> None:
    """Entra knows another secret of the reader now."""
    reader = live.cloud.directory.by_app_id(HR_READER.app_id)
    assert reader is not None
    live.cloud.directory.add({**reader, "secret": NEW})
    live.cloud.store.commit()


def words(outcome: Outcome) -> str:
    """What was printed, however it was wrapped."""
    return " ".join((outcome.out + outcome.err).split())


@pytest.fixture
def onboarded(run: Run, live: World) -> Run:  # noqa: F811
    assert run("apply", HR, "--yes").code == 0
    give_new_secret(live)
    return run


def test_only_the_credential_changes(onboarded: Run, live: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HR_DATABRICKS_SECRET", NEW)
    before = live.dump()
    done = onboarded("rotate-secret", HR, "--yes", "--json")
    assert done.code == 0
    assert [each["name"] for each in json.loads(done.out)["rotated"]] == ["databricks-hr"]
    assert "new ServicePrincipal credential, tested by Fabric" in done.err
    assert NEW not in done.out + done.err
    after = live.dump()
    assert {name for name in after if after[name] != before.get(name)} == {"fabric.connectionCredentials"}
    assert onboarded("verify", HR).code == 0
    make_workspace_admin(live, HR_HOST, identities.grantee(RUNNER))
    live.cloud.store.commit()
    assert onboarded("doctor", HR).code == 0


def test_what_keeps_a_secret_from_being_rotated_is_said_and_changes_nothing(
    onboarded: Run, live: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = live.dump()
    unasked = onboarded("rotate-secret", HR)
    assert (unasked.code, "--yes" in unasked.err) == (1, True)
    monkeypatch.setenv("HR_DATABRICKS_SECRET", "wrong")
    wrong = onboarded("rotate-secret", HR, "--yes")
    assert (wrong.code, "IncorrectCredentials" in wrong.err) == (1, True)
    monkeypatch.delenv("HR_DATABRICKS_SECRET")
    missing = onboarded("rotate-secret", HR, "--yes")
    assert (missing.code, "HR_DATABRICKS_SECRET is not set" in missing.err) == (1, True)
    monkeypatch.setenv("HR_DATABRICKS_SECRET", NEW)
    other = onboarded("rotate-secret", HR, "--yes", "--set", "databricks.connection.name=nobody's")
    assert (other.code, "No connection with a secret of the spec's is there yet" in words(other)) == (0, True)
    assert live.dump() == before
    let_go(live)
    refused = onboarded("rotate-secret", HR, "--yes")
    assert (refused.code, "role Owner on it" in words(refused)) == (1, True)


def let_go(live: World) -> None:
    """Leaves the runner a user of its connections."""
    table = live.cloud.table("fabric.connectionRoleAssignments")
    for key, held in list(table.items()):
        if held["principalId"] == RUNNER.object_id:
            table[key] = {**held, "role": "User"}
    live.cloud.store.commit()


def test_doctor_prints_evidence_and_remedies_and_fails_on_unknown(run: Run, live: World) -> None:  # noqa: F811
    """Before anything is made, and without being an admin of the Databricks workspace, two things can't be known."""
    looked = run("doctor", HR, "--json")
    checks = {each["id"]: each for each in json.loads(looked.out)["checks"]}
    assert looked.code == 1
    assert {name for name, each in checks.items() if each["outcome"] == "unknown"} == {
        "ip_access_lists", "tenant_setting",
    }  # fmt: skip
    printed = words(looked)
    assert "only admins of the Databricks workspace may look" in printed
    assert "databricks workspace-conf get-status enableIpAccessLists" in printed
    assert "write" not in live.effects()


def test_doctor_fails_on_a_failed_check_and_prints_its_remedy(run: Run) -> None:  # noqa: F811
    looked = run("doctor", EXAMPLES / "sales.yaml")
    assert looked.code == 1
    assert "GRANT EXTERNAL USE SCHEMA ON SCHEMA `sales`.`staging`" in words(looked)


def test_doctor_without_a_spec_tests_the_sign_in(
    run: Run,  # noqa: F811
    live: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert run("doctor").code == 0
    switches = live.cloud.table("fabric.tenantSettings")
    kept = dict(switches["servicePrincipalsCanUseApis"])
    switches["servicePrincipalsCanUseApis"] = {"enabled": False}
    live.cloud.store.commit()
    kept_out = run("doctor")
    assert (kept_out.code, "Service principals can call Fabric public APIs" in words(kept_out)) == (1, True)
    switches["servicePrincipalsCanUseApis"] = kept
    live.cloud.store.commit()
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong")
    refused = run("doctor")
    assert (refused.code, "not the secret's value" in words(refused)) == (1, True)
