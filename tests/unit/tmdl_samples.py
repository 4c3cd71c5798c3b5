"""Tables of a small star schema, odd ones, and generated ones, for the tests of semantic models."""

from typing import Any

from hypothesis import strategies as st

from unity_mirror.models.unity_catalog import Table
from unity_mirror.plan.tmdl import ModelDefinition, ModelInput, build_model

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


def build(*tables: Table, relationships: bool = True) -> ModelDefinition:
    """The model of some tables."""
    return build_model(ModelInput(WORKSPACE, ITEM, tables, relationships=relationships))


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
