"""Making, changing and dropping catalogs' contents, as far as Databricks lets outsiders do it over REST."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Effect, Request, Response, json_response
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.unity_catalog import state
from cloud_emulator.unity_catalog.access import external_access, lacks
from cloud_emulator.unity_catalog.build import Maker
from cloud_emulator.unity_catalog.catalog_routes import BASE, full_name_of, look_up, require_principal, stamp
from cloud_emulator.unity_catalog.credential_routes import check_no_table_at, location_of
from cloud_emulator.unity_catalog.errors import denied, invalid, refuse
from cloud_emulator.unity_catalog.requests import Body, allow_query, changes_of, flag, parse
from cloud_emulator.unity_catalog.session import Session, open_session
from cloud_emulator.unity_catalog.state import CATALOG, SCHEMA, TABLE, Securable

router = Router()


class NewSchema(Body):
    """A schema to make."""

    name: str
    catalog_name: str
    comment: str | None = None
    properties: dict[str, str] | None = None


class NewColumn(Body):
    """A column of a table to make."""

    name: str
    type_text: str
    type_name: str
    type_json: str | None = None
    position: int = Field(ge=0)
    nullable: bool = True
    comment: str | None = None
    type_precision: int | None = None
    type_scale: int | None = None
    type_interval_type: str | None = None
    partition_index: int | None = None


class NewTable(Body):
    """A table to make: over REST, only external Delta tables."""

    name: str
    catalog_name: str
    schema_name: str
    table_type: Literal["EXTERNAL"]
    data_source_format: Literal["DELTA"]
    storage_location: str
    columns: list[NewColumn] | None = None
    properties: dict[str, str] | None = None


class Changes(Body):
    """What may be changed of a catalog, schema or table."""

    owner: str | None = None
    comment: str | None = None


@router.route("POST", f"{BASE}/schemas", "Schemas_Create", Effect.WRITE)
def create_schema(cloud: Cloud, request: Request) -> Response:
    """Makes a schema, for the catalog's owner or with CREATE SCHEMA."""
    allow_query(request)
    session = open_session(cloud, request)
    body = parse(request, NewSchema)
    catalog = Securable(CATALOG, body.catalog_name)
    stored = look_up(session, catalog)
    _need(session, catalog, "USE_CATALOG", "CREATE_SCHEMA")
    _refuse_reserved(session, body.name)
    wanted = Securable(SCHEMA, f"{body.catalog_name}.{_plain(session, body.name)}")
    held = state.find(cloud, session.metastore_id, wanted) is not None
    if held and cloud.rules.on("unity_catalog.schemas.unique"):
        raise refuse("SCHEMA_ALREADY_EXISTS", f"Schema '{wanted.full_name}' already exists.")
    fields = {**_lowered(body.model_dump()), "owner": session.rights.principal}
    return json_response(200, _maker(session).schema(fields, stored["body"]["catalog_type"]))


@router.route("DELETE", f"{BASE}/schemas/{{full_name}}", "Schemas_Delete", Effect.WRITE)
def delete_schema(cloud: Cloud, request: Request) -> Response:
    """Drops a schema, for its owner or the catalog's; one with tables only by ``force``."""
    allow_query(request, "force")
    force = flag(request, "force")
    session = open_session(cloud, request)
    wanted = full_name_of(request, SCHEMA)
    look_up(session, wanted)
    _need_ownership(session, wanted)
    tables = state.children(cloud, session.metastore_id, wanted)
    if tables and not force and cloud.rules.on("unity_catalog.schemas.not_empty"):
        raise refuse("SCHEMA_NOT_EMPTY", f"Schema '{wanted.full_name}' is not empty; the table count is {len(tables)}.")
    for table in tables:
        _drop(session, Securable(TABLE, table["body"]["full_name"]), "tables")
    _drop(session, wanted, "schemas")
    return json_response(200, {})


@router.route("POST", f"{BASE}/tables", "Tables_Create", Effect.WRITE)
def create_table(cloud: Cloud, request: Request) -> Response:
    """Registers an external Delta table."""
    allow_query(request)
    session = open_session(cloud, request)
    body = parse(request, NewTable)
    schema = Securable(SCHEMA, f"{body.catalog_name}.{body.schema_name}")
    look_up(session, schema)
    _check_creation(session, schema, body.storage_location)
    wanted = Securable(TABLE, f"{schema.full_name}.{_plain(session, body.name)}")
    if state.find(cloud, session.metastore_id, wanted) is not None:
        raise refuse("TABLE_ALREADY_EXISTS", f"Table '{wanted.full_name}' already exists.")
    check_no_table_at(session, body.storage_location)
    fields = {**_lowered(body.model_dump(exclude_none=True)), "owner": session.rights.principal}
    return json_response(200, _maker(session).table(fields))


@router.route("DELETE", f"{BASE}/tables/{{full_name}}", "Tables_Delete", Effect.WRITE)
def delete_table(cloud: Cloud, request: Request) -> Response:
    """Drops a table, for its owner, the schema's or the catalog's."""
    allow_query(request)
    session = open_session(cloud, request)
    wanted = full_name_of(request, TABLE)
    look_up(session, wanted)
    _need_ownership(session, wanted)
    _drop(session, wanted, "tables")
    return json_response(200, {})


