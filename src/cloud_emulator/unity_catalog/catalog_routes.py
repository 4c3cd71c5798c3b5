"""Metastores, catalogs and schemas."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic import Field

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Effect, Request, Response, json_response
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.unity_catalog import identities, state
from cloud_emulator.unity_catalog.access import UcDenial, lacks
from cloud_emulator.unity_catalog.errors import denied, refuse
from cloud_emulator.unity_catalog.requests import (
    PAGING,
    Body,
    allow_query,
    changes_of,
    cut,
    flag,
    listing,
    page_length,
    parse,
    required,
)
from cloud_emulator.unity_catalog.rights import Sight, seen
from cloud_emulator.unity_catalog.session import Session, open_session
from cloud_emulator.unity_catalog.state import CATALOG, SCHEMA, TABLE, Securable

BASE = "/api/2.1/unity-catalog"
router = Router()

_SUMMARY = (
    "metastore_id", "name", "owner", "cloud", "region", "storage_root", "external_access_enabled",
    "global_metastore_id", "privilege_model_version", "delta_sharing_scope", "created_at", "created_by", "updated_at",
    "updated_by",
)  # fmt: skip


class MetastoreChanges(Body):
    """What may be changed of a metastore."""

    external_access_enabled: bool | None = None
    new_name: str | None = Field(None, min_length=1)
    owner: str | None = None


def look_up(session: Session, securable: Securable) -> Document:
    """The stored securable. Refused as not existing, also where its catalog isn't bound to the workspace."""
    missing = securable
    for level in reversed(securable.lineage()):
        found = state.find(session.cloud, session.metastore_id, level)
        missing = level
        if found is None or (level.kind == CATALOG and not state.is_bound(session.cloud, found, session.here)):
            break
    else:
        assert found is not None  # noqa: S101  # the loop runs at least once
        return found
    kind = missing.kind.replace("_", " ").title()
    raise refuse(f"{missing.kind}_DOES_NOT_EXIST", f"{kind} '{missing.full_name}' does not exist.")


def show(session: Session, securable: Securable, *, browse: bool) -> Document:
    """What the caller sees of a securable. Refused when that is nothing, or only by browsing and ``browse`` is off."""
    found = look_up(session, securable)
    sight = session.rights.sight(securable)
    if sight is Sight.NOTHING or (sight is Sight.BROWSE and not browse):
        raise denied(what_is_missing(session, securable))
    return seen(session.cloud.rules, found, sight)


def what_is_missing(session: Session, securable: Securable) -> UcDenial:
    """The privilege for want of which the caller doesn't see a securable."""
    way = securable.lineage()[1] if securable.kind == TABLE else securable
    missing = session.rights.missing_use(way)
    return lacks(*missing) if missing is not None else lacks("SELECT", securable)


def visible_page(
    session: Session, request: Request, found: Sequence[Document], make: Callable[[Document], Securable], server: int
) -> tuple[list[Document], dict[str, str]]:
    """One page of what the caller sees. What it doesn't see leaves gaps: a page may be empty and not the last."""
    if not session.cloud.rules.on("unity_catalog.lists.gaps"):
        found = [each for each in found if session.rights.sight(make(each)) is not Sight.NOTHING]
    part, rest = cut(request, found, page_length(session.cloud, request, server))
    wanted = {Sight.FULL, Sight.BROWSE} if flag(request, "include_browse") else {Sight.FULL}
    sights = ((each, session.rights.sight(make(each))) for each in part)
    return [seen(session.cloud.rules, each, sight) for each, sight in sights if sight in wanted], rest


@router.route("GET", f"{BASE}/metastore_summary", "Metastores_Summary")
def metastore_summary(cloud: Cloud, request: Request) -> Response:
    """The workspace's metastore, for any of its members."""
    allow_query(request)
    found = state.metastore(cloud, open_session(cloud, request).metastore_id) or {}
    return json_response(200, {name: found[name] for name in _SUMMARY if name in found})


@router.route("GET", f"{BASE}/current-metastore-assignment", "Metastores_Current")
def current_metastore_assignment(cloud: Cloud, request: Request) -> Response:
    """Which metastore the workspace is assigned to."""
    allow_query(request)
    session = open_session(cloud, request)
    return json_response(
        200,
        {
            "workspace_id": session.here["workspace_id"],
            "metastore_id": session.metastore_id,
            "default_catalog_name": session.here["default_catalog_name"],
        },
    )


