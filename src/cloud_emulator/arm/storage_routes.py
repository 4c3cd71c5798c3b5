"""Storage accounts and their blob containers, as Azure resources."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from cloud_emulator.arm import network_rules, state
from cloud_emulator.arm.errors import refuse, resource_not_found
from cloud_emulator.arm.requests import (
    SKIP_TOKEN,
    Body,
    allow_query,
    group_scope,
    listing,
    parse,
    require,
    require_group,
)
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Effect, Request, Response, json_response
from cloud_emulator.core.router import Router
from cloud_emulator.core.store import Document
from cloud_emulator.storage import files, leases

_TYPE = "Microsoft.Storage/storageAccounts"
_SUBSCRIPTION = "/subscriptions/{subscriptionId}"
_GROUP = f"{_SUBSCRIPTION}/resourceGroups/{{resourceGroupName}}"
_ACCOUNT = f"{_GROUP}/providers/{_TYPE}/{{accountName}}"
_CONTAINERS = f"{_ACCOUNT}/blobServices/default/containers"
router = Router(case_sensitive=False)


class Properties(Body):
    """What may be changed of an account here."""

    network_acls: network_rules.NetworkAcls | None = None
    public_network_access: Literal["Enabled", "Disabled", "SecuredByPerimeter"] | None = None
    allow_blob_public_access: bool | None = None
    allow_shared_key_access: bool | None = None
    minimum_tls_version: Literal["TLS1_0", "TLS1_1", "TLS1_2", "TLS1_3"] | None = None
    supports_https_traffic_only: bool | None = None


class Update(Body):
    """A change of an account (PATCH)."""

    properties: Properties = Properties()
    tags: dict[Annotated[str, Field(max_length=128)], Annotated[str, Field(max_length=256)]] | None = Field(
        None, max_length=15
    )


class Sku(Body):
    """Redundancy and performance."""

    name: str
    tier: str | None = None


class Replacement(Update):
    """An account as a whole (PUT); only for one that exists."""

    location: str
    kind: str
    sku: Sku


@router.route("GET", f"{_SUBSCRIPTION}/providers/{_TYPE}", "StorageAccounts_List")
def list_accounts(cloud: Cloud, request: Request) -> Response:
    """The accounts of a subscription."""
    return _list(cloud, request, f"/subscriptions/{request.params['subscriptionId']}")


@router.route("GET", f"{_GROUP}/providers/{_TYPE}", "StorageAccounts_ListByResourceGroup")
def list_accounts_of_group(cloud: Cloud, request: Request) -> Response:
    """The accounts of a resource group."""
    return _list(cloud, request, group_scope(request))


@router.route("GET", _ACCOUNT, "StorageAccounts_GetProperties")
def get_account(cloud: Cloud, request: Request) -> Response:
    """One account, its network rules as the api-version shows them."""
    allow_query(request)
    found = _account(cloud, request, "read")
    return json_response(200, network_rules.shown(cloud, found, request.query["api-version"]))


@router.route("PATCH", _ACCOUNT, "StorageAccounts_Update", Effect.WRITE)
def update_account(cloud: Cloud, request: Request) -> Response:
    """Changes what the body names; network rules are replaced as a whole."""
    allow_query(request)
    found = _account(cloud, request, "write")
    return _write(cloud, request, found, parse(request, Update))


@router.route("PUT", _ACCOUNT, "StorageAccounts_Create", Effect.WRITE)
def put_account(cloud: Cloud, request: Request) -> Response:
    """Changes an account that exists; its location, kind and redundancy must be given as they are."""
    allow_query(request)
    found = _account(cloud, request, "write")
    wanted = parse(request, Replacement)
    moved = wanted.location.lower().replace(" ", "") != found["location"]
    if moved and cloud.rules.on("arm.accounts.fixed"):
        raise refuse(
            409, "InvalidResourceLocation", f"The resource '{found['name']}' already exists in '{found['location']}'."
        )
    if (wanted.kind, wanted.sku.name) != (found["kind"], found["sku"]["name"]):
        raise refuse(501, "NotImplemented", "The emulator can't change an account's kind or redundancy.")
    return _write(cloud, request, found, wanted)


@router.route("GET", _CONTAINERS, "BlobContainers_List")
def list_containers(cloud: Cloud, request: Request) -> Response:
    """The containers of an account."""
    allow_query(request, SKIP_TOKEN)
    account = _account(cloud, request, "blobServices/containers/read")
    found: list[Document] = [_container(cloud, account, each) for each in files.containers(cloud, account["name"])]
    return json_response(200, listing(cloud, request, found))


@router.route("GET", f"{_CONTAINERS}/{{containerName}}", "BlobContainers_Get")
def get_container(cloud: Cloud, request: Request) -> Response:
    """One container."""
    allow_query(request)
    name = request.params["containerName"]
    account = _account(cloud, request, "blobServices/containers/read", container=name)
    found = files.container(cloud, account["name"], name)
    if found is None:
        raise refuse(404, "ContainerNotFound", f"The specified container does not exist: '{name}'.")
    return json_response(200, _container(cloud, account, found))


def _list(cloud: Cloud, request: Request, scope: str) -> Response:
    allow_query(request, SKIP_TOKEN)
    require(cloud, request, f"{_TYPE}/read", scope)
    if "resourceGroupName" in request.params:
        require_group(cloud, request)
    api_version = request.query["api-version"]
    found = [
        network_rules.shown(cloud, each, api_version)
        for each in state.table_of(cloud, "storageAccounts").values()
        if each["id"].lower().startswith(f"{scope.lower()}/")
    ]
    return json_response(200, listing(cloud, request, found))


def _account(cloud: Cloud, request: Request, what: str, *, container: str | None = None) -> Document:
    """The account that the path names, for callers who may do ``what`` with it."""
    name = request.params["accountName"]
    account_id = f"{group_scope(request)}/providers/{_TYPE}/{name}"
    scope = account_id if container is None else state.container_scope(account_id, container)
    require(cloud, request, f"{_TYPE}/{what}", scope)
    require_group(cloud, request)
    found = state.account(cloud, name)
    if found is None or found["id"].lower() != account_id.lower():
        raise resource_not_found(_TYPE, name, request.params["resourceGroupName"])
    return found


def _write(cloud: Cloud, request: Request, found: Document, wanted: Update) -> Response:
    api_version = request.query["api-version"]
    changes: dict[str, Any] = wanted.properties.model_dump(by_alias=True, exclude_none=True, exclude={"network_acls"})
    if wanted.properties.public_network_access is not None:
        network_rules.check_public_access(cloud, api_version)
    if wanted.properties.network_acls is not None:
        before = found["properties"]["networkAcls"]
        after = network_rules.written(cloud, wanted.properties.network_acls, api_version)
        changes["networkAcls"] = after if cloud.rules.on("arm.network.replaces") else before | _given(after)
    account = {**found, "properties": {**found["properties"], **changes}}
    if wanted.tags is not None:
        account["tags"] = wanted.tags
    state.table_of(cloud, "storageAccounts")[found["name"]] = account
    return json_response(200, network_rules.shown(cloud, account, api_version))


def _given(acls: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in acls.items() if value}


def _container(cloud: Cloud, account: Document, container: Document) -> dict[str, Any]:
    modified = datetime.fromtimestamp(container["modified"], UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    leased = {f"l{name[1:]}": text.capitalize() for name, text in leases.told(cloud, container).items()}
    properties = {
        "publicAccess": "None", **leased, "lastModifiedTime": modified,
        "hasImmutabilityPolicy": False, "hasLegalHold": False, "deleted": False, "remainingRetentionDays": 0,
        "defaultEncryptionScope": "$account-encryption-key", "denyEncryptionScopeOverride": False,
    }  # fmt: skip
    return {
        "id": state.container_scope(account["id"], container["name"]),
        "name": container["name"],
        "type": f"{_TYPE}/blobServices/containers",
        "etag": container["etag"],
        "properties": properties,
    }
