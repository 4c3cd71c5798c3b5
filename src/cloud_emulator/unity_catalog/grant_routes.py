"""Grants: what is granted where, what follows from it, and changing it; attribute-based policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import Field

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Effect, Request, Response, json_response
from cloud_emulator.core.router import Router
from cloud_emulator.unity_catalog import state
from cloud_emulator.unity_catalog.access import policies_on
from cloud_emulator.unity_catalog.catalog_routes import BASE, look_up, require_principal, what_is_missing
from cloud_emulator.unity_catalog.errors import denied, invalid, refuse
from cloud_emulator.unity_catalog.privileges import APPLICABLE, may_grant
from cloud_emulator.unity_catalog.requests import PAGING, Body, allow_query, cut, flag, page_length, parse
from cloud_emulator.unity_catalog.rights import Sight
from cloud_emulator.unity_catalog.session import Session, open_session
from cloud_emulator.unity_catalog.state import CATALOG, METASTORE, SCHEMA, TABLE, Securable

router = Router()
_SERVER_LENGTH = 1000
_LEAST_LENGTH = 150
_HIERARCHY = (CATALOG, SCHEMA, TABLE)


class Change(Body):
    """What one principal gains and loses."""

    principal: str
    add: list[str] = Field(default_factory=list)
    remove: list[str] = Field(default_factory=list)


class Changes(Body):
    """A change of a securable's grants."""

    changes: list[Change]
    omit_permissions_in_response: bool = False


@router.route("GET", f"{BASE}/permissions/{{securable_type}}/{{full_name}}", "Grants_Get")
def get_permissions(cloud: Cloud, request: Request) -> Response:
    """What is granted on the securable itself."""
    session, securable = _asked(cloud, request)
    grants = state.grants_on(cloud, session.metastore_id, securable)
    rows = [
        {"principal": name, "privileges": list(grants[name])} for name in _shown(session, request, securable, grants)
    ]
    return _page(cloud, request, rows)


@router.route("GET", f"{BASE}/effective-permissions/{{securable_type}}/{{full_name}}", "Grants_GetEffective")
def get_effective_permissions(cloud: Cloud, request: Request) -> Response:
    """What is granted on the securable and above it, as far as it can be granted on the securable.

    Whether Databricks also resolves groups here isn't documented; this doesn't, so that nobody comes to rely on it.
    """
    session, securable = _asked(cloud, request)
    found = _effective(session, securable)
    rows = [{"principal": name, "privileges": found[name]} for name in _shown(session, request, securable, found)]
    return _page(cloud, request, rows)


@router.route("PATCH", f"{BASE}/permissions/{{securable_type}}/{{full_name}}", "Grants_Update", Effect.WRITE)
def update_permissions(cloud: Cloud, request: Request) -> Response:
    """Grants and revokes."""
    allow_query(request)
    session = open_session(cloud, request)
    securable = _securable(request)
    look_up(session, securable)
    body = parse(request, Changes)
    grants = {name: set(held) for name, held in state.grants_on(cloud, session.metastore_id, securable).items()}
    for change in body.changes:
        _check(session, securable, change, grants)
        held = grants.setdefault(change.principal, set())
        held |= set(change.add)
        held -= set(change.remove)
    state.put_grants(cloud, session.metastore_id, securable, grants)
    if body.omit_permissions_in_response:
        return json_response(200, {})
    after = state.grants_on(cloud, session.metastore_id, securable)
    rows = [{"principal": name, "privileges": list(held)} for name, held in sorted(after.items())]
    return json_response(200, {"privilege_assignments": rows} if rows else {})


@router.route("GET", f"{BASE}/policies/{{securable_type}}/{{full_name}}", "Policies_List")
def list_policies(cloud: Cloud, request: Request) -> Response:
    """The attribute-based policies on a securable, for those who manage it."""
    allow_query(request, "include_inherited", *PAGING)
    session = open_session(cloud, request)
    securable = _securable(request)
    look_up(session, securable)
    if not session.rights.manages(securable) and cloud.rules.on("unity_catalog.grants.policies"):
        raise refuse("PERMISSION_DENIED", f"User does not have MANAGE on '{securable.full_name}'.")
    found = policies_on(cloud, session.metastore_id, securable)
    if not flag(request, "include_inherited"):
        found = [each for each in found if each["on_securable_type"] == securable.kind]
    part, rest = cut(request, found, page_length(cloud, request, 100))
    return json_response(200, {"policies": part, **rest} if part else rest)


