"""Rules of Fabric's platform: workspaces, roles, names, capacities, identities, connections."""

from __future__ import annotations

from cloud_emulator.core.rules.model import table

RULES = table(
    """
fabric.roles.viewer D Reading a workspace and its items' metadata takes a role in it.
fabric.roles.contributor D Making, changing and deleting items takes Contributor.
fabric.roles.member D Seeing and adding workspace role assignments takes Member.
fabric.roles.admin D Changing and removing roles, renaming and deleting a workspace, and its identity take Admin.
fabric.roles.not_above_own D A member gives no higher role than its own.
fabric.roles.one_each D A principal has one role in a workspace; giving it another is 409.
fabric.roles.last_admin D A workspace keeps at least one admin.
fabric.roles.object_id E Workspace roles name principals by object id; an application id names nobody.
fabric.roles.groups D A role given to a group holds for its members.
fabric.workspaces.personal D My workspace can't be administered and has no identity.
fabric.workspaces.unique_name D Workspace names are unique in the tenant, without regard to case.
fabric.workspaces.name D A workspace's name isn't empty, has at most 256 characters and is none of the reserved ones.
fabric.names.unique D Names are unique for each type of item in a workspace: 409 ItemDisplayNameAlreadyInUse.
fabric.names.case D Names of items are compared without regard to case.
fabric.names.reserved M A just deleted item's name is 409 ItemDisplayNameNotAvailableYet, retriable, for some 20 s.
fabric.names.endpoints I A workspace's lakehouses and mirrored catalogs differ in name: their endpoints share a server.
fabric.names.lakehouse D A lakehouse's name begins with a letter and holds letters, digits and underscores only.
fabric.names.item D An item's name has 1 to 256 characters, none of them a control character, no blanks around.
fabric.names.description D An item's description has at most 256 characters.
fabric.capacities.needed D Without a capacity a workspace exists, but holds no Fabric item.
fabric.capacities.active D Items can't be made or changed while the capacity is paused.
fabric.capacities.active_reads D OneLake isn't readable while the capacity is paused.
fabric.capacities.contributor D A workspace is put only on a capacity of which the caller is admin or contributor.
fabric.capacities.trial_owner D A trial capacity is used by its owner only.
fabric.capacities.assignable D A workspace isn't put on a paused capacity.
fabric.capacities.region D A workspace with items doesn't move to a capacity in another region.
fabric.capacities.items_stay D A workspace with items isn't taken off its capacity.
fabric.identity.once D A workspace has one identity; provisioning it twice is refused.
fabric.identity.busy I While an identity is being provisioned or removed, doing so again is refused.
fabric.identity.present D Removing an identity that isn't there is refused.
fabric.identity.gone D A workspace's identity goes with its workspace.
fabric.trusted_access.paid_capacity D Trusted workspace access takes a paid F capacity: no trial.
fabric.trusted_access.identity_role D Trusted workspace access takes a workspace identity that is Contributor there.
fabric.tenant.use_apis D The administrator's switch keeps service principals from the APIs.
fabric.tenant.create D The administrator's switch keeps service principals from creating connections and workspaces.
fabric.operations.own I A long-running operation is shown only to whoever started it.
fabric.operations.result D An operation's result can't be had before it has succeeded.
fabric.operations.null_body M A 202 has the body null, which is no result: that is at /result.
fabric.operations.poll_body M A poll tells percentComplete (null or 100), error (even when null), times without zone.
fabric.operations.location D Location names the state while an operation runs, then its result where it has one.
fabric.operations.retry_after C A 202 has a Retry-After of at least a second; Terraform's provider else waits 30.
fabric.errors.top_level C An error's code stands at the top level, without which Terraform's provider crashes.
fabric.errors.header D An error's code stands in x-ms-public-api-error-code as well.
fabric.workspaces.capacity_progress C A workspace tells capacityAssignmentProgress, or Terraform's provider crashes.
fabric.connections.creation_method M Creating a connection without creationMethod is 400 InvalidParameter.
fabric.connections.credential_type M A kind of credential that the type doesn't take, OAuth2 among them, is refused.
fabric.connections.one_proof D A secret is given as a value or as a reference, not as both or neither.
fabric.connections.test_not_skipped D The test of these types of connection can't be skipped.
fabric.connections.secret D A service principal's secret must be good when a connection is made.
fabric.connections.token D A personal access token must be known to the Databricks workspace.
fabric.connections.member D The connection's principal must be a member of the Databricks workspace.
fabric.connections.reachable D A Databricks workspace with IP access lists or private access takes a gateway.
fabric.connections.gateway_network I A gateway reaches a private workspace from a network with its private endpoint.
fabric.connections.account D A storage connection's account must exist.
fabric.connections.storage_rights D A storage connection's credential must be able to list the folder when it is made.
fabric.connections.storage_folder D A storage connection's folder must exist.
fabric.connections.key D An account key or shared access signature must be one that the account accepts.
fabric.connections.vault_usable I A secret's reference names a key vault connection that the caller may use.
fabric.connections.vault_reader D The key vault connection's principal must be allowed to read secrets.
fabric.connections.vault_secret D A referenced secret must exist.
fabric.connections.unique_name D Names of connections are unique: 409 DuplicateConnectionName.
fabric.connections.visible D A connection on which the caller has no role is as good as absent.
fabric.connections.owner D Changing and deleting a connection and its roles takes Owner.
fabric.connections.reshare D Sharing a connection takes UserWithReshare.
fabric.connections.owner_makes_owners D Only an owner makes owners.
fabric.connections.one_role_each I A principal has one role on a connection.
fabric.connections.last_owner D A connection keeps at least one owner.
fabric.connections.object_id E Connection roles name principals by object id; an application id names nobody.
fabric.connections.gateway D Only Databricks connections go through a virtual network gateway here.
fabric.connections.one_workspace D One gateway serves only one Databricks workspace.
fabric.connections.kind_kept I A connection's connectivity type can't be changed.
"""
)
