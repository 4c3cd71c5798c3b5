"""Rules of Unity Catalog, broken."""

from __future__ import annotations

from typing import Any

from tests.emulator.rules.registry import breaks
from tests.emulator.rules.seed import (
    ADMIN,
    AUDITOR,
    AUDITOR_APP,
    BARE_HOST,
    CLOSED_HOST,
    CONNECTOR,
    CONNECTOR_APP,
    LISTED_HOST,
    METASTORE,
    NETWORK,
    OPEN,
    OTHER_TOKEN,
    OWNER,
    OWNER_APP,
    TOKEN,
    VIEWER,
)  # fmt: skip
from tests.emulator.rules.world import Answer, World

LINES, PEOPLE = "/tables/sales.orders.lines", "/tables/hr.staff.people"
DENIED, INVALID = (403, "PERMISSION_DENIED"), (400, "INVALID_PARAMETER_VALUE")


async def grant(
    world: World, securable: str, *add: str, to: str = CONNECTOR_APP, by: str = OWNER, remove: tuple[str, ...] = ()
) -> Answer:
    """``securable`` such as ``schema/sales.orders``."""
    body = {"changes": [{"principal": to, "add": list(add), "remove": list(remove)}]}
    return await world.unity("PATCH", f"/permissions/{securable}", body, by)


async def revoke(world: World, securable: str, *privileges: str, to: str = CONNECTOR_APP) -> None:
    (await grant(world, securable, to=to, remove=privileges)).ok()


async def vend(world: World, table: str, operation: str = "READ", who: str = CONNECTOR) -> Answer:
    """Temporary credentials for a table."""
    table_id = (await world.unity("GET", f"/tables/{table}", who=OWNER)).ok()["table_id"]
    body = {"table_id": table_id, "operation": operation}
    return await world.unity("POST", "/api/2.0/unity-catalog/temporary-table-credentials", body, who)


async def summary(world: World, who: str = CONNECTOR, **more: str) -> tuple[int, str]:
    return (await world.unity("GET", "/metastore_summary", who=who, **more)).verdict


@breaks("unity_catalog.workspace.member")
async def test_a_stranger_signs_in(world: World) -> None:
    assert await summary(world, VIEWER) == (403, "403")
    assert await summary(world) == (200, "")


@breaks("unity_catalog.workspace.application_id")
async def test_a_grant_to_an_object_id(world: World) -> None:
    answer = await grant(world, "catalog/hr", "SELECT", to=AUDITOR)
    assert answer.verdict == (404, "PRINCIPAL_DOES_NOT_EXIST")
    assert (await grant(world, "catalog/hr", "SELECT", to=AUDITOR_APP)).status == 200


@breaks("unity_catalog.workspace.token")
async def test_another_workspaces_token(world: World) -> None:
    assert await summary(world, token=TOKEN) == (200, "")
    assert await summary(world, token=OTHER_TOKEN) == (401, "UNAUTHENTICATED")


@breaks("unity_catalog.workspace.access_lists")
async def test_an_address_that_is_not_listed(world: World) -> None:
    assert await summary(world, host=LISTED_HOST) == DENIED
    await world.behave(client_address="198.51.100.7")
    assert await summary(world, host=LISTED_HOST) == (200, "")


@breaks("unity_catalog.workspace.private")
async def test_a_workspace_without_public_access(world: World) -> None:
    assert await summary(world, host=CLOSED_HOST) == DENIED
    await world.behave(client_virtual_network=NETWORK)
    assert await summary(world, host=CLOSED_HOST) == (200, "")


@breaks("unity_catalog.workspace.metastore")
async def test_a_workspace_without_a_metastore(world: World) -> None:
    assert await summary(world, host=BARE_HOST) == (404, "METASTORE_DOES_NOT_EXIST")


@breaks("unity_catalog.workspace.bound")
async def test_a_catalog_that_is_bound_elsewhere(world: World) -> None:
    assert (await world.unity("GET", "/catalogs/bound")).verdict == (404, "CATALOG_DOES_NOT_EXIST")
    await world.behave(client_address="198.51.100.7")
    assert (await world.unity("GET", "/catalogs/bound", host=LISTED_HOST)).status == 200


