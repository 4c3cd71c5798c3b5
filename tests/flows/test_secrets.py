"""Planted secrets are written down nowhere, whatever goes wrong while a run holds them."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import yaml
from prefect import flow, get_client
from prefect.blocks.system import Secret
from prefect.client.schemas.objects import State
from prefect.exceptions import PrefectHTTPStatusError
from prefect.states import Completed
from pydantic import BaseModel, SecretStr

from blocks import UnityMirrorClouds
from flows.offboard_catalog import offboard_catalog
from flows.onboard_catalog import onboard_catalog
from flows.reconcile_fleet import reconcile_fleet
from tasks.options import state_of, step_task
from tests.flows.cloud import EXAMPLES, SampleCloud
from tests.flows.conftest import PrefectServer
from tests.flows.deployed import deployed, started
from tests.flows.prefect_api import log_of, recorded
from tests.flows.searching import Place, forms, found, in_database, in_folder
from unity_mirror import cli
from unity_mirror.redaction import Redactor
from unity_mirror.spec import CatalogSpec, load_spec
from unity_mirror.steps import connection_body

PAT = 'dapi-Pl4nted/+%"token\\end-ü'
SAS = "sv=2024-08-04&sig=Pl4nted%2Bsas/key==&se=2027-01-01T00:00:00Z"
WRONG = 'wr0ng~Cl1ent.secret+/="\\planted'
OF_BLOCK = "blocK~of.wrong/sh4pe+planted=="
HR = EXAMPLES / "hr.yaml"


@dataclass
class Planted:
    """The secrets of this module, and what of its runs isn't in Prefect's database."""

    cloud: SampleCloud
    server: PrefectServer
    secrets: dict[str, str]
    printed: list[str] = field(default_factory=list)

    def places(self) -> Iterator[Place]:
        yield from in_database(self.server.database)
        for folder in (self.server.results, self.server.home):
            yield from in_folder(folder)
        yield "standard output and error", "\n".join(self.printed).encode()

    def found(self) -> list[str]:
        return found(self.secrets, self.places())


@pytest.fixture
async def planted(
    cloud: SampleCloud,
    prefect_server: PrefectServer,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Planted]:
    """Secrets in the environment; after the test, none of them is anywhere."""
    real = {name: value for name, value in cloud.environment.items() if name.endswith("_SECRET")}
    wrong = {"PLANTED_PAT": PAT, "PLANTED_SAS": SAS, "PLANTED_SECRET": WRONG}
    for name, value in {**real, **wrong}.items():
        if not name.startswith("AZURE_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("UNITY_MIRROR_DEADLINE_SECONDS", "3")
    held = Planted(cloud, prefect_server, {**real, **wrong, "the block's secret": OF_BLOCK})
    yield held
    cloud.strike()
    await recorded()
    held.printed += capfd.readouterr()
    assert held.found() == []


@pytest.mark.parametrize("form", sorted(forms(WRONG)), ids=lambda form: form[:12].hex())
@pytest.mark.parametrize("column", ["TEXT", "BLOB"])
def test_the_search_finds_what_is_there(tmp_path: Path, form: bytes, column: str) -> None:
    path = tmp_path / "throwaway.db"
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE logs (id INTEGER, message {column})")
        held = b"before " + form + b" after"
        connection.execute("INSERT INTO logs VALUES (1, 'nothing')")
        connection.execute("INSERT INTO logs VALUES (2, ?)", [held if column == "BLOB" else held.decode("latin-1")])
    connection.close()
    assert "it in logs.message" in found({"it": WRONG}, in_database(path))
    assert found({"it": PAT}, in_database(path)) == []


@pytest.mark.parametrize("before", range(4))
def test_the_search_finds_base64_however_it_is_aligned(before: int) -> None:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        coded = encode(b"x" * before + WRONG.encode() + b"more")
        assert found({"it": WRONG}, [("here", coded)]) == ["it in here"]


# What goes wrong while a run holds a secret: what is done to the cloud or to ourselves, and the words that must be in
# the log, so that it did go wrong.


def _auth(**auth: Any) -> dict[str, Any]:
    held: dict[str, Any] = yaml.safe_load(HR.read_text())
    held["databricks"]["connection"]["auth"] = auth
    return held


def hr(secret: dict[str, str] | None = None) -> CatalogSpec:
    held = yaml.safe_load(HR.read_text())
    if secret:
        held["databricks"]["connection"]["auth"]["secret"] = secret
    return load_spec(held)


def echo(secret: str) -> str:
    """As services and proxies repeat what they were sent."""
    coded = base64.b64encode(f"user:{secret}".encode()).decode()
    return f"refused: {secret}; {json.dumps(secret)}; Basic {coded}; ?sig={quote(secret, safe='')}"


def answers(status: int, secret: str, **conditions: Any) -> dict[str, Any]:
    told = echo(secret)
    body = {"errorCode": "Odd", "message": told, "error": {"code": "Odd", "message": told}, "error_description": told}
    return {"action": "status", "status": status, "body": body, **conditions}


CONNECTION = {"service": "fabric", "method": "POST", "path": "/connections$"}


@pytest.mark.parametrize("status", [400, 401, 500])
async def test_a_service_that_repeats_what_it_was_sent(planted: Planted, status: int) -> None:
    secret = planted.secrets["HR_DATABRICKS_SECRET"]
    planted.cloud.strike(answers(status, secret, **CONNECTION))
    state = await onboard_catalog(hr(), planted.cloud.block, return_state=True)
    assert state.is_failed()
    log = await log_of(state)
    assert f"{status} Odd: refused: ***;" in log
    assert "Basic " in log
    assert log.count("***") >= 4


async def test_entra_that_repeats_the_client_secret(planted: Planted) -> None:
    secret = planted.secrets["AZURE_CLIENT_SECRET"]
    body = {"error": "invalid_client", "error_description": f"AADSTS7000215: {echo(secret)}", "error_codes": [7000215]}
    rule = {"service": "entra", "method": "POST", "action": "status", "status": 401, "body": body}
    planted.cloud.strike(rule)
    for run in (onboard_catalog(hr(), planted.cloud.block, return_state=True), _reconcile(planted), _offboard(planted)):
        state = await run
        assert state.is_failed()
        log = await log_of(state)
        assert "could not sign in" in log
        assert "AADSTS7000215: refused: ***" in log


async def test_a_connection_that_breaks_off(planted: Planted) -> None:
    planted.cloud.strike({**CONNECTION, "action": "reset"})
    state = await onboard_catalog(hr(), planted.cloud.block, return_state=True)
    assert state.is_failed()
    assert "could not create the connection 'databricks-hr'" in await log_of(state)
    assert "no answer after" in str(state.message)


@pytest.mark.parametrize(
    ("auth", "words"),
    [
        ({"kind": "personal_access_token", "secret": {"env": "PLANTED_PAT"}}, "Invalid access token"),
        (
            {
                "kind": "service_principal",
                "tenant_id": "72f988bf-0000-4000-8000-00000000c0de",
                "client_id": "11110000-0000-4000-8000-00000000a002",
                "secret": {"env": "PLANTED_SECRET"},
            },
            "the client secret for the application '11110000-0000-4000-8000-00000000a002' is not valid",
        ),
    ],
    ids=["token", "client secret"],
)
async def test_wrong_secrets_of_a_connection(planted: Planted, auth: dict[str, Any], words: str) -> None:
    state = await onboard_catalog(load_spec(_auth(**auth)), planted.cloud.block, return_state=True)
    assert state.is_failed()
    assert words in await log_of(state)


async def test_a_wrong_shared_access_signature_from_a_block(planted: Planted) -> None:
    await Secret(value=SAS).save("planted-sas", overwrite=True)
    written = yaml.safe_load((EXAMPLES / "sales.yaml").read_text())
    written["storage"]["auth"] = {"kind": "sas", "secret": {"block": "planted-sas"}}
    planted.cloud.strike(answers(400, SAS, **CONNECTION))
    state = await onboard_catalog(load_spec(written), planted.cloud.block, return_state=True)
    assert state.is_failed()
    assert "refused: ***;" in await log_of(state)


class Numbers(BaseModel):
    """What repeats its input in its errors."""

    secret: int


class Holder:
    """What shows its attributes."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def __repr__(self) -> str:
        return f"Holder(secret={self.secret!r})"


