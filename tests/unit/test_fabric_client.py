"""Fabric's clients: exact paths and bodies, 201 and 202, nothing made twice."""

import base64
import json
from typing import Any

import httpx
import pytest

from tests.unit.cloud_fakes import Bench, Handler, answer, bench, routes
from unity_mirror.clients.fabric import FabricClient
from unity_mirror.errors import AlreadyExists, CloudError, DeadlineExceeded, OperationFailed
from unity_mirror.models.fabric import DataAccessRole, ShortcutRequest
from unity_mirror.settings import Timeouts

BASE = "https://localhost:9/v1"
ITEM = {"id": "i", "type": "T", "displayName": "sales", "workspaceId": "w"}
ACCEPTED = {"x_ms_operation_id": "op", "location": f"{BASE}/operations/op", "retry_after": 1}
DONE = {"status": "Succeeded", "error": None}
LAKE = {"id": "l", "type": "Lakehouse", "displayName": "lake"}
TAKEN = {"errorCode": "ItemDisplayNameAlreadyInUse", "message": "taken"}
LAKES = "/v1/workspaces/w/lakehouses"
MIRRORS = "/v1/workspaces/w/mirroredAzureDatabricksCatalogs"
MODELS = "/v1/workspaces/w/semanticModels"
SHORTCUTS = "/v1/workspaces/w/items/i/shortcuts"


def fabric(*script: Any, handler: Handler | None = None, **options: Any) -> tuple[FabricClient, Bench]:
    b = bench(*script, handler=handler, **options)
    return FabricClient(b.transport, BASE, "fabric"), b


def part(path: str, text: str) -> dict[str, str]:
    return {"path": path, "payload": base64.b64encode(text.encode()).decode(), "payloadType": "InlineBase64"}


class TestInTheMaking:
    """A process was killed right after it had asked for something; the next one meets it being made."""

    async def test_an_item_of_that_name_and_description_is_waited_for(self) -> None:
        client, b = fabric(
            answer(409, TAKEN),
            answer(200, {"value": []}),
            answer(200, {"value": [{**LAKE, "description": "ours"}]}),
            answer(200, {**LAKE, "description": "ours"}),
        )
        assert (await client.lakehouses.create("w", "lake", "ours")).id == "l"
        assert [request.method for request in b.wire.requests] == ["POST", "GET", "GET", "GET"]

    async def test_so_it_is_when_the_operation_fails_by_the_name(self) -> None:
        failed = {"status": "Failed", "error": TAKEN}
        client, _ = fabric(
            answer(202, None, **ACCEPTED),
            answer(200, failed),
            answer(200, {"value": [{**LAKE, "description": "ours"}]}),
            answer(200, {**LAKE, "description": "ours"}),
        )
        assert (await client.lakehouses.create("w", "lake", "ours")).id == "l"

    @pytest.mark.parametrize("theirs", ["", "another"])
    async def test_one_with_another_description_is_somebody_elses(self, theirs: str) -> None:
        client, b = fabric(answer(409, TAKEN), answer(200, {"value": [{**LAKE, "description": theirs}]}))
        with pytest.raises(AlreadyExists):
            await client.lakehouses.create("w", "lake", "ours" if theirs else "")
        assert b.clock.sleeps == []

    async def test_an_operation_that_fails_for_another_reason_is_told_at_once(self) -> None:
        failed = {"status": "Failed", "error": {"errorCode": "Broken", "message": "no"}}
        client, b = fabric(answer(202, None, **ACCEPTED), answer(200, failed))
        with pytest.raises(OperationFailed):
            await client.lakehouses.create("w", "lake", "ours")
        assert len(b.wire.requests) == 2

    async def test_a_workspace_has_one_identity(self) -> None:
        identity = {"applicationId": "a", "servicePrincipalId": "s"}
        workspace = {"id": "w", "displayName": "Sales"}
        client, _ = fabric(
            answer(409, {"errorCode": "InvalidRequest"}),
            answer(200, workspace),
            answer(200, {**workspace, "workspaceIdentity": identity}),
        )
        assert (await client.workspaces.provision_identity("w")).service_principal_id == "s"


