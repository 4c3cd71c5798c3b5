"""Tables and views: lists, summaries and single reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request, Response, json_response
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.unity_catalog import state
from cloud_emulator.unity_catalog.catalog_routes import BASE, full_name_of, look_up, show, visible_page
from cloud_emulator.unity_catalog.requests import PAGING, allow_query, flag, listing, required
from cloud_emulator.unity_catalog.session import Session, open_session
from cloud_emulator.unity_catalog.state import CATALOG, SCHEMA, TABLE, Securable

router = Router()
_NOT_IN_LISTS = frozenset({"view_dependencies", "table_constraints"})
_USER_NAMES = frozenset({"owner", "created_by", "updated_by"})
_OMISSIONS = {
    "omit_columns": frozenset({"columns"}),
    "omit_properties": frozenset({"properties"}),
    "omit_username": _USER_NAMES,
}


@router.route("GET", f"{BASE}/tables", "Tables_List")
def list_tables(cloud: Cloud, request: Request) -> Response:
    """The tables of a schema that the caller sees, without constraints and view dependencies."""
    allow_query(
        request, "catalog_name", "schema_name", "include_browse", "include_manifest_capabilities", *_OMISSIONS, *PAGING
    )
    session = open_session(cloud, request)
    catalog, schema = required(request, "catalog_name"), required(request, "schema_name")
    parent = Securable(SCHEMA, f"{catalog}.{schema}")
    look_up(session, parent)
    show(session, Securable(CATALOG, catalog), browse=True)
    found = state.children(cloud, session.metastore_id, parent)
    entries, rest = visible_page(session, request, found, lambda each: Securable(TABLE, each["body"]["full_name"]), 50)
    always = _NOT_IN_LISTS if cloud.rules.on("unity_catalog.lists.single_reads") else frozenset()
    left_out = always.union(*(names for name, names in _OMISSIONS.items() if flag(request, name)))
    manifest = flag(request, "include_manifest_capabilities")
    return json_response(200, listing("tables", [_without(each, left_out, manifest) for each in entries], rest))


@router.route("GET", f"{BASE}/tables/{{full_name}}", "Tables_Get")
def get_table(cloud: Cloud, request: Request) -> Response:
    """One table, with everything."""
    allow_query(request, "include_browse", "include_delta_metadata", "include_manifest_capabilities")
    found = show(open_session(cloud, request), full_name_of(request, TABLE), browse=flag(request, "include_browse"))
    flag(request, "include_delta_metadata")
    return json_response(200, _without(found, frozenset(), flag(request, "include_manifest_capabilities")))


@router.route("GET", f"{BASE}/tables/{{full_name}}/exists", "Tables_Exists")
def table_exists(cloud: Cloud, request: Request) -> Response:
    """Whether a table is there, for those who may see or browse it."""
    allow_query(request)
    session = open_session(cloud, request)
    wanted = full_name_of(request, TABLE)
    if state.find(cloud, session.metastore_id, wanted) is None:
        show(session, wanted.lineage()[1], browse=True)
        return json_response(200, {"table_exists": False})
    show(session, wanted, browse=True)
    return json_response(200, {"table_exists": True})


@router.route("GET", f"{BASE}/table-summaries", "Tables_ListSummaries")
def list_summaries(cloud: Cloud, request: Request) -> Response:
    """Names and types of a catalog's tables, by LIKE patterns."""
    allow_query(
        request, "catalog_name", "schema_name_pattern", "table_name_pattern", "include_manifest_capabilities", *PAGING
    )
    session = open_session(cloud, request)
    catalog = Securable(CATALOG, required(request, "catalog_name"))
    show(session, catalog, browse=False)
    found = _matching(session, catalog, request.query)
    entries, rest = visible_page(session, _paged(request), found, _securable, 10_000)
    manifest = flag(request, "include_manifest_capabilities")
    return json_response(200, listing("tables", [_summary(each, manifest) for each in entries], rest))


def _matching(session: Session, catalog: Securable, query: Mapping[str, str]) -> list[Document]:
    schemas, tables = _like(query.get("schema_name_pattern")), _like(query.get("table_name_pattern"))
    return [
        table
        for schema in state.children(session.cloud, session.metastore_id, catalog)
        if schemas.fullmatch(schema["body"]["name"])
        for table in state.children(session.cloud, session.metastore_id, Securable(SCHEMA, schema["body"]["full_name"]))
        if tables.fullmatch(table["body"]["name"])
    ]


def _like(pattern: str | None) -> re.Pattern[str]:
    """A SQL LIKE pattern; all names when there is none."""
    parts = {"%": ".*", "_": "."}
    return re.compile("".join(parts.get(each, re.escape(each)) for each in pattern or "%"), re.IGNORECASE | re.DOTALL)


def _paged(request: Request) -> Request:
    """Summaries are always paged: without ``max_results`` the server's length holds."""
    if "max_results" not in request.query:
        request.query = {**request.query, "max_results": "0"}
    return request


def _securable(document: Document) -> Securable:
    return Securable(TABLE, document["body"]["full_name"])


def _summary(table: Document, manifest: bool) -> dict[str, Any]:
    """A summary; the capabilities in its manifest only when asked for."""
    shown = table["securable_kind_manifest"]
    if not manifest:
        shown = {"securable_kind": shown["securable_kind"]}
    return {"full_name": table["full_name"], "table_type": table["table_type"], "securable_kind_manifest": shown}


def _without(table: Document, left_out: frozenset[str], manifest: bool) -> dict[str, Any]:
    hidden = left_out if manifest else left_out | {"securable_kind_manifest"}
    return {name: value for name, value in table.items() if name not in hidden}