def _argument(secret: str) -> None:
    raise RuntimeError(f"cannot use {secret}")


def _input_of_pydantic(secret: str) -> None:
    Numbers.model_validate({"secret": secret})


def _cause(secret: str) -> None:
    try:
        int(secret)
    except ValueError as error:
        raise LookupError("no such credential") from error


def _attribute(secret: str) -> None:
    held = Holder(secret)
    raise AttributeError(f"{held!r} has no attribute 'token'", name="token", obj=held)


def _bytes_of_it(secret: str) -> None:
    (secret.encode() + b"\xff").decode()


def _json(secret: str) -> None:
    raise KeyError(json.dumps({"body": json.dumps({"servicePrincipalSecret": secret})}))


def _header(secret: str) -> None:
    coded = base64.b64encode(f"token:{secret}".encode()).decode()
    raise ExceptionGroup("several", [ValueError(f"Authorization: Basic {coded}"), OSError(f"/?sig={quote(secret)}")])


def _note(secret: str) -> None:
    error = ValueError("with a note")
    error.add_note(f"it was {secret}")
    raise error


RAISING: Mapping[str, Callable[[str], None]] = {
    "RuntimeError": _argument,
    "ValidationError": _input_of_pydantic,
    "LookupError": _cause,
    "AttributeError": _attribute,
    "UnicodeDecodeError": _bytes_of_it,
    "KeyError": _json,
    "ExceptionGroup": _header,
    "ValueError": _note,
}