@breaks("unity_catalog.privileges.inherited")
async def test_what_a_catalogs_privileges_lead_to(world: World) -> None:
    assert (await world.unity("GET", PEOPLE)).status == 200
    assert (await vend(world, "hr.staff.people")).status == 200


@breaks("unity_catalog.privileges.groups")
async def test_what_a_groups_privileges_lead_to(world: World) -> None:
    (await grant(world, "catalog/hr", "USE_CATALOG", "USE_SCHEMA", "SELECT", to="auditors")).ok()
    assert (await world.unity("GET", PEOPLE, who=AUDITOR)).status == 200


@breaks("unity_catalog.privileges.use_catalog")
async def test_no_use_catalog(world: World) -> None:
    await revoke(world, "catalog/sales", "USE_CATALOG")
    assert (await world.unity("GET", LINES)).verdict == DENIED
    assert (await vend(world, "sales.orders.lines")).verdict == DENIED


@breaks("unity_catalog.privileges.use_schema")
async def test_no_use_schema(world: World) -> None:
    await revoke(world, "schema/sales.orders", "USE_SCHEMA")
    assert (await world.unity("GET", LINES)).verdict == DENIED
    assert (await vend(world, "sales.orders.lines")).verdict == DENIED


@breaks("unity_catalog.privileges.select")
async def test_no_select(world: World) -> None:
    await revoke(world, "schema/sales.orders", "SELECT")
    assert (await vend(world, "sales.orders.lines")).verdict == DENIED


@breaks("unity_catalog.privileges.all_leaves_out")
async def test_all_privileges_do_not_vend(world: World) -> None:
    (await grant(world, "catalog/hr", "ALL_PRIVILEGES", to="auditors")).ok()
    assert (await world.unity("GET", PEOPLE, who=AUDITOR)).status == 200
    answer = await vend(world, "hr.staff.people", who=AUDITOR)
    assert answer.verdict == DENIED
    assert "EXTERNAL USE SCHEMA" in answer.text


@breaks("unity_catalog.privileges.browse")
async def test_what_browsing_does_not_show(world: World) -> None:
    (await grant(world, "catalog/sales", "BROWSE", to="auditors")).ok()
    path = "/tables/sales.secret.hidden"
    assert (await world.unity("GET", path, who=AUDITOR)).verdict == DENIED
    shown = (await world.unity("GET", f"{path}?include_browse=true", who=AUDITOR)).ok()
    assert (shown["browse_only"], "storage_location" in shown) == (True, False)


@breaks("unity_catalog.owners.not_inherited")
async def test_a_schemas_owner_reads_its_tables(world: World) -> None:
    (await world.unity("PATCH", "/schemas/sales.orders", {"owner": AUDITOR_APP}, OWNER)).ok()
    (await grant(world, "catalog/sales", "USE_CATALOG", to="auditors")).ok()
    (await grant(world, "schema/sales.orders", "EXTERNAL_USE_SCHEMA", to="auditors")).ok()
    answer = await vend(world, "sales.orders.lines", who=AUDITOR)
    assert answer.verdict == DENIED
    assert "SELECT" in answer.text


@breaks("unity_catalog.owners.admin_reads_nothing")
async def test_a_metastore_admin_reads(world: World) -> None:
    (await grant(world, "catalog/hr", "EXTERNAL_USE_SCHEMA", to="admins")).ok()
    assert (await world.unity("GET", PEOPLE, who=ADMIN)).status == 200
    assert (await vend(world, "hr.staff.people", who=ADMIN)).verdict == DENIED


@breaks("unity_catalog.owners.drop")
async def test_someone_else_drops_a_table(world: World) -> None:
    assert (await world.unity("DELETE", LINES)).verdict == DENIED
    assert (await world.unity("GET", LINES)).status == 200


@breaks("unity_catalog.owners.change")
async def test_someone_else_changes_a_schema(world: World) -> None:
    assert (await world.unity("PATCH", "/schemas/sales.orders", {"comment": "mine"})).verdict == DENIED


@breaks("unity_catalog.owners.metastore")
async def test_someone_else_changes_the_metastore(world: World) -> None:
    answer = await world.unity("PATCH", f"/metastores/{METASTORE}", {"external_access_enabled": False})
    assert answer.verdict == DENIED


