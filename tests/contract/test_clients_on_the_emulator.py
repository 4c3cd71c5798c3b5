"""The library's clients against the emulator: two readings of the specifications that have to agree."""

import pytest

from cloud_emulator.core.cloud import Cloud
from tests.contract.world import (
    ACCOUNT,
    CAPACITY,
    DATABRICKS,
    FABRIC_RULE,
    METASTORE,
    READER,
    READER_APP,
    RUNNER,
    RUNNER_APP,
    TENANT,
    URL,
    WORKSPACE,
    SharedTime,
    databricks_connection,
    definition,
    storage_connection,
)
from unity_mirror.clouds import Clouds
from unity_mirror.errors import (
    AlreadyExists,
    CloudError,
    FirewallDenied,
    InvalidRequest,
    NotFound,
    OperationFailed,
    PreconditionFailed,
)
from unity_mirror.models.arm import ResourceAccessRule
from unity_mirror.models.fabric import ShortcutRequest
from unity_mirror.models.identity import Identity
from unity_mirror.models.items import MirroredCatalog
from unity_mirror.models.storage import AclEntry

READER_ROLE = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
ASSIGNMENT = "99990000-0000-4000-8000-000000000001"


async def test_knows_who_it_is(clouds: Clouds) -> None:
    assert await clouds.clients.whoami() == Identity(RUNNER, RUNNER_APP, TENANT)
    assert clouds.meter.total() == clouds.meter.total(effect="auth")


class TestUnityCatalog:
    async def test_reads_all_there_is(self, clouds: Clouds) -> None:
        client = clouds.clients.unity_catalog(URL)
        summary = await client.metastore_summary()
        assert (summary.metastore_id, summary.external_access_enabled) == (METASTORE, True)
        assert [catalog.name for catalog in await client.catalogs()] == ["sales"]
        assert (await client.catalog("sales")).owner == RUNNER_APP
        schemas = {schema.name for schema in await client.schemas("sales")}
        assert {"orders", "customers", "empty"} <= schemas
        assert [str(table.ref) for table in await client.tables("sales", "orders")] == [
            "orders.headers",
            "orders.lines",
        ]
        table = await client.table("sales.orders.lines")
        assert table.primary_key
        assert table.primary_key.child_columns == ("id",)
        assert [column.type_name for column in table.columns] == ["LONG"]
        with pytest.raises(NotFound):
            await client.table("sales.orders.nothing")
        assert clouds.meter.total(effect="write") == 0

    async def test_grants_revokes_and_sees_it(self, clouds: Clouds) -> None:
        client = clouds.clients.unity_catalog(URL)
        (held,) = await client.grants("schema", "sales.orders", READER_APP)
        assert held.has("EXTERNAL USE SCHEMA")
        await client.grant("schema", "sales.orders", READER_APP, remove=["EXTERNAL_USE_SCHEMA"])
        (held,) = await client.grants("schema", "sales.orders", READER_APP)
        assert not held.has("EXTERNAL USE SCHEMA")
        await client.grant("catalog", "sales", READER_APP, add=["EXTERNAL_USE_SCHEMA"])
        effective = await client.effective_privileges("schema", "sales.orders", READER_APP)
        inherited = next(each for each in effective if each.privilege == "EXTERNAL_USE_SCHEMA")
        assert (inherited.inherited_from_type or "").upper() == "CATALOG"
        assert inherited.inherited_from_name == "sales"

    async def test_switches_external_access(self, clouds: Clouds) -> None:
        client = clouds.clients.unity_catalog(URL)
        await client.update_metastore(METASTORE, {"external_access_enabled": False})
        assert (await client.metastore_summary()).external_access_enabled is False

    async def test_looks_around_the_workspace(self, clouds: Clouds) -> None:
        client = clouds.clients.databricks(URL)
        assert [group.display_name for group in await client.groups()] == ["admins"]
        assert [group.display_name for group in await client.groups('displayName eq "admins"')] == ["admins"]
        assert READER_APP in {each.application_id for each in await client.service_principals()}
        assert await client.ip_access_lists_enabled() is False


