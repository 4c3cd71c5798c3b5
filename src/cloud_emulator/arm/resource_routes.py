"""Subscriptions, resource groups and Databricks workspaces."""

from __future__ import annotations

from cloud_emulator.arm import state
from cloud_emulator.arm.access import permitted
from cloud_emulator.arm.errors import resource_not_found
from cloud_emulator.arm.requests import (
    SKIP_TOKEN,
    allow_query,
    group_scope,
    listing,
    require,
    require_group,
    require_subscription,
)
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request, Response, json_response
from cloud_emulator.core.router import Router

_SUBSCRIPTION = "/subscriptions/{subscriptionId}"
_GROUP = f"{_SUBSCRIPTION}/resourceGroups/{{resourceGroupName}}"
_DATABRICKS = "Microsoft.Databricks/workspaces"
_READ_SUBSCRIPTION = "Microsoft.Resources/subscriptions/read"
_READ_GROUP = "Microsoft.Resources/subscriptions/resourceGroups/read"
router = Router(case_sensitive=False)


@router.route("GET", "/subscriptions", "Subscriptions_List")
def list_subscriptions(cloud: Cloud, request: Request) -> Response:
    """The subscriptions that the caller may read."""
    allow_query(request, SKIP_TOKEN)
    who = request.caller.object_id
    found = [
        each
        for each in state.table_of(cloud, "subscriptions").values()
        if permitted(cloud, who, _READ_SUBSCRIPTION, each["id"])
    ]
    return json_response(200, listing(cloud, request, found))


@router.route("GET", _SUBSCRIPTION, "Subscriptions_Get")
def get_subscription(cloud: Cloud, request: Request) -> Response:
    """One subscription."""
    allow_query(request)
    scope = f"/subscriptions/{request.params['subscriptionId']}"
    require(cloud, request, _READ_SUBSCRIPTION, scope)
    return json_response(200, require_subscription(cloud, scope))


@router.route("GET", f"{_SUBSCRIPTION}/resourceGroups", "ResourceGroups_List")
def list_groups(cloud: Cloud, request: Request) -> Response:
    """The resource groups of a subscription."""
    allow_query(request, SKIP_TOKEN)
    scope = f"/subscriptions/{request.params['subscriptionId']}"
    require(cloud, request, _READ_GROUP, scope)
    found = [
        each
        for each in state.table_of(cloud, "resourceGroups").values()
        if each["id"].lower().startswith(f"{scope.lower()}/")
    ]
    return json_response(200, listing(cloud, request, found))


@router.route("GET", _GROUP, "ResourceGroups_Get")
def get_group(cloud: Cloud, request: Request) -> Response:
    """One resource group."""
    allow_query(request)
    require(cloud, request, _READ_GROUP, group_scope(request))
    return json_response(200, require_group(cloud, request))


@router.route("GET", f"{_SUBSCRIPTION}/providers/{_DATABRICKS}", "DatabricksWorkspaces_ListBySubscription")
def list_workspaces(cloud: Cloud, request: Request) -> Response:
    """The Databricks workspaces of a subscription."""
    return _workspaces(cloud, request, f"/subscriptions/{request.params['subscriptionId']}")


@router.route("GET", f"{_GROUP}/providers/{_DATABRICKS}", "DatabricksWorkspaces_ListByResourceGroup")
def list_workspaces_of_group(cloud: Cloud, request: Request) -> Response:
    """The Databricks workspaces of a resource group."""
    return _workspaces(cloud, request, group_scope(request))


@router.route("GET", f"{_GROUP}/providers/{_DATABRICKS}/{{workspaceName}}", "DatabricksWorkspaces_Get")
def get_workspace(cloud: Cloud, request: Request) -> Response:
    """One Databricks workspace."""
    allow_query(request)
    name = request.params["workspaceName"]
    workspace_id = f"{group_scope(request)}/providers/{_DATABRICKS}/{name}"
    require(cloud, request, f"{_DATABRICKS}/read", workspace_id)
    require_group(cloud, request)
    found = state.table_of(cloud, "databricksWorkspaces").get(workspace_id.lower())
    if found is None:
        raise resource_not_found(_DATABRICKS, name, request.params["resourceGroupName"])
    return json_response(200, found)


def _workspaces(cloud: Cloud, request: Request, scope: str) -> Response:
    allow_query(request, SKIP_TOKEN)
    require(cloud, request, f"{_DATABRICKS}/read", scope)
    if "resourceGroupName" in request.params:
        require_group(cloud, request)
    found = [
        each
        for key, each in state.table_of(cloud, "databricksWorkspaces").items()
        if key.startswith(f"{scope.lower()}/")
    ]
    return json_response(200, listing(cloud, request, found))
