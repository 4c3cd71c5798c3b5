"""Fabric's connections: to the Databricks workspace and, behind a firewall, to the storage (S6, S15).

A connection that fits is reused, and a named one that doesn't fit is an error: never two for the same thing, never a
change to one that others made. One that we made and whose sign-in someone changed to another kind gets the spec's back,
in place, so that whatever uses it goes on doing so. Types, parameters and credential kinds are asked of
``supportedConnectionTypes``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from unity_mirror.errors import CloudError, InvalidRequest, NotSupported, PermissionDenied, SpecError, SpecProblem
from unity_mirror.models.fabric import Connection, SupportedConnectionType
from unity_mirror.models.items import MirroredCatalog
from unity_mirror.plan.model import Action, AfterApply, Change, StepName, StepPlan
from unity_mirror.plan.ownership import Made, Memory
from unity_mirror.plan.selection import location_of
from unity_mirror.spec import KeyVaultSecret, StorageSpec
from unity_mirror.steps.connection_body import (
    DATABRICKS,
    STORAGE,
    Wanted,
    creation_body,
    find_vault,
    parameter_names,
    rotation_body,
)
from unity_mirror.steps.connection_choice import could_be_reused, find_connection, read_by, with_another_kind
from unity_mirror.steps.connection_sharing import Sharing, missing_shares, share
from unity_mirror.steps.context import Context, Done, Found, Known, Survey
from unity_mirror.steps.patience import patiently
from unity_mirror.steps.record import find_item, list_mirrored, owner_of, recorded

CONNECTION = "Fabric connection"
TENANT_SWITCH = (
    "A Fabric administrator turns on the tenant setting 'Service principals can create workspaces, connections, and "
    "deployment pipelines' (Admin portal, Tenant settings, Developer settings) for a group that the identity is in, or "
    "a person makes the connection in the portal and the spec names it with {kind: existing}."
)


@dataclass(frozen=True, slots=True)
class _Work:
    missing: tuple[Wanted, ...] = ()
    changed: tuple[tuple[Wanted, Connection], ...] = ()
    types: Mapping[str, SupportedConnectionType] = field(default_factory=dict)
    sharing: tuple[Sharing, ...] = ()


class Connections:
    """Finds or makes the connections, and gives others the roles on them that the spec asks for."""

    name = StepName.CONNECTIONS

    async def plan(self, context: Context, known: Known) -> Found:
        """What is reused and what is to be made."""
        listed = await context.reads.once(("connections",), context.clients.fabric.connections.list)
        facts: dict[str, Any] = {}
        missing: list[Wanted] = []
        changed: list[tuple[Wanted, Connection]] = []
        made = known.made | await recorded(context, known.surveyed.workspace.id)
        item = await spec_item(context, known.surveyed.workspace.id)
        sharing: list[Sharing] = []
        notes: list[str] = []
        for wanted in wanted_connections(context, known.surveyed):
            found = await _changed_by_others(context, item, wanted, listed) if _is_ours(wanted, made) else None
            if found is not None:
                changed.append((wanted, found))
            else:
                found = find_connection(wanted, listed, read_by(item))
            facts[wanted.fact] = found.id if found else AfterApply(self.name, wanted.fact)
            sharing += await missing_shares(context, wanted, found)
            if found is None:
                missing.append(wanted)
                notes += could_be_reused(wanted, listed)
        types = await _supported(context, [*missing, *(wanted for wanted, _ in changed)])
        changes = (
            *(_change(wanted) for wanted in missing),
            *(_repair(wanted, held) for wanted, held in changed),
            *(each.change for each in sharing),
        )
        work = _Work(tuple(missing), tuple(changed), types, tuple(sharing))
        return Found(StepPlan(self.name, changes, notes=tuple(notes)), facts, work)

    async def apply(self, context: Context, known: Known, found: Found) -> Done:
        """Makes what is missing; Fabric tests each connection when it is made."""
        facts: dict[str, Any] = dict(found.facts)
        work: _Work = found.work or _Work()
        for wanted in work.missing:
            created = await _create(context, known, wanted, work.types[wanted.type])
            facts[wanted.fact] = created.id
            facts |= {"made_storage_connection": True} if wanted.made is Made.CONNECTION_STORAGE else {}
        for wanted, held in work.changed:
            await _restore(context, known, wanted, held)
        for each in work.sharing:
            await share(context, str(facts[each.fact]), each)
        return Done(facts)


def wanted_connections(context: Context, survey: Survey | None = None) -> list[Wanted]:
    """The connections that the spec asks for; the ``survey`` tells a gateway, where one has to lead to Databricks, and
    in which container the tables lie, where the storage URL names none."""
    databricks, storage = _databricks_wanted(context, survey), context.spec.storage
    return [databricks] if storage is None else [databricks, _storage_wanted(context, storage, survey)]


def _databricks_wanted(context: Context, survey: Survey | None) -> Wanted:
    spec = context.spec
    connection = spec.databricks.connection
    return Wanted(
        field="databricks.connection",
        type=DATABRICKS,
        url=spec.databricks.workspace,
        ref=connection,
        auth=connection.auth,
        default_name=f"databricks-{spec.catalog}",
        fact="databricks_connection",
        made=Made.CONNECTION_DATABRICKS,
        gateway=survey.gateway if survey else None,
    )


def _storage_wanted(context: Context, storage: StorageSpec, survey: Survey | None) -> Wanted:
    return Wanted(
        field="storage.connection",
        type=STORAGE,
        url=_storage_url(storage, survey),
        ref=storage.connection,
        auth=storage.auth,
        default_name=f"adls-{context.spec.catalog}",
        fact="storage_connection",
        made=Made.CONNECTION_STORAGE,
    )


def _storage_url(storage: StorageSpec, survey: Survey | None) -> str:
    """What the storage connection leads to. Fabric's take a path, so that for a whole account it is the container that
    the tables lie in. Raises ``SpecError`` when they lie in several."""
    location = storage.location
    if location.container or survey is None:
        return storage.url
    places = [location_of(table) for table in survey.selection.selected]
    containers = sorted({place.container for place in places if place and place.account == location.account})
    if len(containers) > 1:
        message = f"the selected tables lie in several containers: {', '.join(containers)}"
        hint = "a connection leads to one: give it in storage.url, and the others' tables a spec of their own"
        raise SpecError([SpecProblem("storage.url", message, hint)])
    return "/".join([storage.url.rstrip("/"), *containers])


async def spec_item(context: Context, workspace_id: str) -> MirroredCatalog | None:
    """The spec's mirrored catalog, if it is there."""
    owner, held = await owner_of(context), await list_mirrored(context, workspace_id)
    return find_item(owner, context.spec.item_name, held)


