"""The prerequisites of one catalog, each judged from what the survey read. Rows of the tutorial in brackets."""

from __future__ import annotations

from collections.abc import Sequence

from unity_mirror.models.arm import DatabricksWorkspace, StorageAccount
from unity_mirror.models.fabric import Capacity, Gateway, Workspace
from unity_mirror.models.unity_catalog import MetastoreSummary, Table
from unity_mirror.plan.model import Check, Outcome, Remedy, Scope, ScopeKind
from unity_mirror.plan.selection import SchemaView, location_of
from unity_mirror.spec import CatalogSpec, WorkspaceIdentityAuth
from unity_mirror.steps import remedies
from unity_mirror.steps.surroundings import common_folder


def external_data_access(spec: CatalogSpec, metastore: MetastoreSummary) -> Check:
    """External data access is on for the metastore (S1)."""
    enabled = metastore.external_access_enabled
    outcome = {True: Outcome.PASSED, False: Outcome.FAILED, None: Outcome.UNKNOWN}[enabled]
    evidence = {
        True: f"external_access_enabled is true on metastore {metastore.name or metastore.metastore_id}",
        False: f"external_access_enabled is false on metastore {metastore.name or metastore.metastore_id}",
        None: "the server's metastore_summary doesn't tell external_access_enabled",
    }[enabled]
    return Check(
        "external_data_access",
        "External data access is enabled on the metastore",
        _catalog(spec),
        outcome,
        evidence,
        None if enabled else remedies.enable_external_access(spec, metastore),
    )


def external_use_schema(spec: CatalogSpec, view: SchemaView, principal: str | None) -> Check:
    """EXTERNAL USE SCHEMA for the connecting principal on one schema, itself or through its catalog (S3).

    Unknown where only a group holds it and nobody lets us look who is in that.
    """
    scope = Scope(ScopeKind.SCHEMA, view.schema.name)
    title = "The connecting principal has EXTERNAL USE SCHEMA"
    if principal is None:
        return Check("external_use_schema", title, scope, Outcome.UNKNOWN, _UNKNOWN_PRINCIPAL, _NAME_PRINCIPAL)
    if view.privileges is None:
        evidence = f"Unity Catalog doesn't tell the identity that runs unity-mirror what {principal} holds"
        remedy = remedies.grant(spec, "CATALOG", spec.catalog, remedies.US, "MANAGE", calls=False)
        return Check("external_use_schema", title, scope, Outcome.UNKNOWN, evidence, remedy)
    if view.privileges.has("EXTERNAL USE SCHEMA"):
        return Check(
            "external_use_schema", title, scope, Outcome.PASSED, f"{principal} holds it on {view.schema.full_name}"
        )
    evidence = f"{principal} holds it neither on {view.schema.full_name} nor on its catalog"
    possible = view.privileges.may_have("EXTERNAL USE SCHEMA")
    if possible:
        evidence += "; a group holds it, and only admins of the Databricks workspace may look up who is in that"
    return Check(
        "external_use_schema",
        title,
        scope,
        Outcome.UNKNOWN if possible else Outcome.FAILED,
        evidence,
        remedies.grant(spec, "SCHEMA", view.schema.full_name, principal, "EXTERNAL USE SCHEMA"),
    )


def capacity_runs(spec: CatalogSpec, workspace: Workspace, capacity: Capacity | None) -> Check:
    """The workspace is on a capacity that runs (S16)."""
    title = "The Fabric workspace is on a running capacity"
    portal = Remedy(
        f"Assign workspace {workspace.display_name!r} to a running F capacity (workspace settings, License)."
    )
    if workspace.capacity_id is None:
        evidence = f"workspace {workspace.display_name!r} has no capacity"
        return Check("capacity", title, _catalog(spec), Outcome.FAILED, evidence, portal)
    if capacity is None:
        evidence = f"capacity {workspace.capacity_id} isn't in the list of those that we may see"
        remedy = Remedy("Make the identity that runs unity-mirror a contributor of the capacity, so that it can look.")
        return Check("capacity", title, _catalog(spec), Outcome.UNKNOWN, evidence, remedy)
    evidence = f"{capacity.display_name}: {capacity.sku}, {capacity.region}, {capacity.state}"
    if capacity.state != "Active":
        remedy = Remedy(f"Resume capacity {capacity.display_name!r} in the Azure portal.")
        return Check("capacity", title, _catalog(spec), Outcome.FAILED, evidence, remedy)
    return Check("capacity", title, _catalog(spec), Outcome.PASSED, evidence)


def capacity_trusts(spec: CatalogSpec, capacity: Capacity | None) -> Check | None:
    """Trusted workspace access needs a paid F capacity (trusted workspace access documentation; S16)."""
    if spec.storage is None or not spec.storage.trusted_access:
        return None
    title = "The capacity allows trusted workspace access"
    if capacity is None:
        evidence = "the capacity can't be seen"
        return Check("capacity_trusted_access", title, _catalog(spec), Outcome.UNKNOWN, evidence)
    paid = capacity.sku.startswith("F") and not capacity.sku.startswith("FT")
    remedy = None if paid else Remedy("Move the workspace to a paid F capacity: trial and other capacities can't.")
    outcome = Outcome.PASSED if paid else Outcome.FAILED
    return Check("capacity_trusted_access", title, _catalog(spec), outcome, f"the SKU is {capacity.sku}", remedy)


