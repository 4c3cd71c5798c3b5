"""Unity Catalog, Databricks, Azure Resource Manager, Power BI, OneLake: exact requests, and what is made of answers."""

from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from tests.unit.cloud_fakes import Bench, Handler, answer, bench
from unity_mirror.clients.arm import ArmClient
from unity_mirror.clients.databricks import DatabricksClient
from unity_mirror.clients.onelake import OneLakeClient
from unity_mirror.clients.power_bi import PowerBIClient
from unity_mirror.clients.unity_catalog import UnityCatalogClient
from unity_mirror.errors import AlreadyExists, CloudError, DeadlineExceeded, NotFound, NotSupported, OperationFailed

BASE = "https://localhost:9/databricks/adb-1"
UC = "/databricks/adb-1/api/2.1/unity-catalog"
ACCOUNT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/lake"


class TestUnityCatalog:
    def client(self, *script: Any, handler: Handler | None = None) -> tuple[UnityCatalogClient, Bench]:
        b = bench(*script, handler=handler)
        return UnityCatalogClient(b.transport, BASE, "databricks", "adb-1"), b

    async def test_reads_metastores_of_both_servers(self) -> None:
        client, b = self.client(
            answer(200, {"metastore_id": "m", "external_access_enabled": True, "name": "main"}),
            answer(200, {"metastore_id": "m"}),
            answer(200, {}),
        )
        assert (await client.metastore_summary()).external_access_enabled is True
        assert (await client.metastore_summary()).external_access_enabled is None
        await client.update_metastore("m", {"external_access_enabled": True})
        assert b.wire.sent == [f"GET {UC}/metastore_summary"] * 2 + [f"PATCH {UC}/metastores/m"]

    async def test_lists_all_pages_and_reads_one_table(self) -> None:
        table = {"name": "items", "catalog_name": "sales", "schema_name": "orders"}
        client, b = self.client(
            answer(200, {"tables": [table], "next_page_token": "x"}),
            answer(200, {"tables": [], "next_page_token": None}),
            answer(200, table),
        )
        assert [t.full_name for t in await client.tables("sales", "orders")] == ["sales.orders.items"]
        first = b.wire.requests[0].url.params
        assert (first["catalog_name"], first["schema_name"], first["max_results"]) == ("sales", "orders", "0")
        assert b.wire.requests[1].url.params["page_token"] == "x"
        await client.table("sales.orders.a b")
        assert b.wire.requests[2].url.raw_path.endswith(b"/tables/sales.orders.a%20b")

    async def test_lists_catalogs_and_schemas(self) -> None:
        client, _ = self.client(
            answer(200, {"catalogs": [{"name": "sales", "catalog_type": "MANAGED_CATALOG"}]}),
            answer(200, {"name": "sales", "isolation_mode": "OPEN"}),
            answer(200, {"schemas": [{"name": "orders", "catalog_name": "sales"}]}),
        )
        assert [c.name for c in await client.catalogs()] == ["sales"]
        assert (await client.catalog("sales")).isolation_mode == "OPEN"
        assert [s.full_name for s in await client.schemas("sales")] == ["sales.orders"]

    async def test_reads_and_changes_grants(self) -> None:
        held = {"privilege_assignments": [{"principal": "app", "privileges": ["USE_SCHEMA"]}]}
        client, b = self.client(answer(200, held), answer(200, held))
        (assignment,) = await client.grants("SCHEMA", "sales.orders", "app")
        assert assignment.has("use schema")
        assert b.wire.requests[0].url.params["principal"] == "app"
        await client.grant("SCHEMA", "sales.orders", "app", add=["EXTERNAL_USE_SCHEMA"])
        assert b.wire.sent == [
            f"GET {UC}/permissions/schema/sales.orders",
            f"PATCH {UC}/permissions/schema/sales.orders",
        ]
        assert b.wire.body() == {"changes": [{"principal": "app", "add": ["EXTERNAL_USE_SCHEMA"]}]}

    async def test_reads_effective_privileges_of_the_principal_only(self) -> None:
        inherited = {"privilege": "SELECT", "inherited_from_type": "CATALOG", "inherited_from_name": "sales"}
        client, _ = self.client(
            answer(
                200,
                {
                    "privilege_assignments": [
                        {"principal": "app", "privileges": [inherited, {"privilege": "BROWSE"}]},
                        {"principal": "other", "privileges": [{"privilege": "MANAGE"}]},
                    ]
                },
            )
        )
        held = await client.effective_privileges("TABLE", "sales.orders.items", "App")
        assert [(p.privilege, p.inherited_from_name) for p in held] == [("SELECT", "sales"), ("BROWSE", None)]

    async def test_says_what_the_open_source_server_lacks(self) -> None:
        client, _ = self.client(httpx.Response(404, text="Status: 404\nDescription: Not Found\n"))
        with pytest.raises(NotSupported):
            await client.effective_privileges("table", "sales.orders.items", "app")

    async def test_vended_credentials_are_a_read(self) -> None:
        vended = {"azure_user_delegation_sas": {"sas_token": "sig"}, "url": "abfss://x", "expiration_time": 1}
        client, b = self.client(answer(502), answer(200, vended))
        assert (await client.temporary_table_credentials("t")).url == "abfss://x"
        assert b.wire.sent[0] == "POST /databricks/adb-1/api/2.0/unity-catalog/temporary-table-credentials"
        assert b.wire.body() == {"table_id": "t", "operation": "READ"}
        assert b.meter.total(effect="write") == 0


