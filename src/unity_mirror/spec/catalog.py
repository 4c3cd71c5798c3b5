"""CatalogSpec: one Unity Catalog catalog, and how it is to appear in Fabric."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from unity_mirror.models.table_ref import TableRef
from unity_mirror.spec.access import AccessSpec
from unity_mirror.spec.base import SpecPart, refuse
from unity_mirror.spec.connections import DatabricksSpec, StorageSpec
from unity_mirror.spec.patterns import EVERYTHING, TablePattern, matches_any
from unity_mirror.spec.semantic_model import EnginesSpec, SemanticModelSpec, SqlEndpointSpec
from unity_mirror.spec.urls import azure_cloud
from unity_mirror.spec.values import CatalogName, ItemName, LakehouseName, WorkspaceNameOrId, item_name_fault

Patterns = Annotated[tuple[TablePattern, ...], Field(min_length=1)]
Fix = Literal["external_data_access", "external_use_schema"]
Managed = Literal[
    "identity", "storage_access", "trusted_access", "connections", "mirror", "lakehouse_shortcuts", "access_roles",
    "semantic_model",
]  # fmt: skip


class FabricSpec(SpecPart):
    """Where the catalog appears in Fabric."""

    workspace: WorkspaceNameOrId = Field(
        title="Workspace", description="Name or id of the Fabric workspace.", examples=["Sales Analytics"]
    )
    item_name: ItemName | None = Field(
        default=None,
        title="Item name",
        description="Name of the mirrored catalog in the workspace; the catalog's name when left out.",
        examples=["sales"],
    )


class SelectSpec(SpecPart):
    """Which tables are mirrored: those that an include pattern matches and no exclude pattern does."""

    include: Patterns = Field(
        default=(EVERYTHING,),
        title="Include",
        description="Patterns over schema.table, with * and ?. One that matches nothing is an error.",
        examples=[["*"], ["orders.*", "customers.dim_*"]],
    )
    exclude: tuple[TablePattern, ...] = Field(
        default=(),
        title="Exclude",
        description="Patterns over schema.table; they win over include. One that matches nothing is a warning.",
        examples=[["staging.*", "orders.tmp_*"]],
    )

    def selects(self, table: TableRef) -> bool:
        """Whether a table is selected."""
        return matches_any(self.include, table) and not matches_any(self.exclude, table)


class LakehouseSpec(SpecPart):
    """A lakehouse with OneLake shortcuts to the mirrored tables; made if it isn't there."""

    name: LakehouseName = Field(title="Name", description="Name of the lakehouse.", examples=["sales_lake"])
    workspace: WorkspaceNameOrId | None = Field(
        default=None,
        title="Workspace",
        description="Name or id of the lakehouse's workspace; the mirrored catalog's when left out.",
        examples=["Sales Lab"],
    )
    tables: Patterns = Field(
        default=(EVERYTHING,),
        title="Tables",
        description="Which of the mirrored tables get a shortcut: patterns over schema.table.",
        examples=[["orders.*"]],
    )
    schemas: bool = Field(
        default=True,
        title="Schemas",
        description="Whether a lakehouse that is made has schemas. Without, tables of the same name collide.",
        examples=[True],
    )

    def selects(self, table: TableRef) -> bool:
        """Whether a mirrored table gets a shortcut."""
        return matches_any(self.tables, table)


class PrerequisitesSpec(SpecPart):
    """What may be repaired when a prerequisite fails; all else is only reported, with its remedy."""

    fix: tuple[Fix, ...] = Field(
        default=(),
        title="Fix",
        description="Prerequisites to repair: external data access on the metastore, EXTERNAL USE SCHEMA for the "
        "connecting principal.",
        examples=[["external_data_access", "external_use_schema"]],
    )


class FreshnessSpec(SpecPart):
    """How late what follows a table's commits may be."""

    max_lag_minutes: int = Field(
        default=30,
        ge=0,
        title="Largest lag",
        description="Minutes after a commit until `verify` takes it for wrong that the item's sync, the SQL endpoint "
        "or the semantic model hasn't followed. Fabric syncs a catalog about every 15 minutes.",
        examples=[60],
    )