class TestAzure:
    async def test_adds_a_rule_and_keeps_everybody_elses(self, clouds: Clouds) -> None:
        arm = clouds.clients.arm
        before = (await arm.storage_account(ACCOUNT)).network_acls
        rule = ResourceAccessRule(tenant_id=TENANT, resource_id=FABRIC_RULE)
        await arm.update_network_acls(ACCOUNT, before.with_rule(rule))
        after = (await arm.storage_account(ACCOUNT)).network_acls
        assert after.admits(rule)
        assert after.without_rule(rule) == before.raw
        assert before.raw["ipv6Rules"]

    async def test_assigns_a_role_once(self, clouds: Clouds) -> None:
        arm = clouds.clients.arm
        for _ in range(2):
            made = await arm.create_role_assignment(ACCOUNT, ASSIGNMENT, READER, READER_ROLE, "ServicePrincipal")
        assert (made.name, made.role_id) == (ASSIGNMENT, READER_ROLE)
        held = await arm.role_assignments(ACCOUNT, READER)
        assert [each.name for each in held] == [ASSIGNMENT]
        other = ASSIGNMENT[:-1] + "2"
        with pytest.raises(AlreadyExists):
            await arm.create_role_assignment(ACCOUNT, other, READER, READER_ROLE, "ServicePrincipal")
        await arm.delete_role_assignment(ACCOUNT, ASSIGNMENT)
        await arm.delete_role_assignment(ACCOUNT, ASSIGNMENT)
        assert await arm.role_assignments(ACCOUNT, READER) == []

    async def test_an_application_id_is_nobody_here(self, clouds: Clouds, time: SharedTime) -> None:
        with pytest.raises(InvalidRequest, match="object id, not the application id"):
            await clouds.clients.arm.create_role_assignment(
                ACCOUNT, ASSIGNMENT, READER_APP, READER_ROLE, "ServicePrincipal"
            )
        assert time.slept >= 100  # a principal that Azure doesn't know yet is given minutes

    async def test_reads_the_databricks_workspace(self, clouds: Clouds) -> None:
        workspace = await clouds.clients.arm.databricks_workspace(DATABRICKS)
        assert workspace.public_network_access == "Enabled"
        assert workspace.private_endpoint_connections == ()


class TestStorage:
    async def test_reads_merges_and_writes_a_list(self, clouds: Clouds) -> None:
        storage = clouds.clients.storage
        held = await storage.access_control("contosolake", "lake", "sales")
        merged = held.acl.merge(AclEntry("user", READER, "r-x")).merge(AclEntry("user", READER, "r-x", default=True))
        await storage.set_access_control("contosolake", "lake", "sales", merged, held.etag)
        after = await storage.access_control("contosolake", "lake", "sales")
        assert after.acl.permissions("user", READER) == "r-x"
        assert after.acl.permissions("user", READER, default=True) == "r-x"
        with pytest.raises(PreconditionFailed):
            await storage.set_access_control("contosolake", "lake", "sales", merged, held.etag)
        root = await storage.access_control("contosolake", "lake", "")
        await storage.set_access_control(
            "contosolake", "lake", "", root.acl.merge(AclEntry("user", READER, "--x")), root.etag
        )
        root = await storage.access_control("contosolake", "lake", "")
        assert root.acl.permissions("user", READER) == "--x"

    async def test_merges_below_a_folder(self, clouds: Clouds) -> None:
        storage = clouds.clients.storage
        progress = await storage.modify_acl_recursive("contosolake", "lake", "sales", f"user:{READER}:r-x")
        assert progress.failure_count == 0
        assert progress.continuation is None
        assert progress.files_successful == 3
        held = await storage.access_control("contosolake", "lake", "sales/orders/lines")
        assert held.acl.permissions("user", READER) == "r-x"

    async def test_lists_and_reads(self, clouds: Clouds) -> None:
        storage = clouds.clients.storage
        names = [(each.name, each.is_directory) for each in await storage.list_paths("contosolake", "lake", "sales")]
        assert names == [("sales/customers", True), ("sales/orders", True)]
        log = f"sales/orders/lines/_delta_log/{0:020}.json"
        assert await storage.read("contosolake", "lake", log) == b"{}"
        everything = await storage.list_paths("contosolake", "lake", "", recursive=True)
        assert log in {each.name for each in everything if not each.is_directory}
        with pytest.raises(NotFound):
            await storage.list_paths("contosolake", "lake", "nowhere")
        with pytest.raises(NotFound):
            await storage.access_control("contosolake", "lake", "nowhere")

    async def test_tells_the_firewall_from_everything_else(self, clouds: Clouds) -> None:
        await clouds.clients.storage.reachable("contosolake", "lake")
        acls = (await clouds.clients.arm.storage_account(ACCOUNT)).network_acls
        await clouds.clients.arm.update_network_acls(ACCOUNT, {**acls.raw, "ipRules": []})
        with pytest.raises(FirewallDenied):
            await clouds.clients.storage.reachable("contosolake", "lake")
        with pytest.raises(FirewallDenied):
            await clouds.clients.storage.access_control("contosolake", "lake", "sales")
        with pytest.raises(FirewallDenied):
            await clouds.clients.storage.list_paths("contosolake", "lake", "sales")


