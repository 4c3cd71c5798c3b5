"""Rules of Databricks Unity Catalog."""

from __future__ import annotations

from cloud_emulator.core.rules.model import table

RULES = table(
    """
unity_catalog.workspace.member D Only members of a Databricks workspace sign in to it.
unity_catalog.workspace.application_id E Service principals are called by application id; an object id is nobody.
unity_catalog.workspace.token D A personal access token is good only in its own workspace.
unity_catalog.workspace.access_lists D IP access lists keep other addresses out.
unity_catalog.workspace.private D A workspace without public access isn't reached from outside.
unity_catalog.workspace.metastore D A workspace without a metastore has no Unity Catalog.
unity_catalog.workspace.bound D An isolated catalog is there only in the workspaces that it is bound to.
unity_catalog.privileges.inherited D A privilege on a catalog or schema holds for all that is in it.
unity_catalog.privileges.groups D A privilege of a group holds for its members.
unity_catalog.privileges.use_catalog D USE CATALOG is needed on the way to anything in a catalog.
unity_catalog.privileges.use_schema D USE SCHEMA is needed on the way to anything in a schema.
unity_catalog.privileges.select D Reading a table takes SELECT or ownership.
unity_catalog.privileges.all_leaves_out D ALL PRIVILEGES includes neither EXTERNAL USE SCHEMA nor MANAGE.
unity_catalog.privileges.browse D BROWSE shows that something is there, and not where it is stored.
unity_catalog.owners.not_inherited D A catalog's owner doesn't read its tables by that.
unity_catalog.owners.admin_reads_nothing D A metastore admin sees everything and reads no data by that.
unity_catalog.owners.drop D A table or schema is dropped by an owner of it or of what it lies in.
unity_catalog.owners.change D A catalog or schema is changed by its owner.
unity_catalog.owners.metastore D A metastore is read and changed by its admins.
unity_catalog.grants.manage D Granting takes ownership, MANAGE, or the metastore admin.
unity_catalog.grants.applicable D A privilege is granted only on what it applies to.
unity_catalog.grants.principal D A grant names a principal that Databricks knows by that name.
unity_catalog.grants.own D Who doesn't manage a securable sees only its own grants.
unity_catalog.grants.external_use D Only a catalog's owner grants EXTERNAL USE SCHEMA in it.
unity_catalog.grants.policies D A securable's policies are shown to those who manage it.
unity_catalog.credentials.external_access D While the metastore's external data access is off, nothing is vended.
unity_catalog.credentials.external_use D Credentials for a table take EXTERNAL USE SCHEMA.
unity_catalog.credentials.filtered D No credentials are vended for a table with a row filter or a column mask.
unity_catalog.credentials.policies D No credentials are vended for a table under an attribute-based policy.
unity_catalog.credentials.delta D Credentials are vended for managed and external Delta tables only.
unity_catalog.credentials.managed D A managed table isn't written from outside.
unity_catalog.credentials.modify D Credentials to write take MODIFY.
unity_catalog.credentials.location D Credentials for a path take EXTERNAL USE LOCATION and READ FILES on its location.
unity_catalog.credentials.overlap I A path that overlaps a managed table gets no credentials.
unity_catalog.lists.single_reads D Lists leave out constraints and view dependencies.
unity_catalog.lists.gaps D Pages may be empty while there is a next one.
unity_catalog.schemas.not_empty D A schema with tables is dropped by force only.
unity_catalog.schemas.unique D Names of schemas are unique in their catalog.
unity_catalog.schemas.reserved D information_schema is there from the start; nobody makes it.
unity_catalog.tables.overlap D An external table's folder overlaps no other table's.
unity_catalog.names.plain D Names have no periods, slashes, blanks or control characters.
"""
)