class CatalogSpec(SpecPart):
    """One Unity Catalog catalog, and how it is to appear in Microsoft Fabric."""

    kind: Literal["catalog"] = Field(
        default="catalog", title="Kind", description="What this spec describes: one catalog.", examples=["catalog"]
    )
    catalog: CatalogName = Field(
        title="Catalog", description="Name of the catalog in Unity Catalog.", examples=["sales"]
    )
    databricks: DatabricksSpec = Field(
        title="Databricks",
        description="The Azure Databricks workspace of the catalog, and Fabric's connection to it.",
        examples=[{"workspace": "https://adb-1234567890123456.7.azuredatabricks.net"}],
    )
    fabric: FabricSpec = Field(
        title="Fabric",
        description="The Fabric workspace and item in which the catalog appears.",
        examples=[{"workspace": "Sales Analytics"}],
    )
    select: SelectSpec = Field(
        default=SelectSpec(),
        title="Select",
        description="Which schemas and tables are mirrored; all of them when left out.",
        examples=[{"include": ["*"], "exclude": ["staging.*"]}],
    )
    auto_sync: bool = Field(
        default=True,
        title="Automatic sync",
        description="Whether Fabric follows later changes of the catalog by itself.",
        examples=[True],
    )
    storage: StorageSpec | None = Field(
        default=None,
        title="Storage",
        description="The catalog's storage account; only when it is behind a firewall.",
        examples=[{"url": "https://contosolake.dfs.core.windows.net/lake/sales"}],
    )
    lakehouse: LakehouseSpec | None = Field(
        default=None,
        title="Lakehouse",
        description="A lakehouse with shortcuts to the mirrored tables.",
        examples=[{"name": "sales_lake", "tables": ["orders.*"]}],
    )
    semantic_model: SemanticModelSpec | None = Field(
        default=None,
        title="Semantic model",
        description="A Direct Lake semantic model over the mirrored tables.",
        examples=[{"name": "Sales", "tables": ["orders.*"]}],
    )
    access: AccessSpec | None = Field(
        default=None,
        title="Access",
        description="OneLake data access roles on the mirrored catalog; none are kept when left out.",
        examples=[{"roles": "from_unity_catalog"}],
    )
    sql_endpoint: SqlEndpointSpec = Field(
        default=SqlEndpointSpec(),
        title="SQL analytics endpoint",
        description="What is read through the SQL analytics endpoint once it is there.",
        examples=[{"preview": True}],
    )
    engines: EnginesSpec = Field(
        default=EnginesSpec(),
        title="Engines",
        description="How it is found out which Fabric engines can read which table.",
        examples=[{"check": "always"}],
    )
    prerequisites: PrerequisitesSpec = Field(
        default=PrerequisitesSpec(),
        title="Prerequisites",
        description="What may be repaired when a prerequisite fails.",
        examples=[{"fix": ["external_data_access"]}],
    )
    freshness: FreshnessSpec = Field(
        default=FreshnessSpec(),
        title="Freshness",
        description="What `verify` takes for fresh enough.",
        examples=[{"max_lag_minutes": 60}],
    )

    managed_elsewhere: tuple[Managed, ...] = Field(
        default=(),
        title="Managed elsewhere",
        description="What another tool manages, such as Terraform or Fabric's Git integration: it is looked at, and a "
        "difference is reported, never changed.",
        examples=[["identity", "trusted_access"]],
    )
    on_failure: Literal["keep", "rollback"] = Field(
        default="keep",
        title="On failure",
        description="Whether a run that fails keeps what it made, for the next one to go on from, or undoes it.",
        examples=["keep"],
    )

    @property
    def item_name(self) -> str:
        """Name of the mirrored catalog in Fabric: the catalog's own, unless the spec gives another."""
        return self.fabric.item_name or self.catalog

    @model_validator(mode="after")
    def _item_can_be_named(self) -> CatalogSpec:
        if self.fabric.item_name is None and item_name_fault(self.catalog):
            raise refuse(
                f"the item can't take the catalog's name: {item_name_fault(self.catalog)}",
                "give the item a name of its own",
                at="fabric.item_name",
            )
        return self

    @model_validator(mode="after")
    def _databases_differ(self) -> CatalogSpec:
        lakehouse, here = self.lakehouse, self.fabric.workspace
        if lakehouse is None or (lakehouse.workspace or here).lower() != here.lower():
            return self
        if lakehouse.name.lower() == self.item_name.lower():
            raise refuse(
                "the lakehouse and the mirrored catalog have the same name in the same workspace",
                "give one another name: each has a SQL database of its name there",
                at="lakehouse.name",
            )
        return self

    @model_validator(mode="after")
    def _same_cloud(self) -> CatalogSpec:
        if self.storage and azure_cloud(self.databricks.workspace) != azure_cloud(self.storage.url):
            raise refuse(
                "the Databricks workspace and the storage account are in different Azure clouds",
                "both URLs have to end as the same cloud's do (public, US Government or China)",
                at="storage.url",
            )
        return self