def _check(session: Session, securable: Securable, change: Change, grants: Mapping[str, set[str]]) -> None:
    for privilege in (*change.add, *change.remove):
        fits = privilege in APPLICABLE[securable.kind]
        if not fits and session.cloud.rules.on("unity_catalog.grants.applicable"):
            raise invalid(f"Privilege {privilege} is not applicable to this entity [{securable.kind}].")
        denial = may_grant(session, privilege, securable)
        if denial is not None:
            raise denied(denial)
    if not change.add and not change.remove:
        denial = may_grant(session, "ALL_PRIVILEGES", securable)
        if denial is not None:
            raise denied(denial)
    named = change.add or change.principal not in grants
    if named and session.cloud.rules.on("unity_catalog.grants.principal"):
        require_principal(session.cloud, change.principal)


def _asked(cloud: Cloud, request: Request) -> tuple[Session, Securable]:
    allow_query(request, "principal", *PAGING)
    session = open_session(cloud, request)
    securable = _securable(request)
    look_up(session, securable)
    return session, securable


def _securable(request: Request) -> Securable:
    kind = request.params["securable_type"].upper()
    full_name = request.params["full_name"]
    if kind not in APPLICABLE:
        raise refuse("NOT_IMPLEMENTED", f"The emulator holds no securables of type {kind}.")
    if kind in _HIERARCHY and (full_name.count(".") != _HIERARCHY.index(kind) or not all(full_name.split("."))):
        raise invalid(f"'{full_name}' is not the full name of a {kind.lower()}.")
    return Securable(kind, full_name)


def _shown(session: Session, request: Request, securable: Securable, held: Iterable[str]) -> list[str]:
    """The principals whose grants the caller may see: everyone's where it manages, else its own and its groups'."""
    wanted = request.query.get("principal")
    require_principal(session.cloud, wanted)
    rights = session.rights
    everyones = rights.is_metastore_admin or (securable.kind != METASTORE and rights.manages(securable))
    if not everyones and session.cloud.rules.on("unity_catalog.grants.own"):
        if wanted is not None and wanted not in rights.names:
            raise refuse("PERMISSION_DENIED", f"User does not have MANAGE on '{securable.full_name}'.")
        if securable.kind in _HIERARCHY and rights.sight(securable) is Sight.NOTHING:
            raise denied(what_is_missing(session, securable))
        held = [name for name in held if name in rights.names]
    return sorted(name for name in held if wanted in (None, name))


def _effective(session: Session, securable: Securable) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for level in securable.lineage():
        origin = {"inherited_from_type": level.kind, "inherited_from_name": level.full_name}
        for name, privileges in state.grants_on(session.cloud, session.metastore_id, level).items():
            rows = found.setdefault(name, [])
            rows += [
                {"privilege": privilege, **({} if level == securable else origin)}
                for privilege in privileges
                if privilege in APPLICABLE[securable.kind]
            ]
    return {name: rows for name, rows in found.items() if rows}


def _page(cloud: Cloud, request: Request, rows: Sequence[Mapping[str, Any]]) -> Response:
    """A page of assignments; its length counts privileges, and an assignment is never torn apart."""
    length = page_length(cloud, request, _SERVER_LENGTH, least=_LEAST_LENGTH)
    part, rest = cut(request, _chunks(rows, length), 1 if rows else None)
    return json_response(200, {"privilege_assignments": part[0], **rest} if part else rest)


def _chunks(rows: Sequence[Mapping[str, Any]], length: int | None) -> list[list[Mapping[str, Any]]]:
    chunks: list[list[Mapping[str, Any]]] = []
    room = 0
    for row in rows:
        size = len(row["privileges"])
        if not chunks or (length is not None and size > room):
            chunks.append([])
            room = length or 0
        chunks[-1].append(row)
        room -= size
    return chunks