class TestWorkspaces:
    async def test_lists_and_reads(self) -> None:
        client, b = fabric(
            answer(200, {"value": [{"id": "w", "displayName": "Sales", "capacityId": "c"}]}),
            answer(
                200,
                {
                    "id": "w",
                    "displayName": "Sales",
                    "workspaceIdentity": {"applicationId": "a", "servicePrincipalId": "s"},
                },
            ),
            answer(200, {"value": [{"id": "c", "displayName": "F64", "sku": "F64", "region": "x", "state": "Active"}]}),
        )
        assert [w.display_name for w in await client.workspaces.list()] == ["Sales"]
        identity = (await client.workspaces.get("w")).workspace_identity
        assert identity
        assert identity.service_principal_id == "s"
        assert [c.sku for c in await client.capacities.list()] == ["F64"]
        assert b.wire.sent == ["GET /v1/workspaces", "GET /v1/workspaces/w", "GET /v1/capacities"]

    async def test_gives_a_role_with_the_exact_body(self) -> None:
        client, b = fabric(
            answer(201, {"id": "p", "principal": {"id": "p", "type": "ServicePrincipal"}, "role": "Admin"})
        )
        made = await client.workspaces.add_role_assignment("w", "p", "ServicePrincipal", "Admin")
        assert made.role == "Admin"
        assert b.wire.body() == {"principal": {"id": "p", "type": "ServicePrincipal"}, "role": "Admin"}

    async def test_finds_the_role_that_a_lost_answer_gave(self) -> None:
        held = {"id": "p", "principal": {"id": "p", "type": "Group"}, "role": "Viewer"}
        client, b = fabric(httpx.ReadError("reset"), answer(200, {"value": [held]}))
        assert (await client.workspaces.add_role_assignment("w", "p", "Group", "Viewer")).id == "p"
        assert b.wire.sent == ["POST /v1/workspaces/w/roleAssignments", "GET /v1/workspaces/w/roleAssignments"]

    @pytest.mark.parametrize("late", [False, True])
    async def test_creates_the_identity_by_200_and_by_202(self, late: bool) -> None:
        identity = {"applicationId": "a", "servicePrincipalId": "s"}
        script = (
            [answer(202, None, **ACCEPTED), answer(200, DONE), answer(200, identity)]
            if late
            else [answer(200, identity)]
        )
        client, _ = fabric(*script)
        assert (await client.workspaces.provision_identity("w")).application_id == "a"

    async def test_reads_the_identity_from_the_workspace_when_the_answer_has_none(self) -> None:
        workspace = {"id": "w", "displayName": "Sales"}
        identity = {"applicationId": "a", "servicePrincipalId": "s"}
        client, b = fabric(
            answer(202), answer(200, workspace), answer(200, {**workspace, "workspaceIdentity": identity})
        )
        assert (await client.workspaces.provision_identity("w")).application_id == "a"
        assert b.clock.sleeps == [2.0]

    async def test_an_identity_that_never_shows_is_a_passed_deadline(self) -> None:
        workspace = {"id": "w", "displayName": "Sales"}
        client, _ = fabric(
            handler=lambda r: answer(202) if r.method == "POST" else answer(200, workspace),
            timeouts=Timeouts(operation=30),
        )
        with pytest.raises(DeadlineExceeded, match="workspace identity"):
            await client.workspaces.provision_identity("w")