class TestFabric:
    async def test_sees_workspaces_and_capacities(self, clouds: Clouds) -> None:
        fabric = clouds.clients.fabric
        (workspace,) = await fabric.workspaces.list()
        assert (workspace.id, workspace.capacity_id) == (WORKSPACE, CAPACITY)
        assert (await fabric.workspaces.get(WORKSPACE)).workspace_identity is None
        assert [capacity.sku for capacity in await fabric.capacities.list()] == ["F64"]

    async def test_shares_a_workspace_once(self, clouds: Clouds) -> None:
        workspaces = clouds.clients.fabric.workspaces
        made = await workspaces.add_role_assignment(WORKSPACE, READER, "ServicePrincipal", "Viewer")
        assert made.role == "Viewer"
        assert {each.principal.id for each in await workspaces.role_assignments(WORKSPACE)} == {RUNNER, READER}
        with pytest.raises(AlreadyExists):
            await workspaces.add_role_assignment(WORKSPACE, READER, "ServicePrincipal", "Member")

    async def test_creates_the_workspace_identity(self, clouds: Clouds) -> None:
        workspaces = clouds.clients.fabric.workspaces
        made = await workspaces.provision_identity(WORKSPACE)
        assert (await workspaces.get(WORKSPACE)).workspace_identity == made
        assert made.application_id != made.service_principal_id

    async def test_knows_what_connections_need(self, clouds: Clouds) -> None:
        kinds = {kind.type: kind for kind in await clouds.clients.fabric.connections.supported_types()}
        databricks = kinds["AzureDatabricksWorkspace"]
        assert [method.name for method in databricks.creation_methods] == ["AzureDatabricksWorkspace.Actions"]
        assert "ServicePrincipal" in databricks.supported_credential_types
        assert "WorkspaceIdentity" in kinds["AzureDataLakeStorage"].supported_credential_types

    async def test_creates_shares_and_deletes_a_connection(self, clouds: Clouds) -> None:
        connections = clouds.clients.fabric.connections
        made = await connections.create(databricks_connection("databricks-sales"))
        assert made.connection_details.path.rstrip("/") == URL
        assert [each.id for each in await connections.list()] == [made.id]
        with pytest.raises(AlreadyExists):
            await connections.create(databricks_connection("databricks-sales"))
        await connections.add_role_assignment(made.id, READER, "ServicePrincipal", "User")
        assert {each.role for each in await connections.role_assignments(made.id)} == {"Owner", "User"}
        await connections.delete(made.id)
        with pytest.raises(CloudError):
            await connections.get(made.id)

    async def test_refuses_credentials_that_do_not_work(self, clouds: Clouds) -> None:
        body = databricks_connection("bad")
        body["credentialDetails"]["credentials"]["servicePrincipalSecret"] = "wrong-secret"
        with pytest.raises(CloudError, match="IncorrectCredentials") as caught:
            await clouds.clients.fabric.connections.create(body)
        assert "wrong-secret" not in str(caught.value)


