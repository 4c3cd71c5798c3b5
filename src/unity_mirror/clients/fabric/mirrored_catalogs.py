"""Mirrored Azure Databricks catalogs, and what a Databricks connection can discover."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from unity_mirror.clients.fabric.api import FabricApi, ItemCollection, quoted, refuse_error, without_none
from unity_mirror.clients.fabric.definitions import decoded, encoded
from unity_mirror.errors import CloudError
from unity_mirror.http.failures import FABRIC
from unity_mirror.models.base import CamelModel
from unity_mirror.models.fabric import DiscoveredCatalog, DiscoveredSchema, DiscoveredTable
from unity_mirror.models.items import MirroredCatalog

M = TypeVar("M", bound=CamelModel)
_PART = "definition.json"


class MirroredCatalogs:
    """https://learn.microsoft.com/rest/api/fabric/mirroredazuredatabrickscatalog/items.

    A ``definition`` is the decoded ``definition.json``.
    """

    def __init__(self, api: FabricApi) -> None:
        self._api = api
        self._items = ItemCollection(api, "mirroredAzureDatabricksCatalogs", "mirrored catalog")

    async def list(self, workspace_id: str) -> list[MirroredCatalog]:
        """List a workspace's mirrored catalogs."""
        return await self._items.list(workspace_id, MirroredCatalog)

    async def get(self, workspace_id: str, item_id: str) -> MirroredCatalog:
        """Read one mirrored catalog."""
        return await self._items.get(workspace_id, item_id, MirroredCatalog)

    async def create(
        self, workspace_id: str, display_name: str, description: str, definition: Mapping[str, Any]
    ) -> MirroredCatalog:
        """Create a mirrored catalog from its definition.

        Raises AlreadyExists for a name in use, and OperationFailed when what was accepted fails afterwards (a dead
        connection, say).
        """
        parts = encoded({_PART: json.dumps(definition)})
        body = {"displayName": display_name, "description": description, "definition": parts}
        return await self._items.create(workspace_id, MirroredCatalog, body)

    async def update(
        self,
        workspace_id: str,
        item_id: str,
        *,
        display_name: str | None = None,
        description: str | None = None,
        auto_sync: str | None = None,
        mirroring_mode: str | None = None,
        storage_connection_id: str | None = None,
    ) -> MirroredCatalog:
        """Change what isn't None. While a sync runs Fabric refuses; where it says so, that is waited for."""
        properties = without_none(
            {"autoSync": auto_sync, "mirroringMode": mirroring_mode, "storageConnectionId": storage_connection_id}
        )
        return await self._items.update(workspace_id, item_id, MirroredCatalog, display_name, description, properties)

    async def definition(self, workspace_id: str, item_id: str) -> dict[str, Any]:
        """Read the definition."""
        operation = "read the mirrored catalog's definition"
        result = await self._api.run(
            f"{self._items.path(workspace_id, item_id)}/getDefinition", operation, effect="read"
        )
        text = decoded(result, operation).get(_PART)
        if text is None:
            raise CloudError(f"could not {operation}", service=FABRIC, why=f"it has no part {_PART}")
        return dict(json.loads(text))

    async def update_definition(self, workspace_id: str, item_id: str, definition: Mapping[str, Any]) -> None:
        """Replace the definition."""
        path = f"{self._items.path(workspace_id, item_id)}/updateDefinition"
        body = {"definition": encoded({_PART: json.dumps(definition)})}
        await self._api.run(path, "update the mirrored catalog's definition", wants_result=False, json=body)

    async def refresh(self, workspace_id: str, item_id: str) -> None:
        """Sync the catalog's structure now, and wait for the operation (not for ``sync_details`` to say Success)."""
        path = f"{self._items.path(workspace_id, item_id)}/refreshCatalogMetadata"
        await self._api.run(path, "refresh the mirrored catalog", wants_result=False)

    async def delete(self, workspace_id: str, item_id: str) -> None:
        """Delete a mirrored catalog; the tables in Databricks stay."""
        await self._items.delete(workspace_id, item_id)


class Discovery:
    """What a Databricks connection sees of Unity Catalog: BROWSE, USE and SELECT of its principal decide."""

    def __init__(self, api: FabricApi) -> None:
        self._api = api

    async def catalogs(self, workspace_id: str, connection_id: str) -> list[DiscoveredCatalog]:
        """List the catalogs."""
        return await self._all(workspace_id, connection_id, "", "discover the catalogs", DiscoveredCatalog)

    async def schemas(self, workspace_id: str, connection_id: str, catalog: str) -> list[DiscoveredSchema]:
        """List a catalog's schemas."""
        path = f"/{quoted(catalog)}/schemas"
        return await self._all(
            workspace_id, connection_id, path, f"discover the schemas of {catalog}", DiscoveredSchema
        )

    async def tables(self, workspace_id: str, connection_id: str, catalog: str, schema: str) -> list[DiscoveredTable]:
        """List a schema's tables."""
        path = f"/{quoted(catalog)}/schemas/{quoted(schema)}/tables"
        operation = f"discover the tables of {catalog}.{schema}"
        return await self._all(workspace_id, connection_id, path, operation, DiscoveredTable)

    async def _all(self, workspace_id: str, connection_id: str, path: str, operation: str, model: type[M]) -> list[M]:
        url = f"/workspaces/{quoted(workspace_id)}/azureDatabricks/catalogs{path}"
        params = {"databricksWorkspaceConnectionId": connection_id}
        found: list[M] = []
        async for page in self._api.pages(url, operation, params=params):
            body = page.json()
            refuse_error(self._api.call("GET", url, operation), body.get("Error") or body.get("error"))
            found.extend(model.model_validate(entry) for entry in body.get("value") or ())
        return found