class TestConnections:
    BODY = (
        ("connectivityType", "ShareableCloud"),
        ("displayName", "lake"),
        ("credentialDetails", {"credentials": {"credentialType": "Key", "key": "hush"}}),
    )
    ANSWER = (
        ("id", "c"),
        ("displayName", "lake"),
        ("connectivityType", "ShareableCloud"),
        ("connectionDetails", {"type": "AzureDataLakeStorage", "path": "https://x/y"}),
        ("credentialDetails", {"credentialType": "Key", "connectionEncryption": "NotEncrypted"}),
    )

    async def test_creates_with_the_body_as_given(self) -> None:
        client, b = fabric(answer(201, dict(self.ANSWER)))
        made = await client.connections.create(dict(self.BODY))
        assert made.connection_details.path == "https://x/y"
        assert b.wire.body() == dict(self.BODY)
        assert "hush" not in repr(made)

    async def test_a_taken_name(self) -> None:
        client, _ = fabric(answer(409, {"errorCode": "DuplicateConnectionName", "message": "taken"}))
        with pytest.raises(AlreadyExists, match="create the connection 'lake'") as caught:
            await client.connections.create(dict(self.BODY))
        assert "hush" not in str(caught.value)

    async def test_is_not_made_twice(self) -> None:
        client, b = fabric(answer(502), answer(200, {"value": [dict(self.ANSWER)]}))
        assert (await client.connections.create(dict(self.BODY))).id == "c"
        assert b.wire.sent == ["POST /v1/connections", "GET /v1/connections"]

    async def test_asks_for_all_creation_methods(self) -> None:
        client, b = fabric(
            answer(
                200,
                {
                    "value": [
                        {
                            "type": "AzureDatabricksWorkspace",
                            "creationMethods": [
                                {
                                    "name": "AzureDatabricksWorkspace.Actions",
                                    "parameters": [{"name": "url", "dataType": "Text", "required": True}],
                                }
                            ],
                            "supportedCredentialTypes": ["Key", "ServicePrincipal"],
                            "supportedConnectionEncryptionTypes": ["NotEncrypted"],
                            "supportsSkipTestConnection": False,
                        }
                    ]
                },
            )
        )
        (kind,) = await client.connections.supported_types()
        assert kind.creation_methods[0].parameters[0].name == "url"
        assert b.wire.requests[0].url.params["showAllCreationMethods"] == "true"

    async def test_updates_shares_and_deletes(self) -> None:
        role = {"id": "p", "principal": {"id": "p", "type": "User"}, "role": "User"}
        client, b = fabric(
            answer(200, dict(self.ANSWER)), answer(201, role), answer(200, {"value": [role]}), answer(200)
        )
        await client.connections.update("c", {"connectivityType": "ShareableCloud", "displayName": "lake"})
        await client.connections.add_role_assignment("c", "p", "User", "User")
        assert [r.role for r in await client.connections.role_assignments("c")] == ["User"]
        await client.connections.delete("c")
        assert b.wire.sent == [
            "PATCH /v1/connections/c",
            "POST /v1/connections/c/roleAssignments",
            "GET /v1/connections/c/roleAssignments",
            "DELETE /v1/connections/c",
        ]


class TestLakehouses:
    FULL = (*ITEM.items(), ("properties", {"oneLakeTablesPath": "p", "defaultSchema": "dbo"}))

    @pytest.mark.parametrize("late", [False, True])
    async def test_creates_by_201_and_by_202_and_reads_in_full(self, late: bool) -> None:
        posted = answer(202, None, **ACCEPTED) if late else answer(201, ITEM)
        client, b = fabric(
            handler=routes(
                {
                    f"POST {LAKES}": posted,
                    "GET /v1/operations/op": DONE,
                    "GET /v1/operations/op/result": ITEM,
                    f"GET {LAKES}/i": dict(self.FULL),
                }
            )
        )
        made = await client.lakehouses.create("w", "sales", "ours")
        assert made.has_schemas
        assert b.wire.body(0) == {
            "displayName": "sales",
            "description": "ours",
            "creationPayload": {"enableSchemas": True},
        }

    async def test_without_schemas_there_is_no_payload(self) -> None:
        client, b = fabric(answer(201, ITEM), answer(200, ITEM))
        made = await client.lakehouses.create("w", "sales", enable_schemas=False)
        assert not made.has_schemas
        assert b.wire.body(0) == {"displayName": "sales", "description": ""}

    async def test_looks_by_name_without_case_after_a_doubt(self) -> None:
        client, b = fabric(
            httpx.ReadError("reset"), answer(200, {"value": [{**ITEM, "displayName": "Sales"}]}), answer(200, ITEM)
        )
        assert (await client.lakehouses.create("w", "sales")).id == "i"
        assert b.wire.sent == [f"POST {LAKES}", f"GET {LAKES}", f"GET {LAKES}/i"]

    async def test_a_202_without_headers_is_looked_for(self) -> None:
        client, _ = fabric(
            answer(202), answer(200, {"value": []}), answer(200, {"value": [ITEM]}), answer(200, dict(self.FULL))
        )
        assert (await client.lakehouses.create("w", "sales")).has_schemas

    async def test_waits_for_the_name_of_a_deleted_item(self) -> None:
        busy = answer(409, {"errorCode": "ItemDisplayNameNotAvailableYet", "message": "soon", "isRetriable": True})
        client, b = fabric(busy, answer(201, ITEM), answer(200, ITEM))
        assert (await client.lakehouses.create("w", "sales")).id == "i"
        assert b.clock.sleeps == [2.0]

    async def test_updates_and_deletes(self) -> None:
        client, b = fabric(answer(200, ITEM), answer(200, dict(self.FULL)), answer(200))
        assert (await client.lakehouses.update("w", "i", description="new")).has_schemas
        assert b.wire.body(0) == {"description": "new"}
        await client.lakehouses.delete("w", "i")
        assert b.wire.sent[-1] == f"DELETE {LAKES}/i"


