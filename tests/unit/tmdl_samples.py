"""Tables of a small star schema, odd ones, and generated ones, for the tests of semantic models."""

import contextlib
from dataclasses import replace
from typing import Any

import yaml
from hypothesis import strategies as st
from pydantic import ValidationError

from unity_mirror.models.unity_catalog import Table
from unity_mirror.plan.tmdl import ModelDefinition, ModelInput, SqlSource, build_model
from unity_mirror.spec import RelationshipSpec

WORKSPACE = "44440000-0000-4000-8000-00000000d001"
ITEM = "55550000-0000-4000-8000-00000000e001"
CATALOG = "sales"


def column(name: str, kind: str = "LONG", **more: Any) -> dict[str, Any]:
    """A column as Unity Catalog describes it; its position is added by ``table``."""
    return {"name": name, "type_name": kind, "type_text": kind.lower(), **more}


def table(
    name: str,
    *columns: dict[str, Any] | str,
    schema: str = "orders",
    key: str | list[str] | None = None,
    refers: dict[str, str] | None = None,
    **more: Any,
) -> Table:
    """A table; ``refers`` maps a column to ``schema.table.column``, a column given as text is a LONG."""
    described = [column(one) if isinstance(one, str) else one for one in columns]
    constraints = [] if key is None else [primary_key(key)]
    constraints += [foreign_key(child, target) for child, target in (refers or {}).items()]
    given = {
        "name": name,
        "catalog_name": CATALOG,
        "schema_name": schema,
        "table_type": "MANAGED",
        "columns": [{"position": position, **one} for position, one in enumerate(described)],
        "table_constraints": constraints,
    }
    return Table.model_validate({**given, **more})


def primary_key(columns: str | list[str]) -> dict[str, Any]:
    """A primary key constraint."""
    return {
        "primary_key_constraint": {"name": "pk", "child_columns": [columns] if isinstance(columns, str) else columns}
    }


def foreign_key(child: str, target: str) -> dict[str, Any]:
    """A foreign key constraint over one column, to ``schema.table.column``."""
    parent, _, parent_column = target.rpartition(".")
    key = {
        "name": f"fk_{child}",
        "child_columns": [child],
        "parent_table": f"{CATALOG}.{parent}",
        "parent_columns": [parent_column],
    }
    return {"foreign_key_constraint": key}


def build(*tables: Table, relationships: bool = True, **options: Any) -> ModelDefinition:
    """The model of some tables."""
    return build_model(ModelInput(WORKSPACE, ITEM, tables, relationships=relationships, **options))


SQL = SqlSource("x6eps4xrq2xudenlfv6naeo3i4.datawarehouse.fabric.microsoft.com", "66660000-0000-4000-8000-00000000f001")


def related(from_column: str, to_column: str, **more: Any) -> RelationshipSpec:
    """A relationship of the spec; schemas are left out."""
    ends = {"from_column": f"orders.{from_column}", "to_column": f"orders.{to_column}"}
    return RelationshipSpec.model_validate({**ends, **more})


METRICS = """
version: 0.1
source: sales.orders.fact_sales
dimensions:
  - {name: customer, expr: customer_key}
measures:
  - {name: revenue, expr: SUM(amount), comment: "What was sold, net"}
  - {name: lines, expr: COUNT(*)}
  - {name: average line, expr: MEASURE(revenue) / COUNT(1)}
  - {name: customers, expr: count(distinct `customer_key`)}
  - {name: large, expr: SUM(amount) FILTER (WHERE unit_price >= 100 AND customer_key <> 7)}
  - {name: list value, expr: "SUM(source.unit_price * amount) * 1.25"}
  - {name: amount, expr: MAX(amount)}
  - {name: median, expr: percentile(amount, 0.5)}
  - {name: by region, expr: SUM(customer.region)}
  - {name: rolling, expr: SUM(amount), window: [{order: day, range: trailing 7 day}]}
  - {name: nulls, expr: SUM(amount - unit_price)}
  - {name: missing, expr: MEASURE(rolling) * 2}
  - {name: text, expr: SUM(nothing)}
"""
"""Measures that DAX can say, and below them those that it can't."""


