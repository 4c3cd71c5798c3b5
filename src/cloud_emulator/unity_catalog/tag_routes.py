"""Tags of catalogs, schemas and tables."""

from __future__ import annotations

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request, Response, json_response
from cloud_emulator.core.router import Router
from cloud_emulator.unity_catalog import state
from cloud_emulator.unity_catalog.catalog_routes import BASE, show
from cloud_emulator.unity_catalog.errors import invalid
from cloud_emulator.unity_catalog.requests import PAGING, allow_query, cut, listing, page_length
from cloud_emulator.unity_catalog.session import open_session
from cloud_emulator.unity_catalog.state import CATALOG, SCHEMA, TABLE

router = Router()
_KINDS = {"catalogs": CATALOG, "schemas": SCHEMA, "tables": TABLE}


@router.route("GET", f"{BASE}/entity-tag-assignments/{{entity_type}}/{{entity_name}}/tags", "EntityTagAssignments_List")
def list_tags(cloud: Cloud, request: Request) -> Response:
    """The tags put on a securable itself, for those who see it."""
    allow_query(request, *PAGING)
    session = open_session(cloud, request)
    kind, full_name = request.params["entity_type"], request.params["entity_name"]
    securable = state.named(full_name)
    if _KINDS.get(kind) != securable.kind:
        raise invalid(f"'{full_name}' is not the name of one of {kind}.")
    show(session, securable, browse=True)
    held = state.table_of(cloud, "tags").get(state.grants_key(session.metastore_id, securable), {"tags": {}})["tags"]
    rows = [
        {"entity_type": kind, "entity_name": full_name, "tag_key": key, "tag_value": value}
        for key, value in sorted(held.items())
    ]
    part, rest = cut(request, rows, page_length(cloud, request, 100))
    return json_response(200, listing("tag_assignments", part, rest))