async def test_an_exception_within_a_step_that_holds_it(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Awaitable[Mapping[str, Any]]] = connection_body._credentials

    async def broken(*arguments: Any) -> Mapping[str, Any]:
        body = await real(*arguments)
        _json(body["servicePrincipalSecret"])
        raise AssertionError("nothing was raised")

    monkeypatch.setattr(connection_body, "_credentials", broken)
    for run, words in (
        (onboard_catalog(hr(), planted.cloud.block, return_state=True), ""),
        (_reconcile(planted), "hr"),
    ):
        state = await run
        assert state.is_failed()
        assert "something unexpected happened: KeyError" in str(state.message)
        assert "report it" in str(state.message)
        log = await log_of(state)
        assert "Traceback (most recent call last):" in log
        assert "in broken" in log
        assert "***" in log
        assert words in log


class Work:
    """Stands in for a run's session."""

    def __init__(self, act: Callable[[str], None]) -> None:
        self.redactor = Redactor([WRONG])
        self.act, self.secret = act, WRONG

    async def go(self) -> str:
        local = self.secret
        self.act(local)
        return "nothing was raised"


def _away(secret: str) -> None:
    raise httpx.ConnectError(f"https://prefect.test/api?token={secret} is away")


async def test_every_kind_of_exception_that_shows_it(planted: Planted) -> None:
    """The last kind is Prefect's own client's, which is tried again."""

    async def act(work: Work) -> str:
        """Do something that goes wrong."""
        return await work.go()

    @flow
    async def acting() -> State[Any]:
        for name, raising in {**RAISING, "Away": _away}.items():
            task = step_task(name, minutes=1)(act).with_options(name=name, retry_delay_seconds=0)
            await state_of(task, Work(raising))
        return Completed(message="done")

    log = await log_of(await acting(return_state=True))
    assert log.count("Traceback (most recent call last):") >= len(RAISING)
    for kind, raising in RAISING.items():
        assert f"something unexpected happened: {kind}" in log
        assert f"in {raising.__name__}" in log
    assert "invalid literal for int() with base 10: '***'" in log
    assert "input_value='***'" in log
    assert "it was ***" in log
    assert "Prefect's API could not be reached: ConnectError: https://prefect.test/api?token=*** is away" in log


