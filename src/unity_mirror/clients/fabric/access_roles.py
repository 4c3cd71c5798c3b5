"""OneLake data access roles. https://learn.microsoft.com/rest/api/fabric/core/onelake-data-access-security."""

from collections.abc import Mapping

from unity_mirror.clients.fabric.api import FabricApi, quoted
from unity_mirror.models.fabric import DataAccessRole

# The operations on a single role are in preview, which the caller has to acknowledge.
_PREVIEW: Mapping[str, str] = {"preview": "true"}


class AccessRoles:
    """The data access roles of an item, one at a time: the call that replaces them all isn't used."""

    def __init__(self, api: FabricApi) -> None:
        self._api = api

    async def list(self, workspace_id: str, item_id: str) -> tuple[list[DataAccessRole], str]:
        """Read all pages of an item's roles, and the ETag of the set (empty when there is none)."""
        roles: list[DataAccessRole] = []
        etag = ""
        async for page in self._api.pages(_path(workspace_id, item_id), "list the data access roles"):
            etag = page.headers.get("etag", etag)
            roles.extend(DataAccessRole.model_validate(entry) for entry in page.json().get("value") or ())
        return roles, etag

    async def upsert(self, workspace_id: str, item_id: str, role: DataAccessRole, policy: str = "Overwrite") -> None:
        """Create one role; ``policy`` says what a role of that name means: Overwrite it, or Abort.

        A role that was read carries its ETag, and is overwritten only as it was then: raises PreconditionFailed.
        """
        headers = {"If-Match": f'"{role.etag}"'} if role.etag and policy == "Overwrite" else {}
        call = self._api.call(
            "POST",
            _path(workspace_id, item_id),
            f"write the data access role {role.name!r}",
            params={"dataAccessRoleConflictPolicy": policy, **_PREVIEW},
            headers=headers,
            json=role.body(),
        )

        async def written() -> bool:
            held, _ = await self.list(workspace_id, item_id)
            return any(each.body() == role.body() for each in held)

        await self._api.write(call, written)

    async def delete(self, workspace_id: str, item_id: str, name: str) -> None:
        """Delete one role."""
        path = f"{_path(workspace_id, item_id)}/{quoted(name)}"
        await self._api.delete(path, f"delete the data access role {name!r}", params=_PREVIEW)


def _path(workspace_id: str, item_id: str) -> str:
    return f"/workspaces/{quoted(workspace_id)}/items/{quoted(item_id)}/dataAccessRoles"
