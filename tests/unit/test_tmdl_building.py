"""Semantic models made from Unity Catalog: what is in them, what is left out and why, and how it is written."""

import json
from itertools import permutations

import pytest
from hypothesis import given, settings

from tests.unit.tmdl_samples import ITEM, WORKSPACE, build, catalogs, column, foreign_key, primary_key, star, table
from unity_mirror.models.unity_catalog import Table
from unity_mirror.plan.tmdl import ModelColumn, ModelDefinition
from unity_mirror.plan.tmdl.names import file_name, quote, split_reference, unique


def _column(definition: ModelDefinition, name: str) -> ModelColumn:
    return next(one for each in definition.tables for one in each.columns if one.name == name)


def _block(definition: ModelDefinition, header: str) -> str:
    """The lines of one object, up to its annotation."""
    text = "\n".join(definition.parts.values())
    return text.split(f"{header}\n", 1)[1].split("annotation", 1)[0]


def _reasons(definition: ModelDefinition) -> list[str]:
    return [str(one) for one in definition.left_out]


def test_the_parts_that_fabric_expects() -> None:
    parts = build(*star()).parts
    assert set(parts) == {
        "definition.pbism",
        "definition/database.tmdl",
        "definition/model.tmdl",
        "definition/expressions.tmdl",
        "definition/relationships.tmdl",
        "definition/tables/dim_customer.tmdl",
        "definition/tables/dim_date.tmdl",
        "definition/tables/fact_sales.tmdl",
    }
    assert json.loads(parts["definition.pbism"])["version"] >= "4.0"
    assert "compatibilityLevel: 1604" in parts["definition/database.tmdl"]
    address = f'AzureStorage.DataLake("https://onelake.dfs.fabric.microsoft.com/{WORKSPACE}/{ITEM}"'
    assert address in parts["definition/expressions.tmdl"]


def test_a_table_reads_its_delta_table_directly() -> None:
    partition = _block(build(*star()), "partition fact_sales = entity")
    assert "mode: directLake" in partition
    assert "entityName: fact_sales" in partition
    assert "schemaName: orders" in partition


def test_the_order_of_tables_makes_no_difference() -> None:
    texts = [list(build(*order).parts.items()) for order in permutations(star())]
    assert all(text == texts[0] for text in texts)


@pytest.mark.parametrize(
    ("kind", "text", "data_type", "format_string"),
    [
        ("LONG", "bigint", "int64", "0"),
        ("BYTE", "tinyint", "int64", "0"),
        ("", "smallint", "int64", "0"),
        ("", "int", "int64", "0"),
        ("DOUBLE", "double", "double", None),
        ("FLOAT", "float", "double", None),
        ("STRING", "string", "string", None),
        ("CHAR", "char(3)", "string", None),
        ("", "varchar(10)", "string", None),
        ("BOOLEAN", "boolean", "boolean", None),
        ("DATE", "date", "dateTime", "Short Date"),
        ("TIMESTAMP", "timestamp", "dateTime", "General Date"),
        ("DECIMAL", "decimal(10,2)", "decimal", "#,0.00"),
        ("DECIMAL", "decimal(10)", "decimal", "#,0"),
        ("DECIMAL", "decimal(38,18)", "decimal", "#,0.000000"),
    ],
)
def test_types(kind: str, text: str, data_type: str, format_string: str | None) -> None:
    made = _column(build(table("t", column("c", kind, type_text=text))), "c")
    assert (made.type.data_type, made.type.format_string) == (data_type, format_string)


@pytest.mark.parametrize("kind", ["ARRAY", "MAP", "STRUCT", "BINARY", "INTERVAL", "GEOGRAPHY", "NULL", "SOMETHING_NEW"])
def test_columns_that_direct_lake_cannot_hold_are_left_out_and_told(kind: str) -> None:
    definition = build(table("t", "id", column("odd", kind)))
    assert [one.name for one in definition.tables[0].columns] == ["id"]
    assert _reasons(definition) == [f"orders.t: column odd: Direct Lake can't hold columns of type {kind}"]
    assert "odd" not in "".join(definition.parts.values())