async def test_a_block_that_no_longer_fits(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Saved by an earlier version, or by hand over the API: pydantic's refusal would repeat all that it holds."""
    held = planted.cloud.block.model_copy(update={"client_secret": SecretStr(OF_BLOCK)})
    await held.save("no-longer-fits", overwrite=True)
    async with get_client() as client:
        document = await client.read_block_document_by_name("no-longer-fits", "unity-mirror-clouds")
        data = {"cloud": "public", "client_secret": OF_BLOCK}
        body, at = {"data": data, "merge_existing_data": False}, {"id": document.id}
        (await client.request("PATCH", "/block_documents/{id}", path_params=at, json=body)).raise_for_status()
    monkeypatch.setenv("UNITY_MIRROR_CLOUDS_BLOCK", "no-longer-fits")
    for run in (onboard_catalog(hr(), return_state=True), _reconcile(planted, None), _offboard(planted, None)):
        state = await run
        assert state.is_failed()
        assert "a service principal needs tenant_id, client_id and client_secret" in await log_of(state)


async def test_a_secret_that_someone_writes_into_a_form(planted: Planted) -> None:
    """The server refuses it before it writes anything down."""
    spec = _auth(kind="personal_access_token", secret=PAT)
    deployment = await deployed(onboard_catalog, "a secret in the form")
    with pytest.raises(PrefectHTTPStatusError, match=r"409 Conflict.*databricks\.connection\.auth"):
        await started(deployment, spec=spec)


async def test_a_fleet_and_an_offboarding(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = planted.secrets["HR_DATABRICKS_SECRET"]
    planted.cloud.strike(answers(400, secret, **CONNECTION))
    state = await _reconcile(planted)
    assert "1 catalogs: 1 failed" in str(state.message)
    assert "refused: ***;" in await log_of(state)

    async def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError(echo(planted.secrets["AZURE_CLIENT_SECRET"]))

    monkeypatch.setattr("tasks.offboarding.plan_offboarding", broken)
    state = await _offboard(planted)
    assert state.is_failed()
    log = await log_of(state)
    assert "something unexpected happened: RuntimeError: refused: ***;" in log
    assert "in broken" in log


def _reconcile(planted: Planted, block: UnityMirrorClouds | str | None = "ours") -> Awaitable[State[Any]]:
    target = planted.server.home / "fleet.yaml"
    target.write_text(yaml.safe_dump({"kind": "fleet", "catalogs": [yaml.safe_load(HR.read_text())]}))
    clouds = planted.cloud.block if isinstance(block, str) else block
    return reconcile_fleet(str(target), "repair", clouds, return_state=True)


def _offboard(planted: Planted, block: UnityMirrorClouds | str | None = "ours") -> Awaitable[State[Any]]:
    clouds = planted.cloud.block if isinstance(block, str) else block
    return offboard_catalog(hr(), clouds, return_state=True)


# The command line: what it prints, and every file that it writes.


def _unity_mirror(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    return int(ended.value.code or 0)


def test_the_command_lines_documents_reports_and_saved_plans(
    planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, value in planted.cloud.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("UNITY_MIRROR_DEADLINE_SECONDS")
    plan, report = str(tmp_path / "hr.plan"), ["--report", str(tmp_path / "report")]
    assert _unity_mirror("plan", str(HR), "--json", "--out", plan) == 2
    assert _unity_mirror("apply", plan, "--yes", "--json", *report) == 0
    assert _unity_mirror("verify", str(HR), "--json", *report) == 0
    secret = planted.secrets["AZURE_CLIENT_SECRET"]
    planted.cloud.strike(answers(400, secret, service="fabric", method="GET", path="/workspaces$"))
    for command in (["plan"], ["apply", "--yes", *report], ["offboard", "--yes", *report]):
        assert _unity_mirror(command[0], str(HR), "--json", *command[1:]) == 1
    planted.cloud.strike()

    async def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError(echo(secret))

    with monkeypatch.context() as patch:
        patch.setattr("unity_mirror.steps.fleet.make_plan", broken)
        assert _unity_mirror("plan", str(HR), "--json") == 1
    monkeypatch.setattr("unity_mirror.cli.offboarding.run_offboard", broken)
    monkeypatch.setattr("unity_mirror.cli.commands.run_offboard", broken)
    assert _unity_mirror("offboard", str(HR), "--json", "--yes") == 1
    out, err = capfd.readouterr()
    planted.printed += [out, err]
    assert out.count("refused: ***;") >= 4
    assert "Traceback (most recent call last):" in err
    assert "in broken" in err
    assert len(list(tmp_path.rglob("*.html"))) == len(list(tmp_path.rglob("*.json"))) > 0
    assert found(planted.secrets, in_folder(tmp_path)) == []
