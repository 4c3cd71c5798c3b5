"""What Azure refuses of role assignments."""

from __future__ import annotations

import re

from cloud_emulator.arm import state
from cloud_emulator.arm.builtin_roles import ROLES_BY_GUID, BuiltInRole
from cloud_emulator.arm.errors import refuse
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.store import Document
from cloud_emulator.storage.files import container

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_ROLE_ID = re.compile(
    r"(?:/subscriptions/([0-9a-f-]{36}))?/providers/Microsoft\.Authorization/roleDefinitions/([0-9a-f-]{36})",
    re.IGNORECASE,
)


def require_guid(cloud: Cloud, name: str) -> None:
    """The name of a role assignment must be a GUID."""
    if cloud.rules.on("arm.roles.guid") and not _GUID.fullmatch(name):
        raise refuse(
            400,
            "InvalidRoleAssignmentId",
            f"The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID.",
        )


def require_scope(cloud: Cloud, scope: str) -> None:
    """The scope must exist: a subscription, resource group, storage account, container or Databricks workspace."""
    folded = state.fold(scope)
    parts = folded.strip("/").split("/")
    known = (
        (len(parts) == 2 and parts[1] in state.table_of(cloud, "subscriptions"))
        or folded in state.table_of(cloud, "resourceGroups")
        or folded in state.table_of(cloud, "databricksWorkspaces")
        or _is_storage(cloud, folded, parts)
    )
    if not known and cloud.rules.on("arm.roles.scope"):
        raise refuse(404, "ResourceNotFound", f"The resource at scope '{scope}' was not found.")


def _is_storage(cloud: Cloud, scope: str, parts: list[str]) -> bool:
    if len(parts) < 8 or parts[5:7] != ["microsoft.storage", "storageaccounts"]:
        return False
    account = state.account(cloud, parts[7])
    if account is None or not scope.startswith(account["id"].lower()):
        return False
    if len(parts) == 8:
        return True
    is_container = len(parts) == 12 and parts[8:11] == ["blobservices", "default", "containers"]
    return is_container and container(cloud, parts[7], parts[11]) is not None


def require_role(cloud: Cloud, role_definition_id: str, scope: str) -> BuiltInRole:
    """The built-in role of that definition id: the tenant's, or that of the subscription in which the scope lies."""
    parts = _ROLE_ID.fullmatch(role_definition_id)
    elsewhere = parts is not None and parts[1] is not None and parts[1].lower() not in scope.lower()
    if parts is None or elsewhere:
        raise refuse(400, "InvalidRoleDefinitionId", f"The role definition ID '{role_definition_id}' is not valid.")
    found = ROLES_BY_GUID.get(parts[2].lower())
    if found is None and not cloud.rules.on("arm.roles.definition"):
        return next(iter(ROLES_BY_GUID.values()))
    if found is None:
        raise refuse(
            404, "RoleDefinitionDoesNotExist", f"The specified role definition with ID '{parts[2]}' does not exist."
        )
    return found


def require_principal(cloud: Cloud, principal_id: str, principal_type: str | None) -> Document:
    """The principal of that object id. An application id names nobody.

    A new principal is unknown for a while, unless the request says its type; a wrong type is refused.
    """
    found = cloud.directory.by_object_id(principal_id)
    if found is None and not cloud.rules.on("arm.roles.object_id"):
        found = cloud.directory.by_app_id(principal_id)
    if found is None or (principal_type is None and _is_too_new(cloud, found)):
        tenant = cloud.directory.tenant_id
        raise refuse(
            400,
            "PrincipalNotFound",
            f"Principal {principal_id.replace('-', '')} does not exist in the directory {tenant}. "
            "Check that you have the correct principal ID. If you are creating this principal and then immediately "
            "assigning a role, this error might be related to a replication delay. In this case, set the role "
            "assignment principalType property to a value, such as ServicePrincipal, User, or Group.",
        )
    if principal_type not in (None, found["type"]) and cloud.rules.on("arm.roles.principal_type"):
        raise refuse(
            400,
            "UnmatchedPrincipalType",
            f"The PrincipalId '{principal_id}' has type '{found['type']}', which is different from '{principal_type}'.",
        )
    return found


def _is_too_new(cloud: Cloud, principal: Document) -> bool:
    created = principal.get("createdAt")
    if created is None or not cloud.rules.on("arm.roles.replication"):
        return False
    return bool(cloud.clock.time() < created + cloud.behaviour.principal_replication_seconds)


def by_name(cloud: Cloud, name: str) -> Document | None:
    """The role assignment of that name, at whatever scope: names are unique in the tenant."""
    table = state.table_of(cloud, "roleAssignments")
    return next((each for each in table.values() if each["body"]["name"].lower() == name.lower()), None)


def require_unchanged(cloud: Cloud, held: Document, scope: str, principal_id: str, role: BuiltInRole) -> None:
    """An assignment's scope, principal and role can't be changed."""
    wanted = (state.fold(scope), principal_id.lower(), role.guid)
    same = (held["scope"], held["principalId"], held["roleId"]) == wanted
    if not same and cloud.rules.on("arm.roles.unchangeable"):
        raise refuse(
            400,
            "RoleAssignmentUpdateNotPermitted",
            "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
        )


def require_new_triple(cloud: Cloud, scope: str, principal_id: str, role: BuiltInRole) -> None:
    """One assignment for each scope, principal and role."""
    for each in state.table_of(cloud, "roleAssignments").by("principalId", principal_id.lower()):
        same = each["scope"] == state.fold(scope) and each["roleId"] == role.guid
        if same and cloud.rules.on("arm.roles.exists"):
            existing = each["body"]["name"].replace("-", "")
            raise refuse(
                409,
                "RoleAssignmentExists",
                f"The role assignment already exists. The ID of the existing role assignment is {existing}.",
            )
