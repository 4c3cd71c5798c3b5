"""``doctor``, ``discover`` and ``init``: they look, and write nothing to any cloud."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from rich.markup import escape
from rich.table import Table

from unity_mirror.cli.documents import checks_document
from unity_mirror.cli.session import DONE, FAILED, Session
from unity_mirror.cli.starter import starter_text
from unity_mirror.cli.text import show_checks
from unity_mirror.errors import SpecError, SpecProblem, UnityMirrorError
from unity_mirror.plan.model import Check, Outcome, Remedy, Scope, ScopeKind
from unity_mirror.spec import load_spec, workspace_url_fault
from unity_mirror.steps.adopt import storage_of, write_spec
from unity_mirror.steps.context import Reads
from unity_mirror.steps.discover import Discovered, discover
from unity_mirror.steps.doctor import diagnose

_GIVE_A_SPEC = "Give a spec, and its prerequisites and our rights are checked, too."


async def run_doctor(session: Session) -> int:
    """Checks; 1 when one failed or is unknown."""
    alone = session.options.spec is None
    checks = [await _sign_in(session)] if alone else await _of_specs(session)
    show_checks(session.output.console, checks)
    passed = all(check.outcome is Outcome.PASSED for check in checks)
    if alone and passed:
        session.output.console.print(f"      {escape(checks[0].evidence)}\n{_GIVE_A_SPEC}")
    return session.finish({"checks": checks_document(checks)}, DONE if passed else FAILED)


async def _of_specs(session: Session) -> list[Check]:
    context_for, among, checks = session.context_for(), Reads(), list[Check]()
    for member in await session.members():
        try:
            if member.spec is None:
                raise member.error or UnityMirrorError("the catalog has no spec", where=member.name)
            context = context_for(member.spec, Reads(among))
            checks += await diagnose(context)
        except UnityMirrorError as error:
            if session.source.is_single:
                raise
            scope = Scope(ScopeKind.CATALOG, member.name)
            checks.append(_failed("catalog", "The catalog can be looked at", scope, error))
    return checks


async def _sign_in(session: Session) -> Check:
    """Whether we can sign in, and see a Fabric workspace."""
    title, scope = "Signed in, and Fabric answers", Scope(ScopeKind.CATALOG, "")
    try:
        identity = await session.clouds.clients.whoami()
        workspaces = await session.clouds.clients.fabric.workspaces.list()
    except UnityMirrorError as error:
        return _failed("sign_in", title, scope, error)
    names = ", ".join(each.display_name for each in workspaces[:5]) or "none"
    evidence = f"object id {identity.object_id} in tenant {identity.tenant_id}; Fabric workspaces: {names}"
    outcome = Outcome.PASSED if workspaces else Outcome.FAILED
    return Check("sign_in", title, scope, outcome, evidence, Remedy("Add the identity to a Fabric workspace."))


def _failed(id_: str, title: str, scope: Scope, error: UnityMirrorError) -> Check:
    """An error as a check that failed: what it says is to be done is the remedy."""
    evidence = str(error).partition(". What to do: ")[0] if error.remedy else str(error)
    return Check(id_, title, scope, Outcome.FAILED, evidence, Remedy(error.remedy) if error.remedy else None)


async def run_discover(session: Session) -> int:
    """Lists the catalogs."""
    found = await discover(session.clouds.clients, _workspace(session.options.databricks), session.options.fabric)
    table = Table(box=None, pad_edge=False)
    for heading in ("catalog", "status", "where", "detail"):
        table.add_column(heading, header_style="dim", overflow="fold")
    for each in found:
        table.add_row(escape(each.name), each.status, escape(", ".join(each.where)), f"[dim]{escape(each.detail)}[/]")
    session.output.console.print(table)
    return session.finish({"catalogs": [_discovered(each) for each in found]}, DONE)


def _workspace(url: str) -> str:
    """The URL of a Databricks workspace, looked at before a token is sent there. Raises SpecError."""
    fault = workspace_url_fault(url)
    if fault is not None:
        raise SpecError([SpecProblem("--databricks", *fault)])
    return url.rstrip("/")


def _discovered(each: Discovered) -> dict[str, Any]:
    return {"catalog": each.name, "status": each.status, "detail": each.detail, "items": list(each.where)}


async def run_init(session: Session) -> int:
    """Writes the spec to a new file or to standard output."""
    options = session.options
    workspace = _workspace(options.databricks)
    clients = session.clouds.clients
    spec = await write_spec(clients, options.catalog, workspace, options.fabric)
    _check(spec)
    text = starter_text(spec, await storage_of(clients, spec["catalog"], workspace))
    if options.out is not None:
        _write_new(options.out, text)
        session.output.console.print(
            f"Wrote {escape(str(options.out))}; see unity-mirror plan {escape(str(options.out))}."
        )
    elif not options.json:
        session.output.text(text)
    return session.finish({"spec": spec}, DONE)


def _check(spec: Mapping[str, Any]) -> None:
    """Raises SpecError for what can't be in a spec, such as a name. The application's id is still to come."""
    auth = spec["databricks"].get("connection", {}).get("auth", {})
    variable = str(auth.get("client_id", "")).strip("${}")
    load_spec(spec, environ={variable: str(UUID(int=1))})


def _write_new(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UnityMirrorError(
            "the spec could not be written",
            where=str(path),
            why=error.strerror or str(error),
            remedy="Give a new file.",
        ) from error
