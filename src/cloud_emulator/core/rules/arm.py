"""Rules of Azure Resource Manager."""

from __future__ import annotations

from cloud_emulator.core.rules.model import table

RULES = table(
    """
arm.api_version.required D A request without api-version is 400 MissingApiVersionParameter.
arm.api_version.known D An api-version that the resource type doesn't have is refused.
arm.access.action D What a caller may do is what its roles at the scope or above permit.
arm.access.groups D A role assigned to a group holds for its members.
arm.access.scope D A role holds at its scope and below, not beside it.
arm.roles.guid D A role assignment's name is a GUID.
arm.roles.scope D A role is assigned at a scope that exists.
arm.roles.definition D A role assignment names a role that exists.
arm.roles.object_id E Roles are assigned to object ids; an application id is 400 PrincipalNotFound.
arm.roles.replication D A new principal is unknown for a while, unless the request says its type.
arm.roles.principal_type D A principal type that isn't the principal's is refused.
arm.roles.exists D The same scope, principal and role by another name is 409 RoleAssignmentExists.
arm.roles.delete_absent D Deleting a role assignment that isn't there is 204.
arm.roles.unchangeable D An assignment's scope, principal and role can't be changed.
arm.roles.propagation D A new role assignment takes effect after a while.
arm.network.replaces D Writing networkAcls replaces the whole set of rules: what is left out is gone.
arm.network.most_resources D An account has at most 200 resource instance rules.
arm.network.addresses D IP rules are public IPv4 addresses or ranges.
arm.network.resource_id D A resource instance rule names a resource id and a tenant.
arm.network.bypass D bypass is None, or a list of Logging, Metrics and AzureServices.
arm.network.old_versions I An old api-version neither shows nor takes the newer kinds of rules.
arm.accounts.fixed D An account's location can't be changed.
"""
)