class TestMirroredCatalogs:
    DEFINITION = (("$schema", "s"), ("catalogName", "sales"), ("mirroringMode", "Full"))

    async def test_creates_from_a_definition_only(self) -> None:
        client, b = fabric(answer(201, ITEM), answer(200, {**ITEM, "properties": {"catalogName": "sales"}}))
        made = await client.mirrored_catalogs.create("w", "sales", "ours", dict(self.DEFINITION))
        assert made.properties.catalog_name == "sales"
        body = b.wire.body(0)
        assert set(body) == {"displayName", "description", "definition"}
        (sent,) = body["definition"]["parts"]
        assert (sent["path"], sent["payloadType"]) == ("definition.json", "InlineBase64")
        assert json.loads(base64.b64decode(sent["payload"])) == dict(self.DEFINITION)

    async def test_a_creation_that_fails_afterwards(self) -> None:
        failed = {"status": "Failed", "error": {"errorCode": "ConnectionNotFound", "message": "dead"}}
        client, _ = fabric(answer(202, None, **ACCEPTED), answer(200, failed))
        with pytest.raises(OperationFailed, match=r"create the mirrored catalog 'sales'.*ConnectionNotFound: dead"):
            await client.mirrored_catalogs.create("w", "sales", "", {})

    @pytest.mark.parametrize("late", [False, True])
    async def test_reads_the_definition_from_200_and_from_the_result(self, late: bool) -> None:
        held = {"definition": {"parts": [part("definition.json", '{"catalogName": "sales"}'), part(".platform", "{}")]}}
        null = httpx.Response(202, content=b"null", headers={"x-ms-operation-id": "op", "retry-after": "1"})
        client, b = fabric(*([null, answer(200, DONE)] if late else []), answer(200, held))
        assert await client.mirrored_catalogs.definition("w", "i") == {"catalogName": "sales"}
        assert b.wire.sent[0] == f"POST {MIRRORS}/i/getDefinition"
        assert b.meter.total(effect="write") == 0

    async def test_a_definition_without_its_part_is_an_error(self) -> None:
        client, _ = fabric(answer(200, {"definition": {"parts": []}}))
        with pytest.raises(CloudError, match=r"no part definition\.json"):
            await client.mirrored_catalogs.definition("w", "i")
        client, _ = fabric(answer(200))
        with pytest.raises(CloudError, match="no definition"):
            await client.mirrored_catalogs.definition("w", "i")

    async def test_updates_properties_under_properties(self) -> None:
        client, b = fabric(answer(200, ITEM), answer(200, ITEM))
        await client.mirrored_catalogs.update("w", "i", auto_sync="Enabled", storage_connection_id="c", description="d")
        assert b.wire.body(0) == {
            "description": "d",
            "properties": {"autoSync": "Enabled", "storageConnectionId": "c"},
        }

    async def test_replaces_the_definition_and_refreshes(self) -> None:
        client, b = fabric(answer(200), answer(202, None, **ACCEPTED), answer(200, DONE))
        await client.mirrored_catalogs.update_definition("w", "i", dict(self.DEFINITION))
        await client.mirrored_catalogs.refresh("w", "i")
        assert b.wire.sent[:2] == [f"POST {MIRRORS}/i/updateDefinition", f"POST {MIRRORS}/i/refreshCatalogMetadata"]

    async def test_waits_while_a_sync_runs(self) -> None:
        busy = answer(409, {"errorCode": "SyncInProgress", "message": "a sync runs", "isRetriable": True})
        client, _ = fabric(busy, answer(200))
        await client.mirrored_catalogs.update_definition("w", "i", {})


