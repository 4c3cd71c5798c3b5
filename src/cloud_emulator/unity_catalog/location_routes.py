"""External locations and storage credentials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request, Response, json_response
from cloud_emulator.core.router import Router
from cloud_emulator.unity_catalog import state
from cloud_emulator.unity_catalog.catalog_routes import BASE
from cloud_emulator.unity_catalog.errors import refuse
from cloud_emulator.unity_catalog.requests import PAGING, allow_query, cut, flag, listing, page_length
from cloud_emulator.unity_catalog.session import Session, open_session
from cloud_emulator.unity_catalog.state import EXTERNAL_LOCATION, STORAGE_CREDENTIAL, Securable

router = Router()


@router.route("GET", f"{BASE}/external-locations", "ExternalLocations_List")
def list_locations(cloud: Cloud, request: Request) -> Response:
    """The external locations on which the caller holds anything."""
    allow_query(request, "include_browse", "include_unbound", *PAGING)
    flag(request, "include_browse")
    flag(request, "include_unbound")
    return _list(cloud, request, EXTERNAL_LOCATION, "externalLocations", "external_locations")


@router.route("GET", f"{BASE}/external-locations/{{name}}", "ExternalLocations_Get")
def get_location(cloud: Cloud, request: Request) -> Response:
    """One external location."""
    allow_query(request, "include_browse")
    flag(request, "include_browse")
    return json_response(200, _one(open_session(cloud, request), EXTERNAL_LOCATION, request.params["name"]))


@router.route("GET", f"{BASE}/storage-credentials", "StorageCredentials_List")
def list_storage_credentials(cloud: Cloud, request: Request) -> Response:
    """The storage credentials on which the caller holds anything."""
    allow_query(request, "include_unbound", *PAGING)
    flag(request, "include_unbound")
    return _list(cloud, request, STORAGE_CREDENTIAL, "storageCredentials", "storage_credentials")


@router.route("GET", f"{BASE}/storage-credentials/{{name}}", "StorageCredentials_Get")
def get_storage_credential(cloud: Cloud, request: Request) -> Response:
    """One storage credential."""
    allow_query(request)
    return json_response(200, _one(open_session(cloud, request), STORAGE_CREDENTIAL, request.params["name"]))


@router.route("GET", f"{BASE}/credentials", "Credentials_ListCredentials")
def list_credentials(cloud: Cloud, request: Request) -> Response:
    """Credentials of every purpose; here all are for storage."""
    allow_query(request, "purpose", "include_unbound", *PAGING)
    flag(request, "include_unbound")
    if request.query.get("purpose", "STORAGE") == "SERVICE":
        return json_response(200, {})
    return _list(cloud, request, STORAGE_CREDENTIAL, "storageCredentials", "credentials", purpose="STORAGE")


@router.route("GET", f"{BASE}/credentials/{{name}}", "Credentials_GetCredential")
def get_credential(cloud: Cloud, request: Request) -> Response:
    """One credential."""
    allow_query(request)
    found = _one(open_session(cloud, request), STORAGE_CREDENTIAL, request.params["name"])
    return json_response(200, {**found, "purpose": "STORAGE"})


def _list(cloud: Cloud, request: Request, kind: str, table: str, name: str, **more: str) -> Response:
    session = open_session(cloud, request)
    found = state.table_of(cloud, table).by("metastore_id", session.metastore_id)
    part, rest = cut(request, found, page_length(cloud, request, 100))
    shown = [{**each["body"], **more} for each in part if _holds_any(session, Securable(kind, each["body"]["name"]))]
    return json_response(200, listing(name, shown, rest))


def _one(session: Session, kind: str, name: str) -> Mapping[str, Any]:
    securable = Securable(kind, name)
    found = state.find(session.cloud, session.metastore_id, securable)
    what = kind.replace("_", " ").title()
    if found is None:
        raise refuse(f"{kind}_DOES_NOT_EXIST", f"{what} '{name}' does not exist.")
    if not _holds_any(session, securable):
        raise refuse("PERMISSION_DENIED", f"User does not have any privilege on {what} '{name}'.")
    return state.body(found)


def _holds_any(session: Session, securable: Securable) -> bool:
    rights = session.rights
    granted = state.grants_on(session.cloud, session.metastore_id, securable)
    return rights.is_metastore_admin or rights.owns(securable) or not rights.names.isdisjoint(granted)
