"""What models make of the clouds' answers."""

from typing import Any, ClassVar

import pytest

from unity_mirror.models.arm import DatabricksWorkspace, NetworkAcls, ResourceAccessRule, RoleAssignment, StorageAccount
from unity_mirror.models.fabric import DataAccessRole, ShortcutRequest
from unity_mirror.models.items import Lakehouse, MirroredCatalog
from unity_mirror.models.storage import Acl, AclEntry, StorageUrl
from unity_mirror.models.table_ref import ModelEntity, ShortcutPlace, TableRef
from unity_mirror.models.unity_catalog import PrivilegeAssignment, Table, TemporaryTableCredentials, same_privilege


class TestTableRef:
    def test_decides_all_names_of_a_table(self) -> None:
        ref = TableRef.parse("orders.items")
        assert str(ref) == "orders.items"
        assert ref.full_name("sales") == "sales.orders.items"
        assert ref.onelake_path == "Tables/orders/items"
        assert ref.shortcut(with_schemas=True) == ShortcutPlace("Tables/orders", "items")
        assert ref.shortcut(with_schemas=False) == ShortcutPlace("Tables", "items")
        assert ref.entity() == ModelEntity("items", "orders")
        assert ref.entity(with_schemas=False) == ModelEntity("items", None)
        assert TableRef.from_full_name("sales.orders.items") == ref

    def test_is_ordered_by_schema_then_table(self) -> None:
        refs = [TableRef("b", "a"), TableRef("a", "z"), TableRef("a", "b")]
        assert sorted(refs) == [TableRef("a", "b"), TableRef("a", "z"), TableRef("b", "a")]

    @pytest.mark.parametrize("text", ["", "orders", "a.b.c", ".b", "a."])
    def test_refuses_what_is_no_table(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"schema\.table"):
            TableRef.parse(text)


class TestUnityCatalog:
    def test_reads_a_table_of_the_open_source_server(self) -> None:
        table = Table.model_validate(
            {
                "name": "items",
                "catalog_name": "sales",
                "schema_name": "orders",
                "table_type": "EXTERNAL",
                "columns": [{"name": "id", "type_name": "LONG", "nullable": False, "mask": None, "comment": None}],
                "properties": None,
                "comment": None,
            }
        )
        assert table.full_name == "sales.orders.items"
        assert table.ref == TableRef("orders", "items")
        assert table.properties == {}
        assert table.primary_key is None
        assert table.masked_columns == ()

    def test_reads_keys_masks_and_filters(self) -> None:
        table = Table.model_validate(
            {
                "name": "items",
                "catalog_name": "sales",
                "schema_name": "orders",
                "row_filter": {"function_name": "sales.f", "input_column_names": ["id"]},
                "columns": [{"name": "card", "mask": {"function_name": "sales.mask"}}],
                "table_constraints": [
                    {"primary_key_constraint": {"name": "pk", "child_columns": ["id"]}},
                    {
                        "foreign_key_constraint": {
                            "name": "fk",
                            "child_columns": ["customer"],
                            "parent_table": "sales.orders.customers",
                            "parent_columns": ["id"],
                        }
                    },
                ],
                "new_field_of_tomorrow": 1,
            }
        )
        assert table.primary_key
        assert table.primary_key.child_columns == ("id",)
        assert [key.parent_table for key in table.foreign_keys] == ["sales.orders.customers"]
        assert table.row_filter
        assert table.masked_columns == ("card",)

    @pytest.mark.parametrize("spelling", ["EXTERNAL_USE_SCHEMA", "EXTERNAL USE SCHEMA", "external use_schema"])
    def test_compares_privileges_without_case_blanks_and_underscores(self, spelling: str) -> None:
        assert same_privilege(spelling, "EXTERNAL_USE_SCHEMA")
        assert PrivilegeAssignment(principal="a", privileges=(spelling,)).has("EXTERNAL_USE_SCHEMA")
        assert not same_privilege(spelling, "USE_SCHEMA")

    def test_never_shows_a_vended_token(self) -> None:
        vended = TemporaryTableCredentials.model_validate({"azure_user_delegation_sas": {"sas_token": "sig=abc"}})
        assert "abc" not in repr(vended)
        assert vended.sas_token
        assert vended.sas_token.get_secret_value() == "sig=abc"


