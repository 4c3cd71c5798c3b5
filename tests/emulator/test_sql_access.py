"""Who reads what through a SQL endpoint, by which way, as of when, and which Delta tables it can read at all."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud_emulator.fabric import access_roles
from cloud_emulator.fabric.items import ITEMS
from cloud_emulator.fabric.permissions import ROLE_ASSIGNMENTS
from cloud_emulator.storage import files

from .fabric_cloud import ALICE, FIREWALLED
from .fabric_data_cloud import IDENTITY, add_table, drop_table
from .sql_world import World, add_lakehouse, put_delta, put_folder, put_log, running, sql_cloud
from .support import RUNNER

LISTED = "SELECT TABLE_SCHEMA, TABLE_NAME FROM INFORMATION_SCHEMA.TABLES ORDER BY TABLE_NAME"
COUNT = "SELECT COUNT(*) FROM orders.lines"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A served cloud of the test's own, in user identity mode."""
    cloud, item_id = sql_cloud(tmp_path / "cloud", tmp_path / "scratch")
    with running(cloud, item_id) as served:
        yield served


def permit(world: World, *paths: str) -> None:
    """Lets Alice read paths of the mirrored catalog through OneLake."""
    permission = [
        {"attributeName": "Path", "attributeValueIncludedIn": list(paths)},
        {"attributeName": "Action", "attributeValueIncludedIn": ["Read"]},
    ]
    members = {"microsoftEntraMembers": [{"objectId": ALICE, "tenantId": "t"}], "fabricItemMembers": []}
    role = {"name": "Some", "decisionRules": [{"effect": "Permit", "permission": permission}], "members": members}
    access_roles.put_role(world.cloud, world.mirrored_id, role)


def test_a_viewer_reads_nothing_in_user_identity_mode_without_a_role(world: World) -> None:
    denied = "The SELECT permission was denied on the object 'lines', database 'sales', schema 'orders'."
    assert world.refused(COUNT, ALICE) == (229, denied)
    assert world.query(LISTED, ALICE) == []


def test_onelakes_roles_bind_in_user_identity_mode(world: World) -> None:
    permit(world, "/Tables/orders")
    assert world.query(COUNT, ALICE) == [(3,)]
    assert world.query(LISTED, ALICE) == [("orders", "lines")]
    tables = "EXEC sp_tables @table_type = '''TABLE'''"
    assert world.query(tables, ALICE) == [("sales", "orders", "lines", "TABLE", None)]
    assert world.query("EXEC sp_columns people", ALICE) == []
    assert world.refused("SELECT * FROM customers.people", ALICE)[0] == 229


def test_a_viewer_reads_everything_as_the_owner(world: World) -> None:
    world.behave(sql_access_mode="delegated")
    assert world.query(COUNT, ALICE) == [(3,)]
    assert len(world.query(LISTED, ALICE)) == 2


def test_an_owner_without_rights_is_of_no_use(world: World) -> None:
    world.behave(sql_access_mode="delegated")
    items = world.cloud.table(ITEMS)
    items[world.mirrored_id] = {**items[world.mirrored_id], "owner": ALICE}
    number, message = world.refused(COUNT, RUNNER)
    assert (number, "may not read" in message) == (13807, True), message
    items[world.mirrored_id] = {**items[world.mirrored_id], "owner": "22220000-0000-4000-8000-0000000000ff"}
    assert world.refused(COUNT, RUNNER)[0] == 13807


def test_a_shortcut_is_read_with_the_users_own_rights_at_its_target(world: World) -> None:
    add_lakehouse(world.cloud, "lake", world.mirrored_id)
    text = "SELECT part FROM people ORDER BY id"
    assert world.query(text, database="lake") == [("n",), ("s",)]
    assert world.refused(text, ALICE, "lake")[0] == 229
    lake = next(each for each in world.cloud.table(ITEMS).values() if each["displayName"] == "lake")
    role = access_roles.roles_of(world.cloud, lake["id"])[0]
    members = {"microsoftEntraMembers": [{"objectId": ALICE, "tenantId": "t"}], "fabricItemMembers": []}
    access_roles.put_role(world.cloud, lake["id"], {**role, "members": members})
    assert world.refused(text, ALICE, "lake")[0] == 13807, "the role at the lakehouse doesn't reach the catalog"
    permit(world, "/Tables/customers/people")
    assert world.query(text, ALICE, "lake") == [("n",), ("s",)]


def test_the_endpoint_reads_storage_by_the_items_own_connection(world: World) -> None:
    world.cloud.table("arm.roleAssignments").clear()
    number, message = world.refused(COUNT)
    assert (number, "not authorized" in message) == (13807, True), message