@router.route("GET", f"{BASE}/metastores/{{id}}", "Metastores_Get")
def get_metastore(cloud: Cloud, request: Request) -> Response:
    """A metastore, for its admins."""
    allow_query(request)
    return json_response(200, _own_metastore(open_session(cloud, request), request.params["id"]))


@router.route("PATCH", f"{BASE}/metastores/{{id}}", "Metastores_Update", Effect.WRITE)
def update_metastore(cloud: Cloud, request: Request) -> Response:
    """Changes a metastore, for its admins."""
    allow_query(request)
    session = open_session(cloud, request)
    changes = changes_of(parse(request, MetastoreChanges))
    found = _own_metastore(session, request.params["id"])
    require_principal(cloud, changes.get("owner"))
    if "new_name" in changes:
        changes["name"] = changes.pop("new_name")
    updated = {**found, **changes, **stamp(session)}
    state.table_of(cloud, "metastores")[session.metastore_id] = updated
    return json_response(200, updated)


def _own_metastore(session: Session, metastore_id: str) -> Document:
    found = state.metastore(session.cloud, metastore_id)
    if found is None or metastore_id != session.metastore_id:
        raise refuse("METASTORE_DOES_NOT_EXIST", f"Metastore '{metastore_id}' does not exist.")
    mine = session.rights.is_metastore_admin
    if not mine and session.cloud.rules.on("unity_catalog.owners.metastore"):
        raise refuse("PERMISSION_DENIED", f"User is not an owner of Metastore '{metastore_id}'.")
    return found


def stamp(session: Session) -> dict[str, object]:
    """The fields that say who changed something, and when."""
    return {"updated_at": int(session.cloud.clock.time() * 1000), "updated_by": session.rights.principal}


def require_principal(cloud: Cloud, principal: str | None) -> None:
    """Refuses a principal that Databricks doesn't know by that name."""
    if principal is not None and not identities.exists(cloud, principal):
        raise refuse("PRINCIPAL_DOES_NOT_EXIST", f"Could not find principal with name {principal}.")


@router.route("GET", f"{BASE}/catalogs", "Catalogs_List")
def list_catalogs(cloud: Cloud, request: Request) -> Response:
    """The catalogs that the caller sees."""
    allow_query(request, "include_browse", "include_unbound", *PAGING)
    session = open_session(cloud, request)
    if flag(request, "include_unbound") and session.rights.is_metastore_admin:
        found = state.table_of(cloud, "catalogs").by("metastore_id", session.metastore_id)
    else:
        found = state.bound_catalogs(cloud, session.here)
    entries, rest = visible_page(session, request, found, lambda each: Securable(CATALOG, each["body"]["name"]), 100)
    return json_response(200, listing("catalogs", entries, rest))


@router.route("GET", f"{BASE}/catalogs/{{name}}", "Catalogs_Get")
def get_catalog(cloud: Cloud, request: Request) -> Response:
    """One catalog."""
    allow_query(request, "include_browse")
    wanted = Securable(CATALOG, request.params["name"])
    return json_response(200, show(open_session(cloud, request), wanted, browse=flag(request, "include_browse")))


@router.route("GET", f"{BASE}/schemas", "Schemas_List")
def list_schemas(cloud: Cloud, request: Request) -> Response:
    """The schemas of a catalog that the caller sees."""
    allow_query(request, "catalog_name", "include_browse", *PAGING)
    session = open_session(cloud, request)
    catalog = Securable(CATALOG, required(request, "catalog_name"))
    show(session, catalog, browse=True)
    found = state.children(cloud, session.metastore_id, catalog)
    entries, rest = visible_page(
        session, request, found, lambda each: Securable(SCHEMA, each["body"]["full_name"]), 200
    )
    return json_response(200, listing("schemas", entries, rest))


@router.route("GET", f"{BASE}/schemas/{{full_name}}", "Schemas_Get")
def get_schema(cloud: Cloud, request: Request) -> Response:
    """One schema."""
    allow_query(request, "include_browse")
    wanted = full_name_of(request, SCHEMA)
    return json_response(200, show(open_session(cloud, request), wanted, browse=flag(request, "include_browse")))


def full_name_of(request: Request, kind: str) -> Securable:
    """The securable that the path's ``full_name`` names. Refused when it has the wrong number of parts."""
    full_name = request.params["full_name"]
    named = state.named(full_name)
    if named.kind != kind or full_name.count(".") > 2 or not all(full_name.split(".")):
        raise refuse("INVALID_PARAMETER_VALUE", f"'{full_name}' is not the full name of a {kind.lower()}.")
    return named
