"""From patterns to Full, Partial and Exclude, under the rules of the official definition schema."""

from __future__ import annotations

from typing import Any

from unity_mirror.models.unity_catalog import Schema, Table, normalise_privilege
from unity_mirror.plan.definition import comparable, follows_new_tables, mirror_definition
from unity_mirror.plan.selection import Privileges, SchemaView
from unity_mirror.spec import CatalogSpec, load_spec

ALL = Privileges(frozenset(map(normalise_privilege, ("USE CATALOG", "USE SCHEMA", "SELECT", "EXTERNAL USE SCHEMA"))))
READ_ONLY = Privileges(ALL.held - {normalise_privilege("EXTERNAL USE SCHEMA")})


def spec(include: list[str], exclude: list[str] | None = None, **fields: Any) -> CatalogSpec:
    document = {
        "catalog": "sales",
        "databricks": {"workspace": "https://adb-1234567890123456.7.azuredatabricks.net"},
        "fabric": {"workspace": "Sales Analytics"},
        "select": {"include": include, "exclude": exclude or []},
    }
    return load_spec(document | fields)


def schema(name: str, *tables: str, privileges: Privileges | None = ALL) -> SchemaView:
    views = tuple(Table(name=each, catalog_name="sales", schema_name=name) for each in tables)
    return SchemaView(Schema(name=name, catalog_name="sales"), views, privileges)


ORDERS, STAGING = schema("orders", "a", "b", "tmp_c"), schema("staging", "x")


def configured(definition: dict[str, Any]) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = definition.get("mirrorConfiguration", {}).get("schemas", [])
    return listed


def test_everything_is_full_and_lists_nothing() -> None:
    definition = mirror_definition(spec(["*"]), [ORDERS, STAGING], "d", None)
    assert definition["mirroringMode"] == "Full"
    assert "mirrorConfiguration" not in definition
    assert "storageConnectionId" not in definition
    assert definition["autoSync"] == "Enabled"


def test_excludes_under_a_full_catalog() -> None:
    definition = mirror_definition(spec(["*"], ["staging.*", "orders.tmp_*"]), [ORDERS, STAGING], "d", "s")
    assert definition["storageConnectionId"] == "s"
    assert configured(definition) == [
        {"name": "orders", "mirroringMode": "Full", "tables": [{"name": "tmp_c", "mirroringMode": "Exclude"}]},
        {"name": "staging", "mirroringMode": "Exclude"},
    ]


def test_a_schema_without_external_use_is_kept_out() -> None:
    hidden = schema("staging", "x", privileges=READ_ONLY)
    definition = mirror_definition(spec(["*"]), [ORDERS, hidden], "d", None)
    assert configured(definition) == [{"name": "staging", "mirroringMode": "Exclude"}]


def test_a_missing_privilege_never_takes_away_what_is_mirrored() -> None:
    hidden = schema("staging", "x", privileges=READ_ONLY)
    partial = spec(["orders.*", "staging.*"])
    current = mirror_definition(partial, [ORDERS, STAGING], "d", None)
    assert comparable(mirror_definition(partial, [ORDERS, hidden], "d", None, current)) == comparable(current)


def test_partial_lists_what_is_selected_and_never_excludes_schemas() -> None:
    definition = mirror_definition(spec(["orders.a", "staging.*"]), [ORDERS, STAGING, schema("other", "z")], "d", None)
    assert definition["mirroringMode"] == "Partial"
    assert configured(definition) == [
        {"name": "orders", "mirroringMode": "Partial", "tables": [{"name": "a", "mirroringMode": "Full"}]},
        {"name": "staging", "mirroringMode": "Full"},
    ]


def test_a_schema_whose_tables_are_all_named_is_still_partial() -> None:
    definition = mirror_definition(spec(["staging.x"]), [STAGING], "d", None)
    assert configured(definition)[0]["mirroringMode"] == "Partial"


def test_comparing_ignores_order_schema_url_and_case_of_ids() -> None:
    one = mirror_definition(spec(["*"], ["staging.*", "orders.tmp_*"]), [ORDERS, STAGING], "AB", "CD")
    other = {**one, "$schema": None, "databricksWorkspaceConnectionId": "ab", "storageConnectionId": "cd"}
    other["mirrorConfiguration"] = {"schemas": list(reversed(configured(one)))}
    assert comparable(one) == comparable(other)


def test_it_is_said_what_happens_to_new_tables() -> None:
    assert "by themselves" in follows_new_tables(spec(["*"]))
    assert "selected whole" in follows_new_tables(spec(["orders.*"]))
    assert "off" in follows_new_tables(spec(["*"], auto_sync=False))