def _is_ours(wanted: Wanted, made: frozenset[Memory]) -> bool:
    theirs = wanted.made is Made.CONNECTION_STORAGE and Made.CONNECTION_STORAGE_THEIRS in made
    return wanted.made in made and not theirs


async def _changed_by_others(
    context: Context, item: MirroredCatalog | None, wanted: Wanted, listed: Sequence[Connection]
) -> Connection | None:
    """The connection that we made and whose kind of sign-in somebody changed.

    Our mark says that we made one, not which: it is the one that our item reads by. Another one of the wanted name may
    be anybody's.
    """
    found = with_another_kind(wanted, listed) if wanted.ref.id is None else None
    if found is None or item is None or not (await owner_of(context)).owns(item.description):
        return None
    return found if found.id.lower() in read_by(item) else None


async def _supported(context: Context, missing: Sequence[Wanted]) -> dict[str, SupportedConnectionType]:
    """What Fabric needs to make each. Raises ``SpecError`` when it can't make one of that kind."""
    found = {}
    for wanted in missing:
        gateway = wanted.gateway.id if wanted.gateway else None
        offered = await context.reads.once(
            ("connection types", gateway),
            lambda gateway=gateway: context.clients.fabric.connections.supported_types(gateway),  # type: ignore[misc]
        )
        found[wanted.type] = _check_offered(wanted, next((each for each in offered if each.type == wanted.type), None))
        if isinstance(wanted.secret, KeyVaultSecret):
            await find_vault(context, wanted, wanted.secret)
    return found


