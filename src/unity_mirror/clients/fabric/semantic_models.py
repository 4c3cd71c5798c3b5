"""Semantic models. https://learn.microsoft.com/rest/api/fabric/semanticmodel/items."""

from collections.abc import Mapping

from unity_mirror.clients.fabric.api import FabricApi, ItemCollection
from unity_mirror.clients.fabric.definitions import decoded, encoded
from unity_mirror.models.items import SemanticModel

_FORMAT = "TMDL"


class SemanticModels:
    """Semantic models; a definition is a mapping of part paths to TMDL (or JSON) text."""

    def __init__(self, api: FabricApi) -> None:
        self._api = api
        self._items = ItemCollection(api, "semanticModels", "semantic model")

    async def list(self, workspace_id: str) -> list[SemanticModel]:
        """List a workspace's semantic models."""
        return await self._items.list(workspace_id, SemanticModel)

    async def get(self, workspace_id: str, model_id: str) -> SemanticModel:
        """Read one semantic model."""
        return await self._items.get(workspace_id, model_id, SemanticModel)

    async def create(
        self, workspace_id: str, display_name: str, description: str, parts: Mapping[str, str]
    ) -> SemanticModel:
        """Create a semantic model. A bad definition is accepted and fails afterwards: OperationFailed."""
        body = {"displayName": display_name, "description": description, "definition": encoded(parts, _FORMAT)}
        return await self._items.create(workspace_id, SemanticModel, body)

    async def definition(self, workspace_id: str, model_id: str) -> dict[str, str]:
        """Read the definition's parts."""
        operation = "read the semantic model's definition"
        path = f"{self._items.path(workspace_id, model_id)}/getDefinition"
        result = await self._api.run(path, operation, params={"format": _FORMAT}, effect="read")
        return decoded(result, operation)

    async def update_definition(self, workspace_id: str, model_id: str, parts: Mapping[str, str]) -> None:
        """Replace the definition: parts that aren't given go away."""
        path = f"{self._items.path(workspace_id, model_id)}/updateDefinition"
        body = {"definition": encoded(parts, _FORMAT)}
        await self._api.run(path, "update the semantic model's definition", wants_result=False, json=body)

    async def bind_connection(
        self, workspace_id: str, model_id: str, connection_id: str, reference_type: str, reference_path: str
    ) -> None:
        """Bind a data source that the model names to a shareable cloud connection. Only the model's owner may."""
        path = f"{self._items.path(workspace_id, model_id)}/bindConnection"
        details = {"type": reference_type, "path": reference_path}
        body = {
            "connectionBinding": {
                "id": connection_id,
                "connectivityType": "ShareableCloud",
                "connectionDetails": details,
            }
        }
        await self._api.run(path, "bind the semantic model to its connection", wants_result=False, json=body)

    async def update(
        self, workspace_id: str, model_id: str, *, display_name: str | None = None, description: str | None = None
    ) -> SemanticModel:
        """Change name or description."""
        return await self._items.update(workspace_id, model_id, SemanticModel, display_name, description)

    async def delete(self, workspace_id: str, model_id: str) -> None:
        """Delete a semantic model."""
        await self._items.delete(workspace_id, model_id)