@router.route("PATCH", f"{BASE}/tables/{{full_name}}", "Tables_Update", Effect.WRITE)
def update_table(cloud: Cloud, request: Request) -> Response:
    """Changes a table's owner."""
    allow_query(request)
    session = open_session(cloud, request)
    wanted = full_name_of(request, TABLE)
    stored = look_up(session, wanted)
    changes = _changes(session, request)
    if "comment" in changes:
        raise invalid("Only the owner of a table can be changed here.")
    _need_ownership(session, wanted)
    _put(session, wanted, "tables", stored, changes)
    return json_response(200, {})


@router.route("PATCH", f"{BASE}/schemas/{{full_name}}", "Schemas_Update", Effect.WRITE)
def update_schema(cloud: Cloud, request: Request) -> Response:
    """Changes a schema, for its owner; a metastore admin may change the owner."""
    allow_query(request)
    return _update(open_session(cloud, request), request, full_name_of(request, SCHEMA), "schemas")


@router.route("PATCH", f"{BASE}/catalogs/{{name}}", "Catalogs_Update", Effect.WRITE)
def update_catalog(cloud: Cloud, request: Request) -> Response:
    """Changes a catalog, for its owner; a metastore admin may change the owner."""
    allow_query(request)
    return _update(open_session(cloud, request), request, Securable(CATALOG, request.params["name"]), "catalogs")


def _update(session: Session, request: Request, wanted: Securable, table: str) -> Response:
    stored = look_up(session, wanted)
    changes = _changes(session, request)
    by_admin = session.rights.is_metastore_admin and set(changes) == {"owner"}
    may = by_admin or session.rights.owns(wanted)
    if not may and session.cloud.rules.on("unity_catalog.owners.change"):
        raise _not_owner(wanted)
    return json_response(200, _put(session, wanted, table, stored, changes))


def _changes(session: Session, request: Request) -> dict[str, Any]:
    changes = changes_of(parse(request, Changes))
    require_principal(session.cloud, changes.get("owner"))
    return changes


def _put(session: Session, wanted: Securable, table: str, stored: Document, changes: dict[str, Any]) -> Document:
    body: Document = {**stored["body"], **changes, **stamp(session)}
    state.table_of(session.cloud, table)[state.key(session.metastore_id, wanted.full_name)] = {**stored, "body": body}
    return body


def _need(session: Session, parent: Securable, *privileges: str) -> None:
    for privilege in privileges:
        if not session.rights.owns(parent) and not session.rights.holds(privilege, parent):
            raise denied(lacks(privilege, parent))


def _check_creation(session: Session, schema: Securable, url: str) -> None:
    denial = external_access(session.cloud, session.here["host"])
    if denial is not None:
        raise denied(denial)
    missing = session.rights.missing_use(schema)
    if missing is not None:
        raise denied(lacks(*missing))
    _need(session, schema, "CREATE_TABLE")
    location = location_of(session, url)
    for privilege, securable in (
        ("EXTERNAL_USE_SCHEMA", schema),
        ("EXTERNAL_USE_LOCATION", location),
        ("CREATE_EXTERNAL_TABLE", location),
    ):
        if not session.rights.holds(privilege, securable):
            raise denied(lacks(privilege, securable))


def _need_ownership(session: Session, wanted: Securable) -> None:
    """The catalog's owner; the owner of anything below who may pass through what lies above it."""
    for level in wanted.lineage():
        above = level.lineage()[1:]
        if session.rights.owns(level) and (not above or session.rights.uses(above[0])):
            return
    if session.cloud.rules.on("unity_catalog.owners.drop"):
        raise _not_owner(wanted)


def _not_owner(wanted: Securable) -> Exception:
    return refuse("PERMISSION_DENIED", f"User is not an owner of {wanted.kind.title()} '{wanted.full_name}'.")


def _drop(session: Session, wanted: Securable, table: str) -> None:
    del state.table_of(session.cloud, table)[state.key(session.metastore_id, wanted.full_name)]
    state.put_grants(session.cloud, session.metastore_id, wanted, {})
    state.table_of(session.cloud, "tags").pop(state.grants_key(session.metastore_id, wanted), None)


def _maker(session: Session) -> Maker:
    return Maker(session.cloud, session.metastore_id, session.rights.principal)


def _lowered(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with names as Databricks keeps them: in lower case."""
    return {name: value.lower() if name.endswith("name") else value for name, value in fields.items()}


def _refuse_reserved(session: Session, name: str) -> None:
    """Each catalog has the schema of its own metadata; nobody makes or replaces it."""
    if name.lower() == "information_schema" and session.cloud.rules.on("unity_catalog.schemas.reserved"):
        raise invalid(f"'{name}' is a reserved name.")


def _plain(session: Session, name: str) -> str:
    fits = 0 < len(name) <= 255 and not any(letter in "./ " or ord(letter) < 32 for letter in name)
    if not fits and session.cloud.rules.on("unity_catalog.names.plain"):
        raise invalid(f"'{name}' is not a valid name: no periods, slashes, blanks or control characters.")
    return name