@pytest.mark.parametrize(("kind", "feature"), [("TIMESTAMP_NTZ", "timestampNtz"), ("VARIANT", "variantType")])
def test_tables_that_direct_lake_cannot_read_are_left_out_and_told(kind: str, feature: str) -> None:
    definition = build(table("t", "id", column("odd", kind)), table("u", "id"))
    assert [one.name for one in definition.tables] == ["u"]
    assert feature in _reasons(definition)[0]


def test_a_table_with_no_column_left_is_left_out() -> None:
    definition = build(table("t", column("odd", "BINARY")))
    assert not definition.tables
    assert [one.kind for one in definition.left_out] == ["column", "table"]


@pytest.mark.parametrize("name", ["a\nb", "a\x00", "a\x85b"])
def test_names_that_cannot_be_written_are_left_out(name: str) -> None:
    assert "control character" in _reasons(build(table("t", "id", name)))[0]
    assert "control character" in _reasons(build(table(name, "id")))[0]


def test_comments_become_descriptions() -> None:
    definition = build(*star())
    assert (
        "/// One row for each line\n/// of an order\ntable fact_sales"
        in definition.parts["definition/tables/fact_sales.tmdl"]
    )
    assert "\t/// Net, in euro\n\tcolumn amount" in definition.parts["definition/tables/fact_sales.tmdl"]
    assert "///" not in "".join(build(table("t", column("c", comment=" \x1b ")), relationships=True).parts.values())


def test_keys_are_marked_and_hidden_where_only_relationships_need_them() -> None:
    definition = build(*star())
    assert "isKey" in _block(definition, "column sale_id")
    assert "isHidden" not in _block(definition, "column sale_id")
    assert "isHidden" in _block(definition, "column ship_date_key")
    assert "isKey" not in _block(definition, "column ship_date_key")
    assert {"isHidden", "isKey"} <= set(_block(definition, "column customer_key").split())


def test_a_key_that_says_something_stays_visible() -> None:
    day = table("dim_day", column("day", "DATE"), key="day")
    fact = table("fact", column("day", "DATE"), refers={"day": "orders.dim_day.day"})
    definition = build(day, fact)
    visible = {(one.name, each.name): not each.is_hidden for one in definition.tables for each in one.columns}
    assert visible == {("dim_day", "day"): True, ("fact", "day"): False}


def test_no_column_of_a_composite_key_is_a_key() -> None:
    assert "isKey" not in "".join(build(table("t", "a", "b", key=["a", "b"])).parts.values())


@pytest.mark.parametrize(
    ("name", "kind", "summed"),
    [
        ("amount", "DECIMAL", True),
        ("quantity", "INT", True),
        ("Größe", "DOUBLE", True),
        ("☃", "INT", True),
        ("customerId", "LONG", False),
        ("customer_key", "LONG", False),
        ("year", "INT", False),
        ("unit_price", "DOUBLE", False),
        ("zip", "INT", False),
        ("name", "STRING", False),
        ("day", "DATE", False),
        ("valid", "BOOLEAN", False),
    ],
)
def test_only_what_can_be_added_is_summed(name: str, kind: str, summed: bool) -> None:
    text = "".join(build(table("t", column(name, kind))).parts.values())
    assert ("summarizeBy: sum" in text) is summed


def test_relationships_lead_from_many_to_one_and_only_one_is_active() -> None:
    definition = build(*star())
    found = {str(one): one.is_active for one in definition.relationships}
    assert found == {
        "fact_sales[date_key] -> dim_date[date_key]": True,
        "fact_sales[ship_date_key] -> dim_date[date_key]": False,
        "fact_sales[customer_key] -> dim_customer[customer_key]": True,
    }
    inactive = next(one for one in definition.relationships if not one.is_active)
    assert "active path from dim_date to fact_sales" in inactive.reason
    assert definition.parts["definition/relationships.tmdl"].count("isActive: false") == 1


def test_relationships_can_be_left_away() -> None:
    definition = build(*star(), relationships=False)
    assert not definition.relationships
    assert "definition/relationships.tmdl" not in definition.parts
    assert "isHidden" not in "".join(definition.parts.values())