def databricks_network(
    spec: CatalogSpec, workspace: DatabricksWorkspace | None, gateway: Gateway | None
) -> Check | None:
    """The Databricks workspace isn't behind a private endpoint, or a gateway leads there (S5)."""
    if workspace is None:
        return None
    title = "The Databricks workspace can be reached from Fabric"
    evidence = f"publicNetworkAccess of {workspace.name} is {workspace.public_network_access}"
    if workspace.public_network_access != "Disabled":
        return Check("databricks_network", title, _catalog(spec), Outcome.PASSED, evidence)
    endpoints = workspace.private_endpoint_connections
    evidence += f"; private endpoints: {', '.join(f'{each.name} ({each.status})' for each in endpoints) or 'none'}"
    if gateway is not None and not any(each.status == "Approved" for each in endpoints):
        remedy = Remedy(
            "Someone who administers the Databricks workspace makes a private endpoint of it (sub-resource "
            "databricks_ui_api) in the gateway's virtual network, and approves it (Azure portal, Networking)."
        )
        return Check("databricks_network", title, _catalog(spec), Outcome.FAILED, evidence, remedy)
    if gateway is not None:
        evidence += f"; the connection goes through gateway {gateway.display_name or gateway.id}"
        return Check("databricks_network", title, _catalog(spec), Outcome.PASSED, evidence)
    remedy = Remedy(
        "Create a virtual network data gateway in the Databricks workspace's network (Fabric portal, Manage "
        "connections and gateways), let the identity that runs unity-mirror use it, and name it in "
        "databricks.connection.gateway. One gateway serves one workspace; an on-premises gateway doesn't work; items "
        "made before can't change over."
    )
    evidence += ", and there is no virtual network data gateway that we may use"
    return Check("databricks_network", title, _catalog(spec), Outcome.FAILED, evidence, remedy)


def azure_unseen(spec: CatalogSpec, what: str, resource_id: str | None, why: str) -> Check | None:
    """An Azure resource that the spec names and we may not read: what depends on it is unknown."""
    if not why or resource_id is None:
        return None
    name = resource_id.rsplit("/", 1)[-1]
    remedy = Remedy(f"An owner of {name} gives the identity that runs unity-mirror the role Reader on it.")
    title = f"{what[0].upper()}{what[1:]} can be looked at in Azure"
    return Check("azure_resource", title, _catalog(spec), Outcome.UNKNOWN, why, remedy)


def folder_covers(spec: CatalogSpec, selected: Sequence[Table]) -> Check | None:
    """The storage URL covers every selected table's location (S18)."""
    if spec.storage is None:
        return None
    url = spec.storage.location
    places = [(table, location_of(table)) for table in selected]
    outside = [f"{table.ref} ({table.storage_location})" for table, place in places if place and not url.covers(place)]
    title = "The storage URL covers every selected table"
    if not outside:
        evidence = f"{len(selected)} tables lie below {url}"
        return Check("storage_url_covers", title, _catalog(spec), Outcome.PASSED, evidence)
    remedy = Remedy(f"Set storage.url to {common_folder(url, selected)}, or exclude these tables.")
    evidence = f"outside {url}: {', '.join(outside)}"
    return Check("storage_url_covers", title, _catalog(spec), Outcome.FAILED, evidence, remedy)


def hierarchical_namespace(spec: CatalogSpec, account: StorageAccount | None) -> Check | None:
    """Folder rights are ACLs, and only an account with a hierarchical namespace has them (S18)."""
    if spec.storage is None or account is None:
        return None
    title = "The storage account has a hierarchical namespace"
    evidence = f"isHnsEnabled of {account.name} is {str(account.is_hns_enabled).lower()}"
    outcome = Outcome.PASSED if account.is_hns_enabled else Outcome.FAILED
    remedy = (
        None
        if account.is_hns_enabled
        else Remedy("Upgrade the account to Data Lake Storage Gen2 (portal: Data Lake Gen2 upgrade).")
    )
    return Check("hierarchical_namespace", title, _catalog(spec), outcome, evidence, remedy)


def identity_possible(spec: CatalogSpec, workspace: Workspace) -> Check | None:
    """My workspace can't have an identity (S16)."""
    if spec.storage is None or not isinstance(spec.storage.auth, WorkspaceIdentityAuth) or workspace.type != "Personal":
        return None
    remedy = Remedy("Use a workspace other than My workspace.")
    title = "The workspace can have an identity"
    return Check("workspace_identity", title, _catalog(spec), Outcome.FAILED, "it is a My workspace", remedy)


def storage_reachable(spec: CatalogSpec, account: str, why: str | None) -> Check:
    """Our own machine reaches the account's data plane: trusted access admits Fabric, not us."""
    title = "This machine reaches the storage account"
    if why is None:
        return Check("storage_reachable", title, _catalog(spec), Outcome.PASSED, f"{account} answered")
    return Check("storage_reachable", title, _catalog(spec), Outcome.UNKNOWN, why, remedies.admit_us(spec))


def _catalog(spec: CatalogSpec) -> Scope:
    return Scope(ScopeKind.CATALOG, spec.catalog)


_UNKNOWN_PRINCIPAL = "it isn't known whose privileges count: the spec doesn't say who the connection signs in as"
_NAME_PRINCIPAL = Remedy("Give databricks.connection.auth with client_id or principal.")
