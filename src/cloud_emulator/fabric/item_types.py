"""The types of items that the emulator knows. Each comes from the module that serves it."""

from __future__ import annotations

from collections.abc import Mapping

from cloud_emulator.fabric import lakehouses, mirrored_catalogs, semantic_models, sql_endpoints
from cloud_emulator.fabric.items import ItemType

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