def test_the_firewall_stands_before_the_endpoint_too(world: World) -> None:
    workspace_roles = world.cloud.table(ROLE_ASSIGNMENTS)
    for key in [key for key, each in workspace_roles.items() if each["principalId"] == IDENTITY]:
        del workspace_roles[key]
    assert world.refused(COUNT)[0] == 13807, "without its role the workspace identity isn't trusted"


def test_a_list_on_a_single_file_is_enough_to_refuse(world: World) -> None:
    """Rights are looked at file by file."""
    world.cloud.table("arm.roleAssignments").clear()
    world.behave(trusted_access_delegator=False)
    nodes = [files.stat(world.cloud, FIREWALLED, "lake", path) for path in ("", "sales", "sales/orders")]
    nodes += list(files.walk(world.cloud, FIREWALLED, "lake", "sales/orders"))
    for node in nodes:
        assert node is not None
        files.change(world.cloud, node, acl=f"user::rwx,user:{IDENTITY}:r-x,group::r-x,mask::r-x,other::---")
    assert world.query(COUNT) == [(3,)]
    data = next(node for node in nodes if node is not None and node["path"].endswith(".parquet"))
    files.change(world.cloud, data, acl="user::rwx,group::---,other::---")
    assert world.refused(COUNT)[0] == 13807


def test_new_tables_appear_with_the_metadata(world: World) -> None:
    put_delta(world.cloud, world.cloud.folder.parent / "scratch", "sales/orders/fresh", pa.table({"id": [1]}))
    add_table(world.cloud, "orders", "fresh")
    put_log_of(world, "sales/orders/fresh")
    assert world.refused("SELECT * FROM orders.fresh")[0] == 208
    world.settle(901)
    world.settle()
    assert world.refused("SELECT * FROM orders.fresh")[0] == 208, "mirrored, but the endpoint has not looked yet"
    world.settle()
    assert world.query("SELECT id FROM orders.fresh") == [(1,)]
    drop_table(world.cloud, "sales.orders.fresh")
    assert world.query("SELECT id FROM orders.fresh") == [(1,)]


def put_log_of(world: World, path: str) -> None:
    """Puts a table's own log back in the place of the one that ``add_table`` writes."""
    put_folder(world.cloud, world.cloud.folder.parent / "scratch" / path, path)


def test_data_is_stale_until_the_endpoint_has_looked(world: World) -> None:
    scratch = world.cloud.folder.parent / "scratch"
    more = pa.table({"id": pa.array([4], pa.int64()), "extra": ["new"]})
    put_delta(world.cloud, scratch, "sales/orders/lines", more, mode="append", schema_mode="merge")
    assert world.query(COUNT) == [(3,)]
    assert world.refused("SELECT extra FROM orders.lines")[0] == 207
    world.settle()
    assert world.query(COUNT) == [(4,)], "the query itself made the endpoint look again"
    assert world.query("SELECT extra FROM orders.lines WHERE id = 4") == [("new",)]


def test_long_texts_are_cut_at_a_lakehouses_endpoint_only(world: World) -> None:
    rows = pa.table({"id": pa.array([1], pa.int64()), "line": pa.array([1], pa.int64()), "part": ["n" * 9000]})
    folder = files.stat(world.cloud, FIREWALLED, "lake", "sales/customers/people")
    assert folder is not None
    files.remove(world.cloud, folder)
    put_delta(world.cloud, world.cloud.folder.parent / "other", "sales/customers/people", rows)
    world.settle(901)
    world.settle()
    world.settle()
    add_lakehouse(world.cloud, "lake", world.mirrored_id)
    assert world.query("SELECT LEN(part) FROM customers.people") == [(9000,)]
    assert world.query("SELECT LEN(part) FROM people", database="lake") == [(8000,)]


FIELD = {"name": "id", "type": "long", "nullable": True, "metadata": {}}


def metadata(*fields: Mapping[str, Any], **properties: str) -> dict[str, Any]:
    """The action that describes a table."""
    schema = orjson.dumps({"type": "struct", "fields": [*(fields or (FIELD,))]}).decode()
    return {
        "metaData": {
            "id": "t", "format": {"provider": "parquet", "options": {}}, "schemaString": schema, "partitionColumns": [],
            "configuration": properties,
        }
    }  # fmt: skip