class TestDiscovery:
    async def test_lists_as_the_connection_sees(self) -> None:
        client, b = fabric(
            answer(200, {"value": [{"name": "sales", "catalogType": "MANAGED_CATALOG"}], "continuationToken": None}),
            answer(200, {"value": [{"name": "orders"}]}),
            answer(200, {"value": [{"name": "items", "tableType": "MANAGED", "dataSourceFormat": "DELTA"}]}),
        )
        assert [c.name for c in await client.discovery.catalogs("w", "c")] == ["sales"]
        assert [s.name for s in await client.discovery.schemas("w", "c", "sales")] == ["orders"]
        assert [t.table_type for t in await client.discovery.tables("w", "c", "sales", "a b")] == ["MANAGED"]
        assert b.wire.requests[2].url.raw_path == (
            b"/v1/workspaces/w/azureDatabricks/catalogs/sales/schemas/a%20b/tables?databricksWorkspaceConnectionId=c"
        )

    async def test_an_error_beside_the_values_is_an_error(self) -> None:
        client, _ = fabric(answer(200, {"value": [], "Error": {"errorCode": "Denied", "message": "no right"}}))
        with pytest.raises(CloudError, match="Denied: no right"):
            await client.discovery.catalogs("w", "c")


class TestShortcuts:
    def wanted(self, *names: str) -> list[ShortcutRequest]:
        return [ShortcutRequest.to_onelake("Tables/o", name, "W", "m", f"Tables/o/{name}") for name in names]

    def held(self, name: str) -> dict[str, Any]:
        target = {"type": "OneLake", "oneLake": {"workspaceId": "w", "itemId": "m", "path": f"Tables/o/{name}"}}
        return {"path": "/Tables/o", "name": name, "target": target}

    def made(self, *names: str) -> dict[str, Any]:
        return {
            "value": [
                {
                    "request": {"path": "Tables/o", "name": name},
                    "result": self.held(name),
                    "status": "Succeeded",
                    "error": None,
                }
                for name in names
            ]
        }

    @pytest.mark.parametrize("late", [False, True])
    async def test_creates_many_at_once(self, late: bool) -> None:
        client, b = fabric(
            *([answer(202, None, **ACCEPTED), answer(200, DONE)] if late else []), answer(200, self.made("a", "b"))
        )
        results = await client.shortcuts.bulk_create("w", "i", self.wanted("a", "b"), "CreateOrOverwrite")
        assert [result.status for result in results] == ["Succeeded", "Succeeded"]
        assert b.wire.requests[0].url.params["shortcutConflictPolicy"] == "CreateOrOverwrite"
        assert b.wire.body(0)["createShortcutRequests"][0] == {
            "path": "Tables/o",
            "name": "a",
            "target": {"oneLake": {"workspaceId": "W", "itemId": "m", "path": "Tables/o/a"}},
        }

    async def test_after_a_doubt_asks_only_for_what_is_missing(self) -> None:
        client, b = fabric(
            httpx.ReadError("reset"), answer(200, {"value": [self.held("a")]}), answer(200, self.made("b"))
        )
        results = await client.shortcuts.bulk_create("w", "i", self.wanted("a", "b"))
        assert sorted(result.request.name for result in results) == ["a", "b"]
        assert [request["name"] for request in b.wire.body()["createShortcutRequests"]] == ["b"]

    async def test_what_the_earlier_attempt_made_late_is_no_failure(self) -> None:
        failed = {"request": {"path": "Tables/o", "name": "a"}, "status": "Failed", "error": {"errorCode": "Conflict"}}
        client, _ = fabric(
            httpx.ReadError("reset"),
            answer(200, {"value": []}),
            answer(200, {"value": [failed]}),
            answer(200, {"value": [self.held("a")]}),
        )
        (result,) = await client.shortcuts.bulk_create("w", "i", self.wanted("a"))
        assert result.status == "Succeeded"

    async def test_failures_are_results(self) -> None:
        failed = {
            "request": {"path": "Tables/o", "name": "a"},
            "status": "Failed",
            "error": {"errorCode": "Conflict", "message": "there"},
        }
        client, _ = fabric(answer(200, {"value": [failed]}))
        (result,) = await client.shortcuts.bulk_create("w", "i", self.wanted("a"))
        assert result.error
        assert result.error.error_code == "Conflict"

    async def test_nothing_wanted_sends_nothing(self) -> None:
        client, b = fabric()
        assert await client.shortcuts.bulk_create("w", "i", []) == []
        assert b.wire.requests == []

    async def test_lists_and_deletes(self) -> None:
        client, b = fabric(answer(200, {"value": [self.held("a b")]}), answer(200))
        (shortcut,) = await client.shortcuts.list("w", "i")
        assert shortcut.path == "/Tables/o"
        assert shortcut.place == ("Tables/o", "a b")
        await client.shortcuts.delete("w", "i", shortcut.path, shortcut.name)
        assert b.wire.requests[1].url.raw_path == f"{SHORTCUTS}/Tables%2Fo/a%20b".encode()


