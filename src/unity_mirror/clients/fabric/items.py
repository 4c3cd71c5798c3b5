"""Items of any type, and the two plain ones: lakehouses and SQL analytics endpoints."""

from collections.abc import Mapping, Sequence
from typing import Any

from unity_mirror.clients.fabric.api import FabricApi, ItemCollection, quoted
from unity_mirror.models.fabric import TableSyncStatus
from unity_mirror.models.items import Item, ItemConnection, Lakehouse


class Items:
    """https://learn.microsoft.com/rest/api/fabric/core/items."""

    def __init__(self, api: FabricApi) -> None:
        self._api = api

    async def list(self, workspace_id: str, type: str | None = None) -> list[Item]:  # noqa: A002 - the API's name
        """List a workspace's items, of one type or of all."""
        params = {"type": type} if type else {}
        return await self._api.list(f"/workspaces/{quoted(workspace_id)}/items", "list the items", Item, params=params)

    async def create(self, workspace_id: str, type: str, display_name: str, description: str) -> Item:  # noqa: A002
        """Create an item of a type that needs no definition.

        One of that name and with that description is taken for what was asked for before, by a process that was killed.
        """
        path = f"/workspaces/{quoted(workspace_id)}/items"
        body = {"displayName": display_name, "type": type, "description": description}
        call = self._api.call("POST", path, f"create the {type} {display_name!r}", json=body)

        async def found() -> Item | None:
            listed = await self.list(workspace_id, type)
            return next((each for each in listed if each.display_name.casefold() == display_name.casefold()), None)

        def read(result: Mapping[str, Any]) -> Item | None:
            return Item.model_validate(result) if result.get("id") else None

        return await self._api.create(
            call, found=found, read=read, same=lambda item: bool(description) and item.description == description
        )

    async def describe(self, workspace_id: str, item_id: str, description: str) -> Item:
        """Change an item's description."""
        path = f"/workspaces/{quoted(workspace_id)}/items/{quoted(item_id)}"
        return await self._api.patch(path, "describe the item", Item, {"description": description})

    async def connections(self, workspace_id: str, item_id: str) -> Sequence[ItemConnection]:
        """List the connections through which an item reads. Needs to read and write it."""
        path = f"/workspaces/{quoted(workspace_id)}/items/{quoted(item_id)}/connections"
        return await self._api.list(path, "list the item's connections", ItemConnection)

    async def delete(self, workspace_id: str, item_id: str) -> None:
        """Delete an item of any type."""
        await self._api.delete(f"/workspaces/{quoted(workspace_id)}/items/{quoted(item_id)}", "delete the item")


class Lakehouses:
    """https://learn.microsoft.com/rest/api/fabric/lakehouse/items."""

    def __init__(self, api: FabricApi) -> None:
        self._items = ItemCollection(api, "lakehouses", "lakehouse")

    async def list(self, workspace_id: str) -> list[Lakehouse]:
        """List a workspace's lakehouses."""
        return await self._items.list(workspace_id, Lakehouse)

    async def get(self, workspace_id: str, lakehouse_id: str) -> Lakehouse:
        """Read one lakehouse."""
        return await self._items.get(workspace_id, lakehouse_id, Lakehouse)

    async def create(
        self, workspace_id: str, display_name: str, description: str = "", enable_schemas: bool = True
    ) -> Lakehouse:
        """Create a lakehouse. Without schemas the payload is left out: the API takes true or nothing."""
        body: dict[str, object] = {"displayName": display_name, "description": description}
        if enable_schemas:
            body["creationPayload"] = {"enableSchemas": True}
        return await self._items.create(workspace_id, Lakehouse, body)

    async def update(
        self, workspace_id: str, lakehouse_id: str, *, display_name: str | None = None, description: str | None = None
    ) -> Lakehouse:
        """Change name or description."""
        return await self._items.update(workspace_id, lakehouse_id, Lakehouse, display_name, description)

    async def delete(self, workspace_id: str, lakehouse_id: str) -> None:
        """Delete a lakehouse and its files."""
        await self._items.delete(workspace_id, lakehouse_id)


class SqlEndpoints:
    """https://learn.microsoft.com/rest/api/fabric/sqlendpoint/items."""

    def __init__(self, api: FabricApi) -> None:
        self._api = api

    async def refresh_metadata(self, workspace_id: str, sql_endpoint_id: str) -> list[TableSyncStatus]:
        """Bring the endpoint's tables up to date and return how each fared."""
        path = f"/workspaces/{quoted(workspace_id)}/sqlEndpoints/{quoted(sql_endpoint_id)}/refreshMetadata"
        result = await self._api.run(path, "refresh the SQL endpoint's metadata", json={})
        return [TableSyncStatus.model_validate(entry) for entry in (result or {}).get("value") or ()]

    async def connection_string(self, workspace_id: str, sql_endpoint_id: str) -> str:
        """Return the endpoint's server."""
        path = f"/workspaces/{quoted(workspace_id)}/sqlEndpoints/{quoted(sql_endpoint_id)}/connectionString"
        call = self._api.call("GET", path, "read the SQL endpoint's connection string")
        return str((await self._api.transport.send(call)).json()["connectionString"])