def protocol(*features: str) -> dict[str, Any]:
    """The action that names the features that writers need; some of them readers need, too."""
    if not features:
        return {"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}}
    named = [each for each in features if each not in ("clustering", "domainMetadata", "collations-preview")]
    return {
        "protocol": {
            "minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": named, "writerFeatures": list(features)
        }
    }  # fmt: skip


@pytest.mark.parametrize(
    "actions",
    [
        pytest.param([protocol("timestampNtz"), metadata()], id="timestampNtz"),
        pytest.param([protocol("v2Checkpoint"), metadata()], id="v2Checkpoint"),
        pytest.param([protocol("typeWidening"), metadata()], id="typeWidening"),
        pytest.param([protocol("typeWidening-preview"), metadata()], id="typeWidening-preview"),
        pytest.param([protocol("variantType"), metadata()], id="variantType"),
        pytest.param([protocol("collations-preview"), metadata()], id="collations"),
        pytest.param([protocol("catalogManaged"), metadata()], id="catalogManaged"),
        pytest.param([protocol(), metadata(**{"delta.columnMapping.mode": "id"})], id="columnMapping-id"),
        pytest.param([protocol(), metadata(**{"delta.universalFormat.enabledFormats": "iceberg"})], id="uniform"),
    ],
)
def test_tables_with_features_that_the_endpoint_lacks_are_not_listed(world: World, actions: list[Any]) -> None:
    add_table(world.cloud, "orders", "odd")
    put_log(world.cloud, "sales/orders/odd", *actions)
    for _ in range(4):
        world.settle(901)
    assert ("orders", "odd") not in world.query(LISTED)
    assert world.refused("SELECT * FROM orders.odd")[0] == 208
    known = next(each for each in world.cloud.table("fabric.sqlTables").values() if each["table"] == "odd")
    assert known["lastSuccess"] is None


@pytest.mark.parametrize("features", [("columnMapping",), ("deletionVectors",), ("clustering", "domainMetadata")])
def test_tables_with_features_that_the_endpoint_has_are_listed(world: World, features: tuple[str, ...]) -> None:
    add_table(world.cloud, "orders", "odd")
    put_log(world.cloud, "sales/orders/odd", protocol(*features), metadata(**{"delta.columnMapping.mode": "name"}))
    for _ in range(4):
        world.settle(901)
    assert ("orders", "odd") in world.query(LISTED)


def test_deleted_rows_and_renamed_columns_are_understood(world: World, tmp_path: Path) -> None:
    """A deletion vector within the log, and column mapping by name, written by hand."""
    add_table(world.cloud, "orders", "odd")
    physical = {**FIELD, "metadata": {"delta.columnMapping.id": 1, "delta.columnMapping.physicalName": "col-1"}}
    pq.write_table(pa.table({"col-1": pa.array([10, 20, 30], pa.int64())}), tmp_path / "part.parquet")
    size = (tmp_path / "part.parquet").stat().st_size
    add = {
        "path": "part.parquet", "partitionValues": {}, "size": size, "modificationTime": 0, "dataChange": True,
        "stats": '{"numRecords":3}', "deletionVector": deletion_vector(1),
    }  # fmt: skip
    files.put_file(
        world.cloud, FIREWALLED, "lake", "sales/orders/odd/part.parquet", (tmp_path / "part.parquet").read_bytes()
    )
    described = metadata(physical, **{"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "1"})
    features = protocol("deletionVectors", "columnMapping")
    put_log(world.cloud, "sales/orders/odd", features, described, {"add": add})
    for _ in range(4):
        world.settle(901)
    assert world.query("SELECT id FROM orders.odd ORDER BY id") == [(10,), (30,)]


def deletion_vector(*rows: int) -> dict[str, Any]:
    """A deletion vector inline: a 64-bit roaring bitmap of one array container, in Z85."""
    values = b"".join(struct.pack("<H", row) for row in rows)
    bitmap = struct.pack("<IIHHI", 12346, 1, 0, len(rows) - 1, 16) + values
    content = struct.pack("<IQI", 1681511377, 1, 0) + bitmap
    padded = content + b"\0" * (-len(content) % 4)
    return {
        "storageType": "i", "pathOrInlineDv": z85(padded), "sizeInBytes": len(content), "cardinality": len(rows),
    }  # fmt: skip


def z85(content: bytes) -> str:
    """ZeroMQ's base 85."""
    letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
    ours = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
    return base64.b85encode(content).decode().translate(str.maketrans(ours, letters))


def test_a_table_without_a_log_fails_at_the_query(world: World) -> None:
    folder = files.stat(world.cloud, FIREWALLED, "lake", "sales/orders/lines/_delta_log")
    assert folder is not None
    files.remove(world.cloud, folder)
    number, message = world.refused(COUNT)
    assert (number, "orders/lines" in message) == (13807, True)
