"""Rules of Fabric's data half: mirrored catalogs, shortcuts, OneLake, endpoints, semantic models."""

from __future__ import annotations

from cloud_emulator.core.rules.model import table

RULES = table(
    """
fabric.mirror.one_way D A mirrored catalog is made by payload or by definition, not by both or neither.
fabric.mirror.fails_late M A definition that can't work is accepted, and fails as an operation.
fabric.mirror.connection_known M A mirrored item needs connections that exist.
fabric.mirror.connection_usable D A mirrored item needs connections that its maker may use.
fabric.mirror.connection_type D A mirrored item needs connections of the right type.
fabric.mirror.signs_in D The Databricks connection's principal must still be able to sign in.
fabric.mirror.catalog_seen D The Databricks connection's principal must see the catalog.
fabric.mirror.catalog_type D Foreign catalogs can't be mirrored.
fabric.mirror.exclude_schema D A schema can be excluded only in a catalog whose mode is Full.
fabric.mirror.exclude_table D A table can be excluded only in a schema whose mode is Full.
fabric.mirror.excluded_is_empty I An excluded schema lists no tables.
fabric.mirror.listed_once I A schema or table is listed once.
fabric.mirror.parts D A definition consists of definition.json and .platform, both as they should be.
fabric.mirror.fixed D An item's catalog and Databricks connection can't be changed.
fabric.mirror.idle_update D While a sync runs, changing the item is refused.
fabric.mirror.idle_definition D While a sync runs, updateDefinition is refused.
fabric.mirror.idle_refresh D While a sync runs, refreshCatalogMetadata is refused.
fabric.mirror.full D A Full schema is mirrored with all its tables, but for those that are excluded.
fabric.mirror.partial D A Partial schema is mirrored with the tables listed.
fabric.mirror.types D Only managed and external tables are mirrored: no views, streaming tables or foreign ones.
fabric.mirror.delta D Only Delta tables are mirrored.
fabric.mirror.row_filters D Tables with a row filter are not mirrored.
fabric.mirror.masks D Tables with a column mask are not mirrored.
fabric.mirror.policies D Tables under an attribute-based policy are not mirrored.
fabric.mirror.one_account D With a storage connection, tables in another account get no shortcut.
fabric.mirror.sees D Discovery and syncs see what the connection's principal sees.
fabric.mirror.auto_sync D With automatic sync, tables and schemas that come and go are picked up after a while.
fabric.mirror.auto_sync_off D Without automatic sync, nothing new is picked up until a refresh.
fabric.mirror.auto_sync_default D Automatic sync is on after creation, whatever the definition says.
fabric.mirror.limit D A catalog of more tables than an item can have shortcuts fails to sync.
fabric.mirror.vended D Without a storage connection tables are read by credentials that Unity Catalog vends.
fabric.discovery.error_field D What discovery can't look into is an Error beside an empty value, with status 200.
fabric.discovery.usable D Discovery takes a connection that the caller may use.
fabric.discovery.mirrorable D Discovery shows only tables that can be mirrored.
fabric.shortcuts.limit D An item holds a limited number of shortcuts.
fabric.shortcuts.abort D By the policy Abort, a shortcut of that name is 409.
fabric.shortcuts.unique_name D By the policy GenerateUniqueName, a shortcut of that name leads to another name.
fabric.shortcuts.overwrite_only D By the policy OverwriteOnly, a shortcut that isn't there is an error.
fabric.shortcuts.each_alone D In bulk, each shortcut succeeds or fails by itself.
fabric.shortcuts.target_item D A shortcut's target item must exist.
fabric.shortcuts.target_path D A shortcut's target path has no dotted segment, percent or plus sign.
fabric.shortcuts.no_loop I A shortcut doesn't lead to a folder that it stands in, by itself or through others.
fabric.shortcuts.links D A shortcut leads through at most five shortcuts in a row.
fabric.shortcuts.target_root D A shortcut's target lies in the folders that its item has.
fabric.shortcuts.target_readable D A shortcut's maker must be able to read its target.
fabric.shortcuts.target_gone D A shortcut to a path or an item that isn't there any more answers 404.
fabric.shortcuts.holder D Mirrored catalogs hold no shortcuts of people's making.
fabric.shortcuts.place D A table shortcut stands in Tables, or in Tables/<schema> of a lakehouse with schemas.
fabric.shortcuts.name D A shortcut's name has none of the characters that OneLake can't have.
fabric.shortcuts.not_nested D A shortcut can't stand within another.
fabric.shortcuts.callers_rights D Who reads through a shortcut needs rights at its target.
fabric.access_roles.etag D If-Match with another ETag than the present one is 412.
fabric.access_roles.quoted I An ETag without quotes is refused.
fabric.access_roles.dry_run D With dryRun nothing is changed.
fabric.access_roles.replaces D PUT replaces the whole set of roles.
fabric.access_roles.abort D By the policy Abort, a role of that name is 409.
fabric.access_roles.preview D Operations on one role take preview=true.
fabric.access_roles.member D Changing data access roles takes the workspace role Member.
fabric.access_roles.object_id E Roles' members are object ids of the directory; an application id is nobody.
fabric.access_roles.tenant D Roles' members are of the home tenant.
fabric.access_roles.read_only D Roles on a mirrored catalog permit Read only.
fabric.access_roles.paths D A role's paths are * or begin with a folder of the item.
fabric.access_roles.unique_name I Two roles of one item differ in name.
fabric.access_roles.name D A role's name begins with a letter and holds letters, digits and underscores.
fabric.access_roles.default_reader D A new item has the role DefaultReader: everything, for holders of ReadAll.
fabric.access_roles.deny_by_default D Who is below Contributor reads nothing through OneLake but by a role.
fabric.access_roles.constrained D Tables under row or column constraints can't be read as files.
fabric.access_roles.not_narrowing D Roles don't narrow what Contributors and above read.
fabric.onelake.one_addressing D A path names workspace and item both by GUID or both by name.
fabric.onelake.first_level D The folders at the top of an item can't be written to.
fabric.onelake.writers D Writing to a lakehouse takes Contributor, or a data access role with ReadWrite.
fabric.onelake.no_acl D OneLake takes no access control by path.
fabric.onelake.rejected_headers D Headers about access that OneLake ignores are named in x-ms-rejected-headers.
fabric.onelake.anonymous_owner D OneLake shows $superuser and no permissions, whoever owns the file.
fabric.sql_endpoint.takes_time D A SQL analytics endpoint appears a while after its item.
fabric.sql_endpoint.own_item M A SQL analytics endpoint is an item with its parent's name and an id of its own.
fabric.sql_endpoint.follows M A SQL analytics endpoint can't be deleted or renamed by itself.
fabric.sql_endpoint.people_only D Service principals can't list SQL endpoints.
fabric.models.fails_late M A semantic model that is none is accepted, and fails as an operation.
fabric.models.well_formed M A definition that is no model in TMDL fails.
fabric.models.source_item D A model's tables come from items that its maker may read.
fabric.models.source_table D A model's tables exist in their item.
fabric.models.owner_binds D Only a model's owner binds its connections.
fabric.models.bound_usable D A model is bound only to a connection that the caller may use.
fabric.models.framing D A refresh fails when a table's Delta log can't be read.
fabric.models.one_refresh D While a refresh runs, another is refused.
fabric.items.soft_delete D Deleting is soft where the type can: the item is kept.
fabric.items.hard_delete D Deleting for good takes the workspace role Admin.
"""
)
