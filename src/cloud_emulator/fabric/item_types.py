"""The types of items that the emulator knows. Each comes from the module that serves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cloud_emulator.core.http import Handler
from cloud_emulator.fabric import lakehouses, mirrored_catalogs, semantic_models, sql_endpoints
from cloud_emulator.fabric.items import ItemType
from cloud_emulator.fabric.typed_items import TypedItems

ITEM_TYPES: Mapping[str, ItemType] = {
    each.name: each
    for each in (
        lakehouses.TYPE,
        mirrored_catalogs.TYPE,
        semantic_models.TYPE,
        sql_endpoints.TYPE,
        ItemType("VariableLibrary"),
    )
}


@dataclass(frozen=True, slots=True)
class TypedHandlers:
    """What the operations on items of every type hand on to."""

    items: TypedItems
    create: Handler
    get_definition: Handler | None = None
    update_definition: Handler | None = None


HANDLERS: Mapping[str, TypedHandlers] = {
    each.items.item_type.name: each
    for each in (
        TypedHandlers(lakehouses.LAKEHOUSES, lakehouses.create),
        *(
            TypedHandlers(items, module.create, module.get_definition, module.update_definition)
            for items, module in (
                (mirrored_catalogs.CATALOGS, mirrored_catalogs),
                (semantic_models.MODELS, semantic_models),
            )
        ),
    )
}

KNOWN_TYPES = frozenset(
    {
        "AnomalyDetector", "ApacheAirflowJob", "AppBackend", "AzureDatabricksStorage", "CopyJob", "CosmosDBDatabase",
        "Dashboard", "DataAgent", "DataBuildToolJob", "DataPipeline", "Dataflow", "Datamart", "DigitalTwinBuilder",
        "DigitalTwinBuilderFlow", "Environment", "EventSchemaSet", "Eventhouse", "Eventstream", "GraphModel",
        "GraphQLApi", "GraphQuerySet", "KQLDashboard", "KQLDatabase", "KQLQueryset", "Lakehouse", "MLExperiment",
        "MLModel", "Map", "MirroredAzureDatabricksCatalog", "MirroredCatalog", "MirroredDatabase", "MirroredWarehouse",
        "MountedDataFactory", "Notebook", "Ontology", "OperationsAgent", "OrgApp", "OrgAppAudience", "PaginatedReport",
        "Plan", "Reflex", "Report", "SQLDatabase", "SQLEndpoint", "SemanticModel", "SnowflakeDatabase",
        "SparkJobDefinition", "UserDataFunction", "VariableLibrary", "Warehouse", "WarehouseSnapshot",
    }
)  # fmt: skip
"""Every type that the API may name, those that the emulator doesn't serve included."""