def test_two_ways_to_one_table_leave_one_active() -> None:
    region = table("dim_region", "id", key="id")
    store = table("dim_store", "id", "region_id", key="id", refers={"region_id": "orders.dim_region.id"})
    customer = table("dim_customer", "id", "region_id", key="id", refers={"region_id": "orders.dim_region.id"})
    fact = table(
        "fact",
        "store_id",
        "customer_id",
        refers={"store_id": "orders.dim_store.id", "customer_id": "orders.dim_customer.id"},
    )
    definition = build(region, store, customer, fact)
    inactive = [one for one in definition.relationships if not one.is_active]
    assert [str(one) for one in inactive] == ["fact[customer_id] -> dim_customer[id]"]
    assert "from dim_region to fact" in inactive[0].reason


def test_two_facts_may_share_two_dimensions() -> None:
    dimensions = [table(name, "id", key="id") for name in ("dim_a", "dim_b")]
    refers = {"a": "orders.dim_a.id", "b": "orders.dim_b.id"}
    definition = build(*dimensions, table("fact_1", "a", "b", refers=refers), table("fact_2", "a", "b", refers=refers))
    assert [one.is_active for one in definition.relationships] == [True] * 4


def test_two_keys_that_lead_to_each_other_are_one_relationship() -> None:
    user = table("user", "id", key="id", refers={"id": "orders.profile.id"})
    profile = table("profile", "id", key="id", refers={"id": "orders.user.id"})
    made = build(user, profile)
    assert [str(one) for one in made.relationships] == ["profile[id] -> user[id]"]
    assert [str(one) for one in made.left_out] == [
        "orders.user: relationship (id): orders.profile.id refers to it as well, and that is a relationship"
    ]


def test_texts_are_compared_as_unity_catalog_does() -> None:
    assert "collation: Latin1_General_100_BIN2_UTF8\n" in build(*star()).parts["definition/model.tmdl"]


def test_circles_are_opened() -> None:
    one = table("one", "id", "other", key="id", refers={"other": "orders.two.id"})
    two = table("two", "id", "other", key="id", refers={"other": "orders.one.id"})
    first, second = build(one, two).relationships
    assert first.is_active
    assert not second.is_active
    assert "cycle" in second.reason


@pytest.mark.parametrize(
    ("constraint", "reason"),
    [
        (foreign_key("parent_id", "orders.child.id"), "a model can't relate a table to itself"),
        (foreign_key("parent_id", "orders.absent.id"), "isn't in the model"),
        (foreign_key("text", "orders.parent.id"), "text is string and id is integer"),
        (foreign_key("stamp", "orders.days.day"), "stamp is timestamp and day is date"),
        (foreign_key("odd", "orders.parent.id"), "its column orders.child.odd isn't in the model"),
        (foreign_key("parent_id", "orders.parent.code"), "isn't the primary key"),
        (foreign_key("parent_id", "orders.pair.a"), "composite"),
        (foreign_key("parent_id", "orders.nokey.id") | {}, None),
        (
            {"foreign_key_constraint": {"child_columns": ["parent_id"], "parent_table": "other.orders.parent"}},
            "another catalog",
        ),
        ({"foreign_key_constraint": {"child_columns": ["parent_id"], "parent_table": "parent"}}, "full name"),
        (
            {"foreign_key_constraint": {"child_columns": ["parent_id"], "parent_table": "sales.orders.nokey"}},
            "aren't known",
        ),
        ({"foreign_key_constraint": {"child_columns": ["parent_id"], "parent_table": "sales.orders.parent"}}, None),
        (
            {
                "foreign_key_constraint": {
                    "child_columns": ["parent_id", "id"],
                    "parent_table": "sales.orders.pair",
                    "parent_columns": ["a", "b"],
                }
            },
            "it is composite (parent_id, id)",
        ),
    ],
)
def test_foreign_keys_that_cannot_be_relationships_are_told(constraint: dict[str, object], reason: str | None) -> None:
    columns = ("id", "parent_id", column("text", "STRING"), column("stamp", "TIMESTAMP"), column("odd", "BINARY"))
    child = table("child", *columns, table_constraints=[primary_key("id"), constraint])
    others = (
        table("parent", "id", "code", key="id"),
        table("days", column("day", "DATE"), key="day"),
        table("pair", "a", "b", key=["a", "b"]),
        table("nokey", "id"),
    )
    definition = build(child, *others)
    told = [one for one in definition.left_out if one.kind == "relationship"]
    assert bool(told) is (reason is not None)
    assert bool(definition.relationships) is (reason is None)
    assert reason is None or reason in told[0].reason