@breaks("unity_catalog.grants.manage")
async def test_a_grant_to_oneself(world: World) -> None:
    assert (await grant(world, "schema/sales.secret", "SELECT", by=CONNECTOR)).verdict == DENIED


@breaks("unity_catalog.grants.applicable")
async def test_a_privilege_where_it_does_not_apply(world: World) -> None:
    assert (await grant(world, "table/sales.orders.lines", "USE_CATALOG")).verdict == INVALID


@breaks("unity_catalog.grants.principal")
async def test_a_grant_to_nobody(world: World) -> None:
    answer = await grant(world, "catalog/hr", "SELECT", to="nobody@contoso.example")
    assert answer.verdict == (404, "PRINCIPAL_DOES_NOT_EXIST")


@breaks("unity_catalog.grants.own")
async def test_somebody_elses_grants(world: World) -> None:
    (await grant(world, "catalog/hr", "USE_CATALOG", to="auditors")).ok()
    assert (await world.unity("GET", "/permissions/catalog/hr?principal=auditors")).verdict == DENIED
    assert (await world.unity("GET", "/permissions/catalog/hr?principal=auditors", who=OWNER)).status == 200


@breaks("unity_catalog.grants.external_use")
async def test_a_metastore_admin_grants_external_use(world: World) -> None:
    assert (await grant(world, "catalog/hr", "EXTERNAL_USE_SCHEMA", to="admins", by=ADMIN)).verdict == DENIED
    assert (await grant(world, "catalog/hr", "SELECT", to="admins", by=ADMIN)).status == 200


@breaks("unity_catalog.grants.policies")
async def test_somebody_elses_policies(world: World) -> None:
    path = "/policies/table/sales.orders.policied"
    assert (await world.unity("GET", path)).verdict == DENIED
    assert len((await world.unity("GET", path, who=OWNER)).ok()["policies"]) == 1


@breaks("unity_catalog.credentials.external_access")
async def test_external_access_is_off(world: World) -> None:
    off = {"external_access_enabled": False}
    (await world.unity("PATCH", f"/metastores/{METASTORE}", off, ADMIN)).ok()
    answer = await vend(world, "hr.staff.people")
    assert answer.verdict == (403, "EXTERNAL_ACCESS_DISABLED_ON_METASTORE")


@breaks("unity_catalog.credentials.external_use")
async def test_no_external_use_schema(world: World) -> None:
    await revoke(world, "catalog/hr", "EXTERNAL_USE_SCHEMA")
    assert (await vend(world, "hr.staff.people")).verdict == DENIED


@breaks("unity_catalog.credentials.filtered")
async def test_credentials_for_a_filtered_table(world: World) -> None:
    assert (await vend(world, "sales.orders.filtered")).verdict == DENIED
    assert (await vend(world, "sales.orders.masked")).verdict == DENIED


@breaks("unity_catalog.credentials.policies")
async def test_credentials_for_a_table_under_a_policy(world: World) -> None:
    assert (await vend(world, "sales.orders.policied")).verdict == DENIED


@breaks("unity_catalog.credentials.delta")
async def test_credentials_for_a_csv_table(world: World) -> None:
    assert (await vend(world, "sales.orders.csv")).verdict == INVALID
    assert (await vend(world, "sales.orders.streamed")).verdict == INVALID


@breaks("unity_catalog.credentials.managed")
async def test_credentials_to_write_a_managed_table(world: World) -> None:
    (await grant(world, "catalog/hr", "MODIFY")).ok()
    assert (await vend(world, "hr.staff.people", "READ_WRITE")).verdict == INVALID


@breaks("unity_catalog.credentials.modify")
async def test_credentials_to_write_without_modify(world: World) -> None:
    assert (await vend(world, "sales.orders.external", "READ_WRITE")).verdict == DENIED
    (await grant(world, "schema/sales.orders", "MODIFY")).ok()
    assert (await vend(world, "sales.orders.external", "READ_WRITE")).status == 200


async def vend_path(world: World, path: str) -> Answer:
    body = {"url": f"abfss://lake@{OPEN}.dfs.core.windows.net/{path}", "operation": "PATH_READ"}
    return await world.unity("POST", "/api/2.0/unity-catalog/temporary-path-credentials", body)


