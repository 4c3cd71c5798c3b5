"""Remedies good enough to be pasted: the exact SQL or Azure CLI command, and the same as a request.

Names of paths, tables and principals are other people's: whatever is in them stays within its quotes.

Addresses are those of the cloud that the spec's Databricks workspace is in. Fabric's own outside the public cloud isn't
documented with the API: there it is the one that the settings name.
"""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import quote, urlsplit

from unity_mirror.models.azure_clouds import PUBLIC, AzureCloud, cloud_of
from unity_mirror.models.identity import Identity
from unity_mirror.models.storage import Acl, StorageUrl
from unity_mirror.models.unity_catalog import MetastoreSummary
from unity_mirror.plan.model import Remedy, RestCall
from unity_mirror.plan.ownership import role_assignment_name
from unity_mirror.spec import CatalogSpec, ConnectionShare
from unity_mirror.steps.context import Context

STORAGE_VERSION = "2023-11-03"
US = "<application id of the identity that runs unity-mirror>"


def cloud_for(context: Context) -> AzureCloud:
    """The cloud of the spec's Databricks workspace, with Fabric's address as far as it is known."""
    cloud = cloud_of(urlsplit(context.spec.databricks.workspace).hostname or "") or PUBLIC
    return cloud if cloud.fabric else replace(cloud, fabric=context.clients.fabric.base_url)


def _az(cloud: AzureCloud, *commands: str) -> tuple[str, ...]:
    """The Azure CLI's commands; it has to be told of another cloud than the public one first."""
    return commands if cloud.key == PUBLIC.key else (f"az cloud set --name {cloud.cli}", *commands)


def sql_name(*parts: str) -> str:
    """A name as Databricks SQL takes it, whatever signs are in it."""
    return ".".join(f"`{part.replace('`', '``')}`" for part in parts)


def _shell(text: str) -> str:
    """One word for a POSIX shell. Always in quotes, unlike ``shlex.quote``: so do people write these commands."""
    return "'" + text.replace("'", "'\"'\"'") + "'"


def enable_external_access(spec: CatalogSpec, metastore: MetastoreSummary) -> Remedy:
    """Turning on external data access, which a metastore admin may."""
    path = f"/api/2.1/unity-catalog/metastores/{metastore.metastore_id}"
    return Remedy(
        "A metastore admin enables external data access on the metastore (Catalog Explorer, gear icon), or runs:",
        (f"databricks metastores update {metastore.metastore_id} --json '{{\"external_access_enabled\": true}}'",),
        (RestCall("databricks", "PATCH", f"{spec.databricks.workspace}{path}", {"external_access_enabled": True}),),
    )


def grant(
    spec: CatalogSpec, kind: str, full_name: str, principal: str, privilege: str, *, calls: bool = True
) -> Remedy:
    """A Unity Catalog grant; EXTERNAL USE SCHEMA only the catalog's owner can give. ``calls``: as a request, too."""
    path = f"{kind.lower()}/{quote(full_name, safe='')}"
    url = f"{spec.databricks.workspace}/api/2.1/unity-catalog/permissions/{path}"
    body = {"changes": [{"principal": principal, "add": [privilege.replace(" ", "_")]}]}
    return Remedy(
        "The catalog's owner runs as SQL:",
        (f"GRANT {privilege} ON {kind} {sql_name(*full_name.split('.'))} TO {sql_name(principal)};",),
        (RestCall("databricks", "PATCH", url, body),) if calls else (),
    )


def assign_role(scope: str, principal_id: str, role_id: str, role: str, cloud: AzureCloud = PUBLIC) -> Remedy:
    """An Azure role assignment, under the name that we would give it."""
    name = role_assignment_name(scope, principal_id, role_id)
    subscription = "/".join(scope.split("/")[:3])
    properties = {
        "roleDefinitionId": f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role_id}",
        "principalId": principal_id,
        "principalType": "ServicePrincipal",
    }
    url = f"{cloud.arm}{scope}/providers/Microsoft.Authorization/roleAssignments/{name}?api-version=2022-04-01"
    command = (
        f"az role assignment create --name {name} --role {_shell(role)} --scope {_shell(scope)} "
        f"--assignee-object-id {principal_id} --assignee-principal-type ServicePrincipal"
    )
    text = "Someone who may assign roles on the storage account (Owner, User Access Administrator) runs:"
    return Remedy(text, _az(cloud, command), (RestCall("arm", "PUT", url, {"properties": properties}),))


def give_us_role(scope: str, us: Identity, role: str, cloud: AzureCloud = PUBLIC) -> Remedy:
    """An Azure role for the identity that runs unity-mirror. Under a name of its own: it isn't ours to take away."""
    kind = "ServicePrincipal" if us.app_id else "User"
    command = (
        f"az role assignment create --role {_shell(role)} --scope {_shell(scope)} "
        f"--assignee-object-id {us.object_id} --assignee-principal-type {kind}"
    )
    text = (
        f"An owner of the account gives us the role {role}, or an administrator does in our place what "
        "`unity-mirror plan --remedies FILE` writes down. The owner runs:"
    )
    return Remedy(text, _az(cloud, command))