class TestDatabricks:
    def client(self, *script: Any) -> tuple[DatabricksClient, Bench]:
        b = bench(*script)
        return DatabricksClient(b.transport, BASE, "databricks", "adb-1"), b

    async def test_lists_groups_and_service_principals(self) -> None:
        group = {
            "id": "1",
            "displayName": "analysts",
            "externalId": "o",
            "members": [{"value": "2", "$ref": "Users/2"}],
        }
        client, b = self.client(
            answer(200, {"Resources": [group], "totalResults": 1}),
            answer(200, {"Resources": [{"id": "2", "applicationId": "app"}], "totalResults": 1}),
        )
        (found,) = await client.groups('displayName eq "analysts"')
        assert found.external_id == "o"
        assert found.members[0].ref == "Users/2"
        assert b.wire.requests[0].url.params["filter"] == 'displayName eq "analysts"'
        assert [p.application_id for p in await client.service_principals()] == ["app"]

    async def test_ip_access_lists_on_off_and_unknown(self) -> None:
        client, _ = self.client(
            answer(200, {"enableIpAccessLists": "true"}),
            answer(200, {"enableIpAccessLists": None}),
            answer(403, {"error_code": "PERMISSION_DENIED", "message": "admins only"}),
        )
        assert [await client.ip_access_lists_enabled() for _ in range(3)] == [True, False, None]


class TestArm:
    def client(self, *script: Any) -> tuple[ArmClient, Bench]:
        b = bench(*script)
        return ArmClient(b.transport, "https://localhost:9", "arm"), b

    async def test_reads_and_writes_a_firewall(self) -> None:
        account = {"id": ACCOUNT, "name": "lake", "properties": {"networkAcls": {"defaultAction": "Deny"}}}
        client, b = self.client(answer(200, account), answer(200, account))
        held = await client.storage_account(ACCOUNT)
        await client.update_network_acls(ACCOUNT, held.network_acls.raw)
        assert b.wire.sent == [f"GET {ACCOUNT}", f"PATCH {ACCOUNT}"]
        assert b.wire.body() == {"properties": {"networkAcls": {"defaultAction": "Deny"}}}
        assert all("api-version" in request.url.params for request in b.wire.requests)

    async def test_assigns_a_role_by_its_guid(self) -> None:
        made = {"name": "n", "properties": {"principalId": "p", "roleDefinitionId": "/x/abc"}}
        client, b = self.client(
            answer(400, {"error": {"code": "PrincipalNotFound", "message": "not yet"}}), answer(201, made)
        )
        assert (await client.create_role_assignment(ACCOUNT, "n", "p", "abc", "ServicePrincipal")).role_id == "abc"
        assert b.wire.sent == [f"PUT {ACCOUNT}/providers/Microsoft.Authorization/roleAssignments/n"] * 2
        assert b.wire.body() == {
            "properties": {
                "roleDefinitionId": "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/abc",
                "principalId": "p",
                "principalType": "ServicePrincipal",
            }
        }
        assert b.clock.sleeps == [2.0]

    async def test_an_assignment_under_another_name(self) -> None:
        client, _ = self.client(answer(409, {"error": {"code": "RoleAssignmentExists", "message": "there"}}))
        with pytest.raises(AlreadyExists):
            await client.create_role_assignment(ACCOUNT, "n", "p", "/full/id", "Group")

    async def test_lists_and_deletes_assignments(self) -> None:
        held = {"name": "n", "properties": {"principalId": "p", "roleDefinitionId": "/x/abc", "scope": "/"}}
        client, b = self.client(answer(200, {"value": [held]}), answer(204), answer(404, {"error": {"code": "X"}}))
        assert [r.name for r in await client.role_assignments(ACCOUNT, "p")] == ["n"]
        assert b.wire.requests[0].url.params["$filter"] == "principalId eq 'p'"
        await client.delete_role_assignment(ACCOUNT, "n")
        await client.delete_role_assignment(ACCOUNT, "n")

    async def test_reads_a_databricks_workspace(self) -> None:
        client, _ = self.client(
            answer(200, {"id": "/w", "name": "w", "properties": {"publicNetworkAccess": "Enabled"}})
        )
        assert (await client.databricks_workspace("/w")).public_network_access == "Enabled"