class TestFabric:
    def test_reads_a_mirrored_catalog(self) -> None:
        item = MirroredCatalog.model_validate(
            {
                "id": "1",
                "type": "MirroredAzureDatabricksCatalog",
                "displayName": "sales",
                "workspaceId": "w",
                "properties": {
                    "catalogName": "sales",
                    "oneLakeTablesPath": "https://onelake/w/1/Tables",
                    "autoSync": "Enabled",
                    "syncDetails": {"status": "Success", "lastSyncDateTime": "2026-01-01T00:00:00Z", "errorInfo": None},
                    "sqlEndpointProperties": {"id": "e", "connectionString": "host"},
                    "storageConnectionId": None,
                },
            }
        )
        assert item.properties.sync_details
        assert item.properties.sync_details.status == "Success"
        assert item.properties.onelake_tables_path.endswith("Tables")
        assert item.properties.storage_connection_id is None

    def test_reads_the_bare_answer_to_a_creation(self) -> None:
        item = Lakehouse.model_validate({"id": "1", "type": "Lakehouse", "displayName": "lake"})
        assert not item.has_schemas

    def test_writes_a_shortcut_request_as_the_api_takes_it(self) -> None:
        request = ShortcutRequest.to_onelake("Tables/orders", "items", "w", "i", "Tables/orders/items")
        assert request.body() == {
            "path": "Tables/orders",
            "name": "items",
            "target": {"oneLake": {"workspaceId": "w", "itemId": "i", "path": "Tables/orders/items"}},
        }

    def test_writes_a_role_back_without_its_etag(self) -> None:
        given = {
            "name": "readers",
            "kind": "Policy",
            "decisionRules": [
                {
                    "effect": "Permit",
                    "permission": [{"attributeName": "Path", "attributeValueIncludedIn": ["/Tables/a"]}],
                }
            ],
            "members": {"microsoftEntraMembers": [{"tenantId": "t", "objectId": "o"}], "fabricItemMembers": []},
        }
        role = DataAccessRole.model_validate({**given, "eTag": "x"})
        assert role.etag == "x"
        body = role.body()
        assert body["decisionRules"][0]["permission"][0]["attributeValueIncludedIn"] == ("/Tables/a",)
        assert "eTag" not in body
        assert "etag" not in body


class TestArm:
    ACLS: ClassVar[dict[str, Any]] = {
        "bypass": "AzureServices",
        "defaultAction": "Deny",
        "ipRules": [{"value": "1.2.3.4", "action": "Allow"}],
        "ipv6Rules": [],
        "virtualNetworkRules": [{"id": "/subnet", "action": "Allow", "state": "Succeeded"}],
        "resourceAccessRules": [{"tenantId": "T", "resourceId": "/others"}],
    }
    RULE = ResourceAccessRule(tenant_id="t", resource_id="/ours")

    def test_merges_a_rule_and_echoes_all_else(self) -> None:
        acls = NetworkAcls.model_validate(self.ACLS)
        merged = acls.with_rule(self.RULE)
        assert merged == {
            **self.ACLS,
            "resourceAccessRules": [
                {"tenantId": "T", "resourceId": "/others"},
                {"tenantId": "t", "resourceId": "/ours"},
            ],
        }
        again = NetworkAcls.model_validate(merged)
        assert again.admits(ResourceAccessRule(tenant_id="T", resource_id="/OURS"))
        assert again.with_rule(self.RULE) == merged
        assert again.without_rule(self.RULE) == self.ACLS

    def test_lifts_the_properties_of_a_storage_account(self) -> None:
        account = StorageAccount.model_validate(
            {"id": "/a", "name": "lake", "properties": {"isHnsEnabled": True, "networkAcls": self.ACLS}}
        )
        assert account.is_hns_enabled
        assert account.network_acls.default_action == "Deny"
        assert account.network_acls.raw == self.ACLS

    def test_an_account_without_firewall_lets_all_in(self) -> None:
        account = StorageAccount.model_validate({"id": "/a", "name": "lake", "properties": {"networkAcls": None}})
        assert account.network_acls.default_action == "Allow"
        assert account.network_acls.with_rule(self.RULE)["defaultAction"] == "Allow"

    def test_reads_role_assignment_and_databricks_workspace(self) -> None:
        role = RoleAssignment.model_validate(
            {
                "name": "n",
                "properties": {"principalId": "p", "roleDefinitionId": "/x/roleDefinitions/ABC", "scope": "/s"},
            }
        )
        assert role.role_id == "abc"
        workspace = DatabricksWorkspace.model_validate(
            {
                "id": "/w",
                "name": "w",
                "sku": {"name": "premium"},
                "properties": {
                    "publicNetworkAccess": "Disabled",
                    "privateEndpointConnections": [
                        {"name": "pe", "properties": {"privateLinkServiceConnectionState": {"status": "Approved"}}}
                    ],
                },
            }
        )
        assert workspace.sku == "premium"
        assert workspace.public_network_access == "Disabled"
        assert workspace.private_endpoint_connections[0].status == "Approved"