def metric_view(definition: str = METRICS, name: str = "sales_metrics") -> Table:
    """A metric view."""
    return table(name, table_type="METRIC_VIEW", view_definition=definition)


@st.composite
def options(draw: st.DrawFn, tables: tuple[Table, ...]) -> dict[str, Any]:
    """Options of a model, with relationships of any kind between any columns and measures over any table."""
    columns = [(one.ref, column.name) for one in tables for column in one.columns]
    pairs = st.tuples(st.sampled_from(columns), st.sampled_from(columns)).filter(lambda two: two[0][0] != two[1][0])
    wished = []
    if len(tables) > 1:
        for (left, one), (right, other) in draw(st.lists(pairs, max_size=3)):
            wish = {
                "from_column": f"{left}.{one}", "to_column": f"{right}.{other}", "active": draw(st.booleans()),
                "cardinality": draw(st.sampled_from(["many_to_one", "one_to_one", "many_to_many"])),
                "cross_filter": draw(st.sampled_from(["single", "both"])), "referential_integrity": draw(st.booleans()),
            }  # fmt: skip
            with contextlib.suppress(ValidationError):  # names that a spec can't give, as with a dot or a blank in them
                wished.append(RelationshipSpec.model_validate(wish))
    measures = [{"name": draw(names), "expr": draw(st.sampled_from(["COUNT(*)", "SUM(a)", "count(1) / 2"]))}]
    view = yaml.safe_dump({"source": f"{CATALOG}.{draw(st.sampled_from(tables)).ref}", "measures": measures})
    return {
        "friendly_names": draw(st.booleans()),
        "folders_by_schema": draw(st.booleans()),
        "date_table": draw(st.sampled_from(["auto", "none"])),
        "sql": draw(st.sampled_from([None, SQL])),
        "more_relationships": tuple(wished),
        "metric_views": (metric_view(view),),
    }


@st.composite
def catalogs_with_options(draw: st.DrawFn) -> tuple[tuple[Table, ...], dict[str, Any]]:
    """A catalog and options of the model over it."""
    tables = draw(catalogs())
    return tables, draw(options(tables))


def star() -> tuple[Table, ...]:
    """A fact with two dimensions and two dates."""
    fact = table(
        "fact_sales",
        column("sale_id"),
        column("date_key", "INT"),
        column("ship_date_key", "INT"),
        column("customer_key", "LONG"),
        column("amount", "DECIMAL", type_text="decimal(10,2)", type_precision=10, type_scale=2, comment="Net, in euro"),
        column("unit_price", "DOUBLE"),
        key="sale_id",
        refers={
            "date_key": "orders.dim_date.date_key",
            "ship_date_key": "orders.dim_date.date_key",
            "customer_key": "orders.dim_customer.customer_key",
        },
        comment="One row for each line\nof an order",
    )
    date = table("dim_date", column("date_key", "INT"), column("day", "DATE"), column("year", "INT"), key="date_key")
    customer = table("dim_customer", column("customer_key"), column("name", "STRING"), key="customer_key")
    return fact, date, customer


_RESERVED = [
    "table",
    "column",
    "ref table",
    "true",
    "'",
    "''",
    '"',
    "a.b",
    "a=b",
    "a: b",
    "// x",
    "/// x",
    "```",
    "x = ```",
    "é☃",
    "CON",
]
names = st.one_of(
    st.sampled_from(_RESERVED),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
)
"""Names as people invent them, and worse."""
_TYPES = [
    "LONG",
    "INT",
    "STRING",
    "DOUBLE",
    "DATE",
    "TIMESTAMP",
    "BOOLEAN",
    "DECIMAL",
    "BINARY",
    "ARRAY",
    "STRUCT",
    "WEIRD",
]


