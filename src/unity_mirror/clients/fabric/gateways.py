"""Data gateways. https://learn.microsoft.com/rest/api/fabric/core/gateways."""

from unity_mirror.clients.fabric.api import FabricApi
from unity_mirror.models.fabric import Gateway


class Gateways:
    """The gateways that we may use."""

    def __init__(self, api: FabricApi) -> None:
        self._api = api

    async def list(self) -> list[Gateway]:
        """List them, of whatever type."""
        return await self._api.list("/gateways", "list the gateways", Gateway)