def set_acl(place: StorageUrl, path: str, acl: Acl, object_id: str, entries: str, *, recursive: bool) -> Remedy:
    """An ACL change, merged on one path, or on a folder and all that is below it."""
    action = "update-recursive" if recursive else "set"
    value = entries if recursive else acl.format()
    command = (
        f"az storage fs access {action} --account-name {place.account} --file-system {place.container} "
        f"--path {_shell(path or '/')} --acl {_shell(value)} --auth-mode login"
    )
    url = f"https://{place.host}/{quote(f'{place.container}/{path}')}"
    query = "action=setAccessControlRecursive&mode=modify" if recursive else "action=setAccessControl"
    call = RestCall("storage", "PATCH", f"{url}?{query}", headers={"x-ms-version": STORAGE_VERSION, "x-ms-acl": value})
    text = f"The owner of {place.container}/{path} or a Storage Blob Data Owner gives {object_id} access:"
    return Remedy(text, _az(cloud_of(place.host) or PUBLIC, command), (call,))


def grant_folder(place: StorageUrl, principal: str) -> Remedy:
    """Access to a folder by someone whose machine reaches the account, where we can't even read the lists."""
    where = f"--file-system {place.container} --account-name {place.account} --auth-mode login"
    shown = [f"az storage fs access show --path {_shell(path or '/')} {where}" for path in place.parents()]
    entries = f"user:{principal}:r-x,default:user:{principal}:r-x"
    below = f"az storage fs access update-recursive --acl {_shell(entries)} --path {_shell(place.folder)} {where}"
    return Remedy(
        f"A Storage Blob Data Owner whose machine reaches the account adds user:{principal}:--x to each list that the "
        "first commands show (az storage fs access set, the whole list with it), then runs the last; or a storage "
        "administrator admits the address of the machine that runs unity-mirror, which then does it.",
        _az(cloud_of(place.host) or PUBLIC, *shown, below),
    )


def add_network_rule(
    account_id: str, tenant_id: str, resource_id: str, merged: dict[str, object], cloud: AzureCloud = PUBLIC
) -> Remedy:
    """The resource instance rule of trusted workspace access; ``merged`` is the account's whole networkAcls with it."""
    group, name = account_id.split("/")[4], account_id.rsplit("/", 1)[-1]
    command = (
        f"az storage account network-rule add --resource-group {group} --account-name {name} "
        f"--tenant-id {tenant_id} --resource-id {resource_id}"
    )
    url = f"{cloud.arm}{account_id}?api-version=2025-06-01"
    call = RestCall("arm", "PATCH", url, {"properties": {"networkAcls": merged}})
    text = "Someone who may write the storage account (Storage Account Contributor) runs:"
    return Remedy(text, _az(cloud, command), (call,))


def provision_identity(workspace_id: str, cloud: AzureCloud = PUBLIC) -> Remedy:
    """A workspace identity, which a workspace admin makes."""
    url = f"{cloud.fabric}/workspaces/{workspace_id}/provisionIdentity"
    return Remedy(
        "A workspace admin creates the workspace identity (workspace settings, Workspace identity), or runs:",
        _az(cloud, _az_rest("post", url)),
        (RestCall("fabric", "POST", url),),
    )


def add_contributor(
    workspace_id: str, principal_id: str, cloud: AzureCloud = PUBLIC, assignment_id: str | None = None
) -> Remedy:
    """The Contributor role on the workspace, which a workspace admin or member gives; ``assignment_id`` is that of a
    lower one which is held, and which admins change."""
    url = f"{cloud.fabric}/workspaces/{workspace_id}/roleAssignments"
    body: dict[str, object] = {"principal": {"id": principal_id, "type": "ServicePrincipal"}, "role": "Contributor"}
    method = "POST"
    if assignment_id is not None:
        url, body, method = f"{url}/{assignment_id}", {"role": "Contributor"}, "PATCH"
    return Remedy(
        "A workspace admin makes the identity Contributor (Manage access), or runs:",
        _az(cloud, f"{_az_rest(method.lower(), url)} --body {_shell(json.dumps(body))}"),
        (RestCall("fabric", method, url, body),),
    )


def share_connection(
    connection_id: str, share: ConnectionShare, cloud: AzureCloud = PUBLIC, assignment_id: str | None = None
) -> Remedy:
    """A role on a connection, which its owner gives; ``assignment_id`` is that of a lower one which is held."""
    url = f"{cloud.fabric}/connections/{connection_id}/roleAssignments"
    body: dict[str, object] = {"principal": {"id": share.id, "type": share.type}, "role": share.role}
    method = "POST"
    if assignment_id is not None:
        url, body, method = f"{url}/{assignment_id}", {"role": share.role}, "PATCH"
    return Remedy(
        f"The connection's owner gives {share.id} the role {share.role} (Manage connections and gateways), or runs:",
        _az(cloud, f"{_az_rest(method.lower(), url)} --body {_shell(json.dumps(body))}"),
        (RestCall("fabric", method, url, body),),
    )


def _az_rest(method: str, url: str) -> str:
    return f"az rest --method {method} --resource https://api.fabric.microsoft.com --url {url}"


def admit_us(spec: CatalogSpec) -> Remedy:
    """Letting our own machine through a storage firewall."""
    account_id = spec.storage.resource_id if spec.storage else None
    cloud = (cloud_of(spec.storage.location.host) if spec.storage else None) or PUBLIC
    group, name = (account_id.split("/")[4], account_id.rsplit("/", 1)[-1]) if account_id else ("<group>", "<account>")
    command = (
        f"az storage account network-rule add --resource-group {group} --account-name {name} "
        "--ip-address <public address of the machine that runs unity-mirror>"
    )
    text = "A storage administrator admits the address of the machine that runs unity-mirror:"
    return Remedy(text, _az(cloud, command))
