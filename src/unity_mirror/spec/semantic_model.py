"""The semantic model over the mirrored tables, and what is looked at in the SQL endpoint and the Delta logs."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from unity_mirror.models.table_ref import TableRef
from unity_mirror.spec.base import SpecPart, refuse, shape
from unity_mirror.spec.patterns import EVERYTHING, TablePattern, matches_any
from unity_mirror.spec.values import Guid, ItemName

Patterns = Annotated[tuple[TablePattern, ...], Field(min_length=1)]
_COLUMN = re.compile(r"[^.\s]+\.[^.\s]+\..+")
_MOST_ROWS = 1000


def _column(text: str) -> str:
    if not _COLUMN.fullmatch(text):
        raise refuse(f"{text!r} isn't of the form schema.table.column", "write it without the catalog")
    return text


ColumnName = Annotated[str, AfterValidator(_column), shape("^[^. ]+[.][^. ]+[.].+$")]
"""A column as ``schema.table.column``."""


def column_of(name: str) -> tuple[TableRef, str]:
    """Table and column of a ColumnName."""
    schema, table, column = name.split(".", 2)
    return TableRef(schema, table), column


class RelationshipSpec(SpecPart):
    """A relationship of the model, from the many side to the one side."""

    from_column: ColumnName = Field(
        title="From", description="Column on the many side: schema.table.column.", examples=["orders.sales.day"]
    )
    to_column: ColumnName = Field(
        title="To", description="Column on the one side: schema.table.column.", examples=["orders.calendar.day"]
    )
    cardinality: Literal["many_to_one", "one_to_one", "many_to_many"] = Field(
        default="many_to_one",
        title="Cardinality",
        description="How many rows of the one table belong to how many of the other.",
        examples=["many_to_one"],
    )
    cross_filter: Literal["single", "both"] = Field(
        default="single",
        title="Cross filter direction",
        description="Whether filters flow from the one side to the many side only, or both ways.",
        examples=["single"],
    )
    active: bool = Field(
        default=True,
        title="Active",
        description="Whether it may be the active one; where two ways lead to a table, only the first is.",
        examples=[True],
    )
    referential_integrity: bool = Field(
        default=False,
        title="Referential integrity",
        description="Whether every value on the many side is known to be on the one side.",
        examples=[True],
    )


class SemanticModelSpec(SpecPart):
    """A Direct Lake semantic model over the mirrored tables."""

    name: ItemName = Field(title="Name", description="Name of the semantic model.", examples=["Sales"])
    tables: Patterns = Field(
        default=(EVERYTHING,),
        title="Tables",
        description="Which of the mirrored tables are in the model: patterns over schema.table.",
        examples=[["orders.*"]],
    )
    relationships: Literal["from_unity_catalog", "none"] = Field(
        default="from_unity_catalog",
        title="Relationships",
        description="Where relationships come from: Unity Catalog's primary and foreign keys, or nowhere.",
        examples=["from_unity_catalog"],
    )
    more_relationships: tuple[RelationshipSpec, ...] = Field(
        default=(),
        title="More relationships",
        description="Relationships beside Unity Catalog's, or, with relationships: none, instead of them. Between the "
        "same columns they win.",
        examples=[[{"from_column": "orders.sales.day", "to_column": "orders.calendar.day"}]],
    )
    storage_mode: Literal["onelake", "sql_endpoint"] = Field(
        default="onelake",
        title="Storage mode",
        description="Direct Lake on OneLake, or on the SQL analytics endpoint (which falls back to DirectQuery).",
        examples=["onelake"],
    )
    names: Literal["source", "friendly"] = Field(
        default="source",
        title="Names",
        description="Whether tables and columns keep Unity Catalog's names or get words (customer_key: Customer Key).",
        examples=["friendly"],
    )
    display_folders: Literal["none", "by_schema"] = Field(
        default="none",
        title="Display folders",
        description="Whether columns and measures stand in a folder named after their schema.",
        examples=["by_schema"],
    )
    date_table: ColumnName | Literal["auto", "none"] = Field(
        default="auto",
        title="Date table",
        description="The column of dates (schema.table.column) of the table to mark as date table; auto finds a "
        "calendar by its name and its only required date column.",
        examples=["orders.dim_date.calendar_date"],
    )
    metric_views: bool = Field(
        default=True,
        title="Metric views",
        description="Whether measures of metric views over the model's tables become measures where DAX can say them.",
        examples=[True],
    )
    check_keys: bool = Field(
        default=False,
        title="Check keys",
        description="Whether relationships are checked against the data, through the SQL endpoint: the one sides for "
        "duplicates, the many sides for references to nothing.",
        examples=[True],
    )
    check_texts: bool = Field(
        default=False,
        title="Check texts",
        description="Whether texts are measured, through the SQL endpoint: Direct Lake takes 32,764 characters.",
        examples=[True],
    )
    connection: Guid | None = Field(
        default=None,
        title="Connection",
        description="Id of a shareable cloud connection to bind the model to, which gives it a fixed identity.",
        examples=["3f1c0000-0000-4000-8000-000000000001"],
    )

    def selects(self, table: TableRef) -> bool:
        """Whether a mirrored table is in the model."""
        return matches_any(self.tables, table)

    @model_validator(mode="after")
    def _relates_two_tables(self) -> SemanticModelSpec:
        for place, one in enumerate(self.more_relationships):
            if column_of(one.from_column)[0] == column_of(one.to_column)[0]:
                raise refuse(
                    "a relationship has to join two tables",
                    "a model can't relate a table to itself",
                    at=f"more_relationships.{place}.to_column",
                )
        return self


class SqlEndpointSpec(SpecPart):
    """A preview of the tables by T-SQL."""

    preview: bool = Field(
        default=False,
        title="Preview",
        description="Whether each table's rows are counted by T-SQL and the first ones shown, after a change.",
        examples=[True],
    )
    rows: int = Field(
        default=5, ge=0, le=_MOST_ROWS, title="Rows", description="How many rows the preview shows.", examples=[10]
    )


class EnginesSpec(SpecPart):
    """Whose Delta logs are read to tell which engines can read which table."""

    check: Literal["new", "always", "never"] = Field(
        default="new",
        title="Check",
        description="Whose Delta logs are read: new tables' (not mirrored yet, or wanted in the semantic model and not "
        "there, or known to use something that an engine can't read), always all tables', or never any. Of the others "
        "Unity Catalog's properties are taken.",
        examples=["always"],
    )
