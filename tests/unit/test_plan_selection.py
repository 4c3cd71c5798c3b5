"""Which tables are mirrored, and the reason for each that isn't."""

from __future__ import annotations

from typing import Any

import pytest

from unity_mirror.models.storage import StorageUrl
from unity_mirror.models.unity_catalog import Schema, Table, normalise_privilege
from unity_mirror.plan.model import Reason
from unity_mirror.plan.selection import Privileges, SchemaView, select_tables, unmatched_patterns
from unity_mirror.spec import SelectSpec, matches

LAKE = StorageUrl("contosolake", "lake", "sales")
ALL = ("USE CATALOG", "USE_SCHEMA", "select", "EXTERNAL USE SCHEMA")


def table(name: str = "t", **fields: Any) -> Table:
    place = f"abfss://lake@contosolake.dfs.core.windows.net/sales/orders/{name}"
    document = {
        "name": name,
        "catalog_name": "sales",
        "schema_name": "orders",
        "table_type": "MANAGED",
        "data_source_format": "DELTA",
        "storage_location": place,
    }
    return Table.model_validate(document | fields)


def view(*tables: Table, privileges: tuple[str, ...] | None = ALL, **on_tables: tuple[str, ...]) -> SchemaView:
    held = None if privileges is None else _held(privileges)
    schema = Schema(name="orders", catalog_name="sales")
    return SchemaView(schema, tables, held, {name: _held(each) for name, each in on_tables.items()})


def _held(privileges: tuple[str, ...]) -> Privileges:
    return Privileges(frozenset(map(normalise_privilege, privileges)))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"table_type": "VIEW"}, Reason.UNSUPPORTED_TYPE),
        ({"table_type": "MATERIALIZED_VIEW"}, Reason.UNSUPPORTED_TYPE),
        ({"table_type": "STREAMING_TABLE"}, Reason.UNSUPPORTED_TYPE),
        ({"table_type": "FOREIGN"}, Reason.UNSUPPORTED_TYPE),
        ({"data_source_format": "DELTASHARING"}, Reason.UNSUPPORTED_TYPE),
        ({"table_type": "EXTERNAL", "data_source_format": "PARQUET"}, Reason.UNSUPPORTED_FORMAT),
        ({"row_filter": {"function_name": "f"}}, Reason.ROW_FILTER),
        ({"columns": [{"name": "c", "mask": {"function_name": "m"}}]}, Reason.COLUMN_MASK),
        ({"storage_location": "abfss://x@other.dfs.core.windows.net/t"}, Reason.OTHER_ACCOUNT),
        ({"storage_location": "dbfs:/user/hive/t"}, Reason.OTHER_ACCOUNT),
    ],
)
def test_each_reason_to_leave_a_table_out(fields: dict[str, Any], reason: Reason) -> None:
    selection = select_tables(SelectSpec(), [view(table(**fields))], LAKE, "app")
    assert selection.selected == ()
    assert [(left.subject, left.reason) for left in selection.left_out] == [("orders.t", reason)]
    assert selection.left_out[0].detail


def test_a_plain_delta_table_is_selected() -> None:
    selection = select_tables(SelectSpec(), [view(table())], LAKE, "app")
    assert [str(ref) for ref in selection.refs] == ["orders.t"]
    assert selection.left_out == ()


def test_without_a_storage_connection_any_account_will_do() -> None:
    elsewhere = table(storage_location="abfss://x@other.dfs.core.windows.net/t")
    assert select_tables(SelectSpec(), [view(elsewhere)], None, "app").selected


@pytest.mark.parametrize("missing", ["USE CATALOG", "USE_SCHEMA", "select"])
def test_a_missing_privilege_is_named(missing: str) -> None:
    held = tuple(each for each in ALL if each != missing)
    left = select_tables(SelectSpec(), [view(table(), privileges=held)], LAKE, "app").left_out
    assert left[0].reason is Reason.NO_PRIVILEGE
    assert normalise_privilege(missing) in normalise_privilege(left[0].detail)


def test_select_on_the_table_itself_is_enough() -> None:
    held = ("USE CATALOG", "USE SCHEMA", "EXTERNAL USE SCHEMA")
    selection = select_tables(SelectSpec(), [view(table("a"), table("b"), privileges=held, a=("SELECT",))], LAKE, "app")
    assert [str(ref) for ref in selection.refs] == ["orders.a"]


def test_all_privileges_never_include_external_use_schema() -> None:
    left = select_tables(SelectSpec(), [view(table(), privileges=("ALL PRIVILEGES",))], LAKE, "app").left_out
    assert left[0].reason is Reason.NO_EXTERNAL_USE


def test_unknown_privileges_leave_nothing_out() -> None:
    assert select_tables(SelectSpec(), [view(table(), privileges=None)], LAKE, "app").selected


def test_filtered_and_empty() -> None:
    select = SelectSpec(include=("*",), exclude=("orders.tmp_*",))
    empty = SchemaView(Schema(name="empty", catalog_name="sales"))
    left = select_tables(select, [view(table("tmp_x")), empty], LAKE, "app").left_out
    assert [(each.subject, each.reason) for each in left] == [
        ("empty", Reason.EMPTY_SCHEMA),
        ("orders.tmp_x", Reason.FILTERED),
    ]


def test_patterns_that_match_nothing_are_found_by_position() -> None:
    refs = [table("a").ref]
    assert unmatched_patterns(["orders.*", "nowhere.*", "*.a"], refs, matches) == [1]