class TestSemanticModels:
    async def test_creates_and_reads_tmdl(self) -> None:
        parts = {"definition.pbism": "{}", "definition/model.tmdl": "model Model\n\tculture: de-DE\n"}
        held = {"definition": {"format": "TMDL", "parts": [part(path, text) for path, text in parts.items()]}}
        client, b = fabric(
            answer(202, None, **ACCEPTED),
            answer(200, DONE),
            answer(200, {**ITEM, "type": "SemanticModel"}),
            answer(200, {**ITEM, "type": "SemanticModel"}),
            answer(200, held),
        )
        made = await client.semantic_models.create("w", "Sales", "ours", parts)
        assert made.id == "i"
        assert b.wire.body(0)["definition"] == held["definition"]
        assert await client.semantic_models.definition("w", "i") == parts
        assert b.wire.sent[-1] == f"POST {MODELS}/i/getDefinition"
        assert b.wire.requests[-1].url.params["format"] == "TMDL"

    async def test_replaces_and_renames(self) -> None:
        client, b = fabric(answer(200), answer(200, ITEM), answer(200, ITEM), answer(200))
        await client.semantic_models.update_definition("w", "i", {"definition.pbism": "{}"})
        await client.semantic_models.update("w", "i", display_name="New")
        await client.semantic_models.delete("w", "i")
        assert b.wire.body(0) == {"definition": {"format": "TMDL", "parts": [part("definition.pbism", "{}")]}}
        assert b.wire.body(1) == {"displayName": "New"}


class TestOthers:
    async def test_refreshes_a_sql_endpoint(self) -> None:
        status = {"tableName": "orders.items", "status": "Failure", "error": {"errorCode": "X", "message": "m"}}
        client, b = fabric(answer(200, {"value": [status]}), answer(200, {"connectionString": "host"}))
        (table,) = await client.sql_endpoints.refresh_metadata("w", "e")
        assert table.error
        assert table.error.error_code == "X"
        assert await client.sql_endpoints.connection_string("w", "e") == "host"
        assert b.wire.sent[0] == "POST /v1/workspaces/w/sqlEndpoints/e/refreshMetadata"

    async def test_lists_items_of_a_type(self) -> None:
        client, b = fabric(answer(200, {"value": [ITEM]}), answer(200))
        assert [item.id for item in await client.items.list("w", "Lakehouse")] == ["i"]
        assert b.wire.requests[0].url.params["type"] == "Lakehouse"
        await client.items.delete("w", "i")
        assert b.wire.sent[-1] == "DELETE /v1/workspaces/w/items/i"

    async def test_reads_all_pages_of_roles_and_writes_one(self) -> None:
        role = {"name": "readers", "decisionRules": [], "members": {}}
        url = f"{BASE}/workspaces/w/items/i/dataAccessRoles?continuationToken=x"
        client, b = fabric(
            answer(200, {"value": [role], "continuationUri": url}, ETag="1"),
            answer(200, {"value": [{**role, "name": "b", "eTag": "2"}]}),
            answer(201),
            answer(200),
        )
        roles, etag = await client.access_roles.list("w", "i")
        assert [r.name for r in roles] == ["readers", "b"]
        assert etag == "1"
        await client.access_roles.upsert("w", "i", DataAccessRole(name="readers"), "Abort")
        assert b.wire.requests[2].url.params["dataAccessRoleConflictPolicy"] == "Abort"
        await client.access_roles.delete("w", "i", "readers")
        assert b.wire.sent[-1] == "DELETE /v1/workspaces/w/items/i/dataAccessRoles/readers"

    async def test_a_role_whose_answer_was_lost_is_looked_for_before_it_is_written_again(self) -> None:
        role = DataAccessRole(name="readers")
        client, b = fabric(httpx.ReadError("reset"), answer(200, {"value": [role.body()]}))
        await client.access_roles.upsert("w", "i", role, "Abort")
        assert [request.method for request in b.wire.requests] == ["POST", "GET"]