async def mirrored(clouds: Clouds) -> MirroredCatalog:
    """Do what it takes to mirror ``sales`` behind its firewall, and wait for the first sync."""
    fabric, arm, storage = clouds.clients.fabric, clouds.clients.arm, clouds.clients.storage
    identity = await fabric.workspaces.provision_identity(WORKSPACE)
    principal = identity.service_principal_id
    roles = await fabric.workspaces.role_assignments(WORKSPACE)
    if principal not in {each.principal.id for each in roles}:
        await fabric.workspaces.add_role_assignment(WORKSPACE, principal, "ServicePrincipal", "Contributor")
    await arm.create_role_assignment(ACCOUNT, ASSIGNMENT, principal, READER_ROLE, "ServicePrincipal")
    acls = (await arm.storage_account(ACCOUNT)).network_acls
    rule = ResourceAccessRule(tenant_id=TENANT, resource_id=FABRIC_RULE)
    await arm.update_network_acls(ACCOUNT, acls.with_rule(rule))
    await storage.reachable("contosolake", "lake")
    databricks = await fabric.connections.create(databricks_connection("databricks-sales"))
    lake = await fabric.connections.create(storage_connection("lake-sales"))
    made = await fabric.mirrored_catalogs.create(WORKSPACE, "sales", "ours", definition(databricks.id, lake.id))
    for _ in range(30):
        item = await fabric.mirrored_catalogs.get(WORKSPACE, made.id)
        details = item.properties.sync_details
        if details and details.status == "Success" and item.properties.sql_endpoint_properties:
            return item
        await clouds.clock.sleep(2)
    raise AssertionError(f"no sync: {details}")