class TestPowerBI:
    def client(self, *script: Any, handler: Handler | None = None) -> tuple[PowerBIClient, Bench]:
        b = bench(*script, handler=handler)
        return PowerBIClient(b.transport, "https://localhost:9/v1.0/myorg", "powerbi"), b

    async def test_starts_and_waits_for_a_refresh(self) -> None:
        path = "/v1.0/myorg/groups/w/datasets/m/refreshes"
        client, b = self.client(
            answer(202, None, location=f"https://localhost:9{path}/r"),
            answer(200, {"status": "Unknown", "extendedStatus": "InProgress"}),
            answer(200, {"status": "Completed"}),
        )
        refresh = await client.refresh("w", "m", {"type": "full"})
        assert refresh == "r"
        assert (await client.wait_for_refresh("w", "m", refresh)).request_id == "r"
        assert b.wire.sent == [f"POST {path}", f"GET {path}/r", f"GET {path}/r"]

    async def test_a_failed_refresh_says_why(self) -> None:
        failed = {"status": "Failed", "messages": [{"message": "a column is missing", "type": "Error"}]}
        client, _ = self.client(answer(200, failed))
        with pytest.raises(OperationFailed, match="ended as Failed: a column is missing"):
            await client.wait_for_refresh("w", "m", "r")

    async def test_a_refresh_that_never_ends(self) -> None:
        client, _ = self.client(handler=lambda _: answer(200, {"status": "Unknown", "extendedStatus": "InProgress"}))
        with pytest.raises(DeadlineExceeded, match="last status was InProgress"):
            await client.wait_for_refresh("w", "m", "r")

    async def test_takes_up_the_refresh_that_a_lost_answer_started(self) -> None:
        client, _ = self.client(
            httpx.ReadError("reset"),
            answer(
                200, {"value": [{"requestId": "r", "status": "Unknown"}, {"requestId": "o", "status": "Completed"}]}
            ),
        )
        assert await client.refresh("w", "m", {}) == "r"

    @pytest.mark.parametrize("ahead", [-3600, 3600])
    @pytest.mark.parametrize(("began", "takes"), [(-60, "new"), (1, "r")])
    async def test_a_refresh_that_began_since_is_known_by_the_clock_of_the_service(
        self, ahead: int, began: int, takes: str
    ) -> None:
        client, b = self.client()
        theirs = b.clock.now() + timedelta(seconds=ahead)
        ended = {"requestId": "r", "status": "Completed", "startTime": (theirs + timedelta(seconds=began)).isoformat()}
        b.wire.script = [
            httpx.ReadError("reset"),
            answer(200, {"value": [ended]}, date=format_datetime(theirs + timedelta(seconds=2), usegmt=True)),
            answer(202, None, location="https://localhost:9/refreshes/new"),
        ]
        assert await client.refresh("w", "m", {}) == takes

    async def test_an_answer_that_names_no_refresh(self) -> None:
        client, _ = self.client(answer(202))
        with pytest.raises(CloudError, match="doesn't name the refresh"):
            await client.refresh("w", "m", {})


class TestOneLake:
    def client(self, *script: Any) -> tuple[OneLakeClient, Bench]:
        b = bench(*script)
        return OneLakeClient(b.transport, "https://localhost:9/storage/onelake", "storage"), b

    async def test_lists_relative_to_the_item(self) -> None:
        client, b = self.client(
            answer(200, {"paths": [{"name": "i/Tables/orders", "isDirectory": "true"}]}, x_ms_continuation="c"),
            answer(200, {"paths": [{"name": "i/Tables/a.json", "contentLength": "12"}]}),
        )
        found = await client.list_paths("w", "i", "/Tables/", recursive=True)
        assert [(p.name, p.is_directory, p.content_length) for p in found] == [
            ("Tables/orders", True, 0),
            ("Tables/a.json", False, 12),
        ]
        assert dict(b.wire.requests[0].url.params) == {
            "resource": "filesystem",
            "recursive": "true",
            "directory": "i/Tables",
        }
        assert b.wire.sent[0] == "GET /storage/onelake/w"

    async def test_reads_a_range(self) -> None:
        client, b = self.client(httpx.Response(206, content=b"abc"), answer(404, {"error": {"code": "PathNotFound"}}))
        assert await client.read("w", "i", "Tables/a b", range=(0, 2)) == b"abc"
        assert b.wire.requests[0].headers["range"] == "bytes=0-2"
        assert b.wire.requests[0].url.raw_path == b"/storage/onelake/w/i/Tables/a%20b"
        with pytest.raises(NotFound):
            await client.read("w", "i", "Tables/x")
