"""Temporary credentials for the files behind tables and paths, vended to engines outside Databricks."""

from __future__ import annotations

import re
from typing import Any, Literal

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Effect, Request, Response, json_response
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.storage.sas import issue_sas
from cloud_emulator.unity_catalog import state
from cloud_emulator.unity_catalog.access import external_access, lacks, vend
from cloud_emulator.unity_catalog.errors import denied, invalid, refuse
from cloud_emulator.unity_catalog.requests import Body, allow_query, parse
from cloud_emulator.unity_catalog.session import Session, open_session
from cloud_emulator.unity_catalog.state import EXTERNAL_LOCATION, TABLE, Securable

router = Router()
_SECONDS = 3600
_ADLS = re.compile(r"abfss://(?P<container>[^@/]+)@(?P<account>[a-z0-9]+)\.dfs\.core\.windows\.net(?:/(?P<path>.*))?")
_NEEDED = {"PATH_READ": "READ_FILES", "PATH_READ_WRITE": "WRITE_FILES", "PATH_CREATE_TABLE": "CREATE_EXTERNAL_TABLE"}


class TableRequest(Body):
    """Credentials for one table."""

    table_id: str
    operation: Literal["READ", "READ_WRITE"]


class PathRequest(Body):
    """Credentials for one path of an external location."""

    url: str
    operation: Literal["PATH_READ", "PATH_READ_WRITE", "PATH_CREATE_TABLE"]
    dry_run: bool = False


@router.route(
    "POST",
    "/api/2.0/unity-catalog/temporary-table-credentials",
    "TemporaryTableCredentials_GenerateTemporaryTableCredentials",
    Effect.AUTH,
)
def table_credentials(cloud: Cloud, request: Request) -> Response:
    """A shared access signature for a table's folder."""
    allow_query(request)
    session = open_session(cloud, request)
    body = parse(request, TableRequest)
    found = state.table_of(cloud, "tables").first("table_id", body.table_id)
    if found is None or found["body"]["metastore_id"] != session.metastore_id:
        raise refuse("TABLE_DOES_NOT_EXIST", f"Table with id '{body.table_id}' does not exist.")
    table = found["body"]
    denial = vend(cloud, session.here["host"], session.rights.principal, table["full_name"])
    if denial is not None:
        raise denied(denial)
    if body.operation == "READ_WRITE":
        _check_write(session, table)
    return json_response(200, _credentials(cloud, table["storage_location"], write=body.operation == "READ_WRITE"))


@router.route(
    "POST",
    "/api/2.0/unity-catalog/temporary-path-credentials",
    "TemporaryPathCredentials_GenerateTemporaryPathCredentials",
    Effect.AUTH,
)
def path_credentials(cloud: Cloud, request: Request) -> Response:
    """A shared access signature for a path of an external location."""
    allow_query(request)
    session = open_session(cloud, request)
    body = parse(request, PathRequest)
    denial = external_access(cloud, session.here["host"])
    if denial is not None:
        raise denied(denial)
    location = location_of(session, body.url)
    for privilege in ("EXTERNAL_USE_LOCATION", _NEEDED[body.operation]):
        held = session.rights.holds(privilege, location)
        if not held and cloud.rules.on("unity_catalog.credentials.location"):
            raise denied(lacks(privilege, location))
    _check_tables_at(session, body.url)
    if body.dry_run:
        return json_response(200, {})
    return json_response(200, _credentials(cloud, body.url, write=body.operation != "PATH_READ"))


def location_of(session: Session, url: str) -> Securable:
    """The external location that holds a path."""
    if {".", ".."} & set(url.split("/")):
        raise invalid(f"'{url}' has dotted segments.")
    found = state.table_of(session.cloud, "externalLocations").by("metastore_id", session.metastore_id)
    holding = [each["body"] for each in found if _lies_in(url, each["body"]["url"])]
    if not holding:
        raise refuse("EXTERNAL_LOCATION_DOES_NOT_EXIST", f"No external location holds '{url}'.")
    return Securable(EXTERNAL_LOCATION, max(holding, key=lambda each: len(each["url"]))["name"])


def _check_write(session: Session, table: Document) -> None:
    securable = Securable(TABLE, table["full_name"])
    if table["table_type"] == "MANAGED" and session.cloud.rules.on("unity_catalog.credentials.managed"):
        raise invalid(f"Managed table '{table['full_name']}' can't be written from outside Databricks.")
    modifies = session.rights.owns(securable) or session.rights.holds("MODIFY", securable)
    if not modifies and session.cloud.rules.on("unity_catalog.credentials.modify"):
        raise denied(lacks("MODIFY", securable))


def _check_tables_at(session: Session, url: str) -> None:
    """A path that touches tables needs what the tables need, and none of them may be managed."""
    for each in state.table_of(session.cloud, "tables").values():
        table = each["body"]
        place = table.get("storage_location")
        if place is None or table["metastore_id"] != session.metastore_id:
            continue
        if not (_lies_in(url, place) or _lies_in(place, url)):
            continue
        if table["table_type"] == "MANAGED" and session.cloud.rules.on("unity_catalog.credentials.overlap"):
            raise invalid(f"'{url}' overlaps the managed table '{table['full_name']}'.")
        schema = Securable(TABLE, table["full_name"]).lineage()[1]
        if not session.rights.holds("EXTERNAL_USE_SCHEMA", schema):
            raise denied(lacks("EXTERNAL_USE_SCHEMA", schema))


def check_no_table_at(session: Session, url: str) -> None:
    """A table's folder lies in no other table's, nor the reverse. Refused with the error class LOCATION_OVERLAP."""
    for each in state.table_of(session.cloud, "tables").values():
        place = each["body"].get("storage_location")
        overlaps = place is not None and (_lies_in(url, place) or _lies_in(place, url))
        if overlaps and session.cloud.rules.on("unity_catalog.tables.overlap"):
            raise invalid(f"[LOCATION_OVERLAP] '{url}' overlaps the table '{each['body']['full_name']}'.")


def _lies_in(url: str, folder: str) -> bool:
    return f"{url.rstrip('/')}/".startswith(f"{folder.rstrip('/')}/")


def _credentials(cloud: Cloud, url: str, *, write: bool) -> dict[str, Any]:
    parts = _ADLS.fullmatch(url)
    if parts is None:
        raise invalid(f"'{url}' is not in Azure Data Lake Storage.")
    permissions = "racwdl" if write else "rl"
    sas = issue_sas(cloud, parts["account"], parts["container"], parts["path"] or "", permissions, _SECONDS)
    return {
        "azure_user_delegation_sas": {"sas_token": sas},
        "expiration_time": int((cloud.clock.time() + _SECONDS) * 1000),
        "url": url,
    }