async def open_location(world: World) -> None:
    (await grant(world, "external_location/open", "EXTERNAL_USE_LOCATION", "READ_FILES")).ok()


@breaks("unity_catalog.credentials.location")
async def test_credentials_for_a_path(world: World) -> None:
    assert (await vend_path(world, "free")).verdict == DENIED
    await open_location(world)
    assert (await vend_path(world, "free")).status == 200


@breaks("unity_catalog.credentials.overlap")
async def test_credentials_for_a_managed_tables_path(world: World) -> None:
    await open_location(world)
    assert (await vend_path(world, "hr/staff/people")).verdict == INVALID


async def pages(world: World, path: str, name: str, who: str = CONNECTOR) -> list[list[Any]]:
    """The entries of each page."""
    found: list[list[Any]] = []
    token = ""
    while not found or token:
        query = f"{'&' if '?' in path else '?'}page_token={token}" if token else ""
        body = (await world.unity("GET", path + query, who=who)).ok()
        found.append(body.get(name, []))
        token = body.get("next_page_token", "")
    return found


@breaks("unity_catalog.lists.single_reads")
async def test_what_lists_leave_out(world: World) -> None:
    listed = await pages(world, "/tables?catalog_name=sales&schema_name=orders", "tables")
    assert not any("table_constraints" in table for page in listed for table in page)
    assert (await world.unity("GET", LINES)).ok()["table_constraints"]


@breaks("unity_catalog.lists.gaps")
async def test_empty_pages(world: World) -> None:
    (await grant(world, "catalog/hr", "USE_CATALOG", to="auditors")).ok()
    found = await pages(world, "/catalogs", "catalogs", AUDITOR)
    assert [] in found[:-1]
    assert [each["name"] for page in found for each in page] == ["hr"]


@breaks("unity_catalog.schemas.not_empty")
async def test_a_schema_with_tables_is_dropped(world: World) -> None:
    answer = await world.unity("DELETE", "/schemas/sales.orders", who=OWNER)
    assert answer.verdict == (400, "SCHEMA_NOT_EMPTY")
    assert (await world.unity("DELETE", "/schemas/sales.orders?force=true", who=OWNER)).status == 200


@breaks("unity_catalog.schemas.unique")
async def test_a_second_schema_of_a_name(world: World) -> None:
    body = {"name": "Orders", "catalog_name": "sales"}
    assert (await world.unity("POST", "/schemas", body, OWNER)).verdict == (409, "SCHEMA_ALREADY_EXISTS")


@breaks("unity_catalog.schemas.reserved")
async def test_a_schema_that_is_always_there(world: World) -> None:
    body = {"name": "Information_Schema", "catalog_name": "sales"}
    assert (await world.unity("POST", "/schemas", body, OWNER)).verdict == INVALID


@breaks("unity_catalog.tables.overlap")
async def test_a_table_in_another_tables_folder(world: World) -> None:
    await grant(world, "catalog/hr", "EXTERNAL_USE_SCHEMA", to=OWNER_APP)
    await grant(world, "external_location/open", "EXTERNAL_USE_LOCATION", "CREATE_EXTERNAL_TABLE", to=OWNER_APP)
    people = (await world.unity("GET", PEOPLE)).ok()["storage_location"]
    body = {
        "name": "Mine", "catalog_name": "HR", "schema_name": "staff", "table_type": "EXTERNAL",
        "data_source_format": "DELTA", "storage_location": f"{people}/within",
    }  # fmt: skip
    assert (await world.unity("POST", "/tables", body, OWNER)).verdict == INVALID
    made = (await world.unity("POST", "/tables", {**body, "storage_location": f"{people}_beside"}, OWNER)).ok()
    assert made["full_name"] == "hr.staff.mine"


@breaks("unity_catalog.names.plain")
async def test_a_schema_with_a_blank_in_its_name(world: World) -> None:
    for name in ("new orders", "a.b", "a/b"):
        body = {"name": name, "catalog_name": "sales"}
        assert (await world.unity("POST", "/schemas", body, OWNER)).verdict == INVALID