@st.composite
def catalogs(draw: st.DrawFn) -> tuple[Table, ...]:
    """Catalogs with odd names, comments and types, and foreign keys that cross, repeat, circle and dangle."""
    refs = draw(
        st.lists(
            st.tuples(st.sampled_from(["s", "t u"]), names),
            min_size=1,
            max_size=5,
            unique_by=lambda ref: (ref[0], ref[1].casefold()),
        )
    )
    columns = {
        ref: draw(
            st.lists(
                st.builds(column, names, st.sampled_from(_TYPES), comment=st.none() | st.text(max_size=20)),
                min_size=1,
                max_size=6,
                unique_by=lambda one: one["name"].casefold(),
            )
        )
        for ref in refs
    }
    return tuple(_drawn_table(draw, ref, columns) for ref in refs)


@st.composite
def tangles(draw: st.DrawFn) -> tuple[Table, ...]:
    """Tables with a key each, and foreign keys to any of them: to themselves, in circles, by two ways, twice."""
    sayable = names.filter(lambda name: not {".", "`"} & {*name})  # a key names its table as catalog.schema.table
    given = draw(st.lists(sayable, min_size=2, max_size=6, unique_by=lambda name: name.casefold()))
    keys = [f"k{number}" for number in range(4)]
    return tuple(
        table(name, "id", *keys, key="id", refers={
            key: f"orders.{draw(st.sampled_from(given))}.id"
            for key in draw(st.lists(st.sampled_from(keys), unique=True))
        })
        for name in given
    )  # fmt: skip


def wide(odd: list[str], types: list[str]) -> Table:
    """A table of 300 columns, some of them with odd names, of types in turn."""
    taken = {name.casefold() for name in odd}
    plain = [name for number in range(320) if (name := f"Column {number}").casefold() not in taken][: 300 - len(odd)]
    columns = [column(name, types[place % len(types)]) for place, name in enumerate([*odd, *plain])]
    return table("wide", *columns)


odd_names = st.lists(names, max_size=20, unique_by=lambda name: name.casefold())
"""Names of one table's columns."""
some_types = st.lists(st.sampled_from(_TYPES), min_size=1, max_size=4)
"""Types of columns."""


def _drawn_table(draw: st.DrawFn, ref: tuple[str, str], columns: dict[tuple[str, str], list[dict[str, Any]]]) -> Table:
    own = [one["name"] for one in columns[ref]]
    constraints = (
        [primary_key(draw(st.lists(st.sampled_from(own), min_size=1, max_size=2, unique=True)))]
        if draw(st.booleans())
        else []
    )
    for _ in range(draw(st.integers(0, 4))):
        parent = draw(st.sampled_from(sorted(columns)))
        target = draw(st.sampled_from([one["name"] for one in columns[parent]]))
        key = {
            "child_columns": [draw(st.sampled_from(own))],
            "parent_table": f"{CATALOG}.{parent[0]}.{parent[1]}",
            "parent_columns": [target],
        }
        constraints.append({"foreign_key_constraint": key})
    return table(
        ref[1],
        *columns[ref],
        schema=ref[0],
        table_constraints=constraints,
        comment=draw(st.none() | st.text(max_size=30)),
    )


@st.composite
def catalogs_before_and_after(
    draw: st.DrawFn,
) -> tuple[tuple[tuple[Table, ...], dict[str, Any]], tuple[tuple[Table, ...], dict[str, Any]]]:
    """A catalog and its model's options, and both later: tables and columns go and come, comments and keys change."""
    tables = draw(catalogs())
    kept = draw(st.lists(st.sampled_from(tables), unique_by=lambda one: one.ref))
    later = [_later(draw, one) for one in kept]
    taken = {(one.schema_name, one.name.casefold()) for one in later}
    later += [one for one in draw(catalogs()) if (one.schema_name, one.name.casefold()) not in taken]
    later = later or list(tables)
    return (tables, draw(options(tables))), (tuple(later), draw(options(tuple(later))))


def _later(draw: st.DrawFn, one: Table) -> Table:
    columns = draw(st.lists(st.sampled_from(one.columns), min_size=1, unique_by=lambda column: column.name))
    return replace(
        one,
        columns=tuple(columns),
        comment=draw(st.sampled_from([one.comment, None, "other"])),
        table_constraints=one.table_constraints if draw(st.booleans()) else (),
    )