class TestMirroring:
    async def test_mirrors_a_catalog(self, clouds: Clouds) -> None:
        item = await mirrored(clouds)
        fabric = clouds.clients.fabric
        assert item.properties.catalog_name == "sales"
        assert item.description == "ours"
        held = await fabric.mirrored_catalogs.definition(WORKSPACE, item.id)
        assert (held["catalogName"], held["mirroringMode"]) == ("sales", "Full")
        tables = await clouds.clients.onelake.list_paths(WORKSPACE, item.id, "Tables/orders")
        assert [each.name for each in tables] == ["Tables/orders/headers", "Tables/orders/lines"]
        log = f"Tables/orders/lines/_delta_log/{0:020}.json"
        assert await clouds.clients.onelake.read(WORKSPACE, item.id, log) == b"{}"
        assert await clouds.clients.onelake.read(WORKSPACE, item.id, log, range=(1, 1)) == b"}"
        assert {each.type for each in await fabric.items.list(WORKSPACE)} == {
            "MirroredAzureDatabricksCatalog",
            "SQLEndpoint",
        }
        endpoint = item.properties.sql_endpoint_properties
        assert endpoint
        statuses = await fabric.sql_endpoints.refresh_metadata(WORKSPACE, endpoint.id)
        assert {each.status for each in statuses} <= {"Success", "NotRun"}
        assert await fabric.sql_endpoints.connection_string(WORKSPACE, endpoint.id) == endpoint.connection_string

    async def test_discovers_through_the_connection(self, clouds: Clouds) -> None:
        fabric = clouds.clients.fabric
        made = await fabric.connections.create(databricks_connection("databricks-sales"))
        assert [each.name for each in await fabric.discovery.catalogs(WORKSPACE, made.id)] == ["sales"]
        assert {each.name for each in await fabric.discovery.schemas(WORKSPACE, made.id, "sales")} >= {"orders"}
        tables = await fabric.discovery.tables(WORKSPACE, made.id, "sales", "orders")
        assert [each.name for each in tables] == ["headers", "lines"]

    async def test_changes_and_deletes_it(self, clouds: Clouds, time: SharedTime) -> None:
        item = await mirrored(clouds)
        mirrors = clouds.clients.fabric.mirrored_catalogs
        changed = await mirrors.update(WORKSPACE, item.id, auto_sync="Disabled", description="theirs")
        assert (changed.properties.auto_sync, changed.description) == ("Disabled", "theirs")
        held = await mirrors.definition(WORKSPACE, item.id)
        partial = {
            **held,
            "mirroringMode": "Partial",
            "mirrorConfiguration": {"schemas": [{"name": "orders", "mirroringMode": "Full"}]},
        }
        await mirrors.update_definition(WORKSPACE, item.id, partial)
        assert (await mirrors.get(WORKSPACE, item.id)).properties.mirroring_mode == "Partial"
        await mirrors.refresh(WORKSPACE, item.id)
        await mirrors.delete(WORKSPACE, item.id)
        assert await mirrors.list(WORKSPACE) == []
        slept = time.slept
        again = {key: value for key, value in held.items() if key != "mirrorConfiguration"}
        assert (await mirrors.create(WORKSPACE, "sales", "", again)).id != item.id
        assert time.slept - slept >= 10  # the deleted item's name frees up late

    async def test_a_dead_connection_is_a_failed_operation(self, clouds: Clouds) -> None:
        body = definition("99990000-0000-4000-8000-00000000dead", "99990000-0000-4000-8000-00000000dead")
        with pytest.raises(OperationFailed, match="create the mirrored catalog"):
            await clouds.clients.fabric.mirrored_catalogs.create(WORKSPACE, "sales", "", body)

    async def test_shortcuts_into_a_lakehouse(self, clouds: Clouds) -> None:
        item = await mirrored(clouds)
        fabric = clouds.clients.fabric
        lakehouse = await fabric.lakehouses.create(WORKSPACE, "sales_lake", "ours")
        assert lakehouse.has_schemas
        requests = [
            ShortcutRequest.to_onelake("Tables/orders", name, WORKSPACE, item.id, f"Tables/orders/{name}")
            for name in ("headers", "lines")
        ]
        results = await fabric.shortcuts.bulk_create(WORKSPACE, lakehouse.id, requests)
        assert [each.status for each in results] == ["Succeeded", "Succeeded"]
        held = await fabric.shortcuts.list(WORKSPACE, lakehouse.id)
        assert sorted(each.place for each in held) == [("Tables/orders", "headers"), ("Tables/orders", "lines")]
        assert all(each.target.one_lake and each.target.one_lake.item_id == item.id for each in held)
        results = await fabric.shortcuts.bulk_create(WORKSPACE, lakehouse.id, requests[:1])
        assert [each.status for each in results] == ["Failed"]
        results = await fabric.shortcuts.bulk_create(WORKSPACE, lakehouse.id, requests[:1], "CreateOrOverwrite")
        assert [each.status for each in results] == ["Succeeded"]
        log = f"Tables/orders/lines/_delta_log/{0:020}.json"
        assert await clouds.clients.onelake.read(WORKSPACE, lakehouse.id, log) == b"{}"
        for shortcut in held:
            await fabric.shortcuts.delete(WORKSPACE, lakehouse.id, shortcut.path, shortcut.name)
        assert await fabric.shortcuts.list(WORKSPACE, lakehouse.id) == []

    async def test_data_access_roles(self, clouds: Clouds) -> None:
        item = await mirrored(clouds)
        roles, etag = await clouds.clients.fabric.access_roles.list(WORKSPACE, item.id)
        assert etag
        assert [role.name for role in roles] == ["DefaultReader"]


async def test_pages_of_one_change_nothing(cloud: Cloud, clouds: Clouds) -> None:
    cloud.behaviour = cloud.behaviour.model_copy(update={"page_size": 1})
    cloud.store.commit()
    client = clouds.clients.unity_catalog(URL)
    assert [str(table.ref) for table in await client.tables("sales", "orders")] == ["orders.headers", "orders.lines"]
    assert len(await client.schemas("sales")) >= 3
    assert len(await clouds.clients.fabric.connections.supported_types()) >= 3
    listed = await clouds.clients.storage.list_paths("contosolake", "lake", "sales", recursive=True)
    assert len(listed) == 11
    progress = await clouds.clients.storage.modify_acl_recursive("contosolake", "lake", "sales", f"user:{READER}:r-x")
    assert progress.failure_count == 0