class TestAcl:
    TEXT = "user::rwx,group::r-x,group:g1:rwx,mask::r-x,other::---"

    def test_round_trips_byte_for_byte(self) -> None:
        assert Acl.parse(self.TEXT).format() == self.TEXT

    def test_merge_widens_only_its_own_entry(self) -> None:
        acl = Acl.parse(self.TEXT).merge(AclEntry("user", "me", "r--")).merge(AclEntry("user", "ME", "--x"))
        assert acl.permissions("user", "me") == "r-x"
        assert acl.permissions("group", "g1") == "rwx"
        assert acl.mask() == "r-x"
        assert acl.size() == 6

    def test_the_mask_limits_named_entries_and_groups(self) -> None:
        acl = Acl.parse(self.TEXT)
        named = acl.find("group", "g1")
        assert named
        assert acl.effective(named) == "r-x"
        owner = acl.find("user")
        assert owner
        assert acl.effective(owner) == "rwx"
        assert acl.needed_mask() == "rwx"

    def test_the_first_default_entry_brings_the_base_along(self) -> None:
        acl = Acl.parse(self.TEXT).merge(AclEntry("user", "me", "r-x", default=True))
        assert [str(e) for e in acl.entries if e.default] == [
            "default:user::rwx",
            "default:group::r-x",
            "default:other::---",
            "default:user:me:r-x",
        ]

    def test_put_and_remove(self) -> None:
        entry = AclEntry("group", "g1", "---")
        acl = Acl.parse(self.TEXT).put(entry)
        assert acl.permissions("group", "g1") == "---"
        assert acl.remove(entry).find("group", "g1") is None

    @pytest.mark.parametrize("text", ["user:rwx", "friend::rwx", "user::rwz", "user::rw", "user:a:b:rwx"])
    def test_refuses_what_is_no_entry(self, text: str) -> None:
        with pytest.raises(ValueError, match="ACL entry"):
            Acl.parse(text)


class TestStorageUrl:
    def test_reads_both_forms_of_one_place(self) -> None:
        https = StorageUrl.parse("https://contosolake.dfs.core.windows.net/lake/sales/a%20b/")
        abfss = StorageUrl.parse("abfss://lake@contosolake.dfs.core.windows.net/sales/a b")
        assert https == abfss
        assert https.https_url == "https://contosolake.dfs.core.windows.net/lake/sales/a%20b"
        assert str(https) == https.https_url
        assert abfss.abfss_url == "abfss://lake@contosolake.dfs.core.windows.net/sales/a b"
        assert https.host == "contosolake.dfs.core.windows.net"

    def test_covers_what_lies_below_and_nothing_beside(self) -> None:
        folder = StorageUrl("acct", "lake", "sales")
        assert folder.covers(StorageUrl("acct", "lake", "sales"))
        assert folder.covers(StorageUrl("acct", "lake", "sales/orders"))
        assert not folder.covers(StorageUrl("acct", "lake", "sales2"))
        assert not folder.covers(StorageUrl("acct", "other", "sales"))
        assert StorageUrl("acct").covers(folder)
        assert not StorageUrl("other").covers(folder)
        assert not folder.covers(StorageUrl("acct", "lake"))

    def test_names_the_folders_above(self) -> None:
        assert StorageUrl("acct", "lake", "a/b/c").parents() == ("", "a", "a/b")
        assert StorageUrl("acct", "lake", "a").parents() == ("",)
        assert StorageUrl("acct", "lake").parents() == ()

    @pytest.mark.parametrize(
        "text", ["s3://bucket/x", "https://example.com/x", "/local", "wasbs://c@a.blob.core.windows.net"]
    )
    def test_refuses_other_places(self, text: str) -> None:
        with pytest.raises(ValueError, match="ADLS Gen2"):
            StorageUrl.parse(text)