def _check_offered(wanted: Wanted, offered: SupportedConnectionType | None) -> SupportedConnectionType:
    if offered is None or not offered.creation_methods:
        message = f"Fabric can't make connections of type {wanted.type}" + (
            " through this gateway" if wanted.gateway else ""
        )
        raise SpecError([SpecProblem(wanted.field, message, "make it in the portal and name it here")])
    if wanted.kind and wanted.kind not in offered.supported_credential_types:
        hint = f"Fabric offers for {wanted.type}: {', '.join(offered.supported_credential_types)}"
        raise SpecError([SpecProblem(wanted.auth_field, f"Fabric can't make a {wanted.kind} connection", hint)])
    required = {each.name for each in offered.creation_methods[0].parameters if each.required}
    unknown = required - parameter_names(wanted.type)
    if unknown:
        message = f"Fabric asks for parameters that unity-mirror doesn't know: {', '.join(sorted(unknown))}"
        raise SpecError([SpecProblem(wanted.field, message, "make the connection in the portal and name it here")])
    return offered


def _change(wanted: Wanted) -> Change:
    after = {"type": wanted.type, "url": wanted.url, "credential": wanted.kind}
    through = {"gateway": wanted.gateway.display_name or wanted.gateway.id} if wanted.gateway else {}
    return Change(
        StepName.CONNECTIONS,
        Action.CREATE,
        CONNECTION,
        wanted.name,
        f"no connection to {wanted.url} fits",
        after={**after, **through, "id": AfterApply(StepName.CONNECTIONS, wanted.fact)},
        makes=wanted.made,
    )


def _repair(wanted: Wanted, held: Connection) -> Change:
    kind = held.credential_details.credential_type if held.credential_details else ""
    reason = "we made it, and its kind of sign-in was changed"
    before, after = {"credential": kind}, {"credential": wanted.kind}
    return Change(StepName.CONNECTIONS, Action.UPDATE, CONNECTION, wanted.name, reason, before, after)


async def _restore(context: Context, known: Known, wanted: Wanted, held: Connection) -> None:
    body = await rotation_body(context, wanted, held)
    waits = known.rights_changed and wanted.type == STORAGE
    try:
        await patiently(
            context,
            lambda: context.clients.fabric.connections.update(held.id, body),
            _is_untested if waits else lambda _: False,
        )
    except PermissionDenied as error:
        error.remedy = "Have the connection's owner give the identity that runs unity-mirror the role Owner on it."
        raise


async def _create(context: Context, known: Known, wanted: Wanted, supported: SupportedConnectionType) -> Connection:
    """Makes a connection. Rights given in this run may take a while to let its test pass."""
    body = await creation_body(context, wanted, supported)
    waits = known.rights_changed and wanted.type == STORAGE
    try:
        return await patiently(
            context,
            lambda: context.clients.fabric.connections.create(body),
            _is_untested if waits else lambda _: False,
        )
    except (NotSupported, PermissionDenied) as error:
        raise PermissionDenied(
            f"the connection {wanted.name!r} could not be made",
            service=error.service,
            operation=error.operation,
            status=error.status,
            code=error.code,
            request_id=error.request_id,
            why=error.why,
            remedy=TENANT_SWITCH,
        ) from error


def _is_untested(error: CloudError) -> bool:
    """The connection's own test failed: the credential is wrong, or not let in yet."""
    return isinstance(error, InvalidRequest) and error.code == "IncorrectCredentials"
