"""Items that other people made in Contoso's workspaces. They must be as they were after everything that we do."""

from __future__ import annotations

import orjson

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.fabric import semantic_models, sql_endpoints
from cloud_emulator.fabric.definition_parts import DEFINITIONS, encode
from cloud_emulator.fabric.items import create_item
from cloud_emulator.fabric.lakehouses import make_lakehouse
from cloud_emulator.seeds.contoso.fabric import SALES_WORKSPACE, SANDBOX_WORKSPACE
from cloud_emulator.seeds.contoso.identities import ANALYST

_PBISM = {
    "$schema": "https://developer.microsoft.com/json-schemas/fabric/item/semanticModel/definitionProperties/1.0.0/schema.json",
    "version": "4.0",
}
_DATABASE = "database\n\tcompatibilityLevel: 1604\n"
_MODEL = "model Model\n\tculture: en-US\n\n\tannotation Purpose = Targets by region. Tables follow in autumn.\n"


def add(cloud: Cloud) -> None:
    """Adds the items, with endpoints that are there from the start: nothing is left to happen later."""
    sql_endpoints.register_jobs(cloud)
    _lakehouse(cloud, SALES_WORKSPACE, "planning", "Targets by region, kept by the sales team.")
    _model(cloud, SALES_WORKSPACE, "Regional Targets")
    _lakehouse(cloud, SANDBOX_WORKSPACE, "sales_lake", "The analyst's experiments.")
    _model(cloud, SANDBOX_WORKSPACE, "Sales")


def _lakehouse(cloud: Cloud, workspace_id: str, name: str, description: str) -> None:
    item = make_lakehouse(cloud, workspace_id, name, description)
    cloud.jobs.run_now(cloud, f"sqlEndpoint:{item['id']}")


def _model(cloud: Cloud, workspace_id: str, name: str) -> None:
    """A model without tables yet: lakehouses hold no files of their own here."""
    item = create_item(
        cloud,
        workspace_id,
        semantic_models.TYPE.name,
        name,
        "Made by hand.",
        owner=ANALYST.object_id,
        bindings={},
        properties={},
    )
    parts = {
        "definition.pbism": orjson.dumps(_PBISM),
        "definition/database.tmdl": _DATABASE.encode(),
        "definition/model.tmdl": _MODEL.encode(),
    }
    cloud.table(DEFINITIONS)[item["id"]] = {"itemId": item["id"], "parts": encode(parts)}