def test_names_of_unity_catalog_are_compared_without_case() -> None:
    parent = table("Parent", "ID", key="ID")
    child = table("child", "parent_id", refers={"PARENT_ID": "ORDERS.PARENT.id"})
    assert len(build(parent, child).relationships) == 1


def test_equal_names_in_two_schemas_are_told_apart() -> None:
    definition = build(table("t", "id"), table("T", "id", schema="finance"), table("u", "id"))
    assert [one.name for one in definition.tables] == ["finance.T", "orders.t", "u"]
    assert "table 'finance.T'" in definition.parts[f"definition/tables/{file_name('finance.T')}.tmdl"]


def test_identifiers_stay_when_everything_else_changes() -> None:
    def tags(definition: ModelDefinition) -> set[str]:
        return {
            line.strip() for text in definition.parts.values() for line in text.splitlines() if "\tlineageTag" in line
        }

    before = tags(build(*star()))
    renamed = tags(build(*star(), table("fact_sales", "id", schema="archive")))
    assert before <= renamed
    assert len(before) == len({*before})


def test_every_object_of_ours_says_what_was_written() -> None:
    text = build(*star()).parts["definition/tables/fact_sales.tmdl"]
    assert text.count("annotation UnityMirror_Written = {") == 1 + 6
    values = [json.loads(line.split(" = ", 1)[1]) for line in text.splitlines() if "UnityMirror_Written" in line]
    amount = next(one for one in values if one["name"] == "amount")
    assert (amount["dataType"], amount["description"], amount["summarizeBy"]) == ("decimal", "Net, in euro", "sum")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("plain_1", "plain_1"),
        ("two words", "'two words'"),
        ("o'brien", "'o''brien'"),
        ("a.b", "'a.b'"),
        ("1st", "'1st'"),
        ("é", "'é'"),
    ],
)
def test_quoting(name: str, written: str) -> None:
    assert quote(name) == written
    assert split_reference(f"{written}.{written}") == (name, name)


def test_file_names_are_safe_and_unlike_each_other() -> None:
    odd = ["a", "A", "a/b", "a\\b", "../x", "con", "é", "ä", " ", "x" * 300, "x" * 301, "a.", "a"]
    made = [file_name(name).lower() for name in odd]
    assert len(set(made)) == len(odd) - 1
    assert all(len(name) < 80 and name.isascii() and not set(name) & set('/\\.:*?"<>|') for name in made)


def test_unique_names() -> None:
    assert unique(["a", "A", "b", "a (2)"]) == ["a", "A (2)", "b", "a (2) (2)"]


@settings(max_examples=150)
@given(catalogs())
def test_any_catalog_is_accounted_for(tables: tuple[Table, ...]) -> None:
    """Whatever the names, each column and table is in the model or told, and no path leaves the definition."""
    definition = build(*tables)
    shown = {(one.ref, each.source) for one in definition.tables for each in one.columns}
    told = {(one.table, one.name) for one in definition.left_out if one.kind == "column"}
    gone = {one.table for one in definition.left_out if one.kind == "table"}
    for source in tables:
        for each in source.columns:
            assert ((source.ref, each.name) in shown) + ((source.ref, each.name) in told) == 1 or source.ref in gone
    paths = [path.lower() for path in definition.parts]
    assert len(set(paths)) == len(paths)
    assert all(".." not in path and path.isascii() for path in paths)
    assert build(*reversed(tables)).parts == definition.parts
    _assert_one_way(definition)


def _assert_one_way(definition: ModelDefinition) -> None:
    """Between two tables there is at most one path of active relationships, and none leads back."""
    below: dict[str, list[str]] = {}
    for one in definition.relationships:
        if one.is_active:
            below.setdefault(one.to_table, []).append(one.from_table)
    for start in below:
        seen: list[str] = []
        waiting = [start]
        while waiting:
            here = waiting.pop()
            assert here not in seen
            seen.append(here)
            waiting.extend(below.get(here, []))
