"""OneLake shortcuts. https://learn.microsoft.com/rest/api/fabric/core/onelake-shortcuts."""

from collections.abc import Mapping, Sequence
from typing import Any

from unity_mirror.clients.fabric.api import FabricApi, quoted
from unity_mirror.http.calls import Call
from unity_mirror.models.fabric import RequestedShortcut, Shortcut, ShortcutRequest, ShortcutResult


class Shortcuts:
    """The shortcuts of an item. A mirrored catalog's own table shortcuts aren't among them."""

    def __init__(self, api: FabricApi) -> None:
        self._api = api

    async def bulk_create(
        self, workspace_id: str, item_id: str, requests: Sequence[ShortcutRequest], conflict_policy: str = "Abort"
    ) -> list[ShortcutResult]:
        """Create many shortcuts in one operation and return what became of each.

        ``conflict_policy``: Abort, GenerateUniqueName, CreateOrOverwrite, OverwriteOnly. After a doubtful attempt only
        those that aren't there yet are asked for again.
        """
        if not requests:
            return []
        doubtful = False

        async def found() -> list[ShortcutResult] | None:
            nonlocal doubtful
            doubtful = True
            made, rest = await self._made(workspace_id, item_id, requests)
            return made + await self.bulk_create(workspace_id, item_id, rest, conflict_policy) if made else None

        call = self._bulk(workspace_id, item_id, requests, conflict_policy)
        results = await self._api.create(call, found=found, read=_results)
        return await self._settled(workspace_id, item_id, requests, results) if doubtful else results

    def _bulk(self, workspace_id: str, item_id: str, requests: Sequence[ShortcutRequest], conflict_policy: str) -> Call:
        return self._api.call(
            "POST",
            f"{_path(workspace_id, item_id)}/bulkCreate",
            f"create {len(requests)} shortcuts",
            params={"shortcutConflictPolicy": conflict_policy},
            json={"createShortcutRequests": [request.body() for request in requests]},
        )

    async def _settled(
        self,
        workspace_id: str,
        item_id: str,
        requests: Sequence[ShortcutRequest],
        results: list[ShortcutResult],
    ) -> list[ShortcutResult]:
        """An earlier attempt may have been at work still: what failed now may be there, made by it."""
        if all(result.status == "Succeeded" for result in results):
            return results
        made, _ = await self._made(workspace_id, item_id, requests)
        by_place = {result.request.place: result for result in made}
        return [by_place.get(result.request.place, result) for result in results]

    async def _made(
        self, workspace_id: str, item_id: str, requests: Sequence[ShortcutRequest]
    ) -> tuple[list[ShortcutResult], list[ShortcutRequest]]:
        """Return results for those of the requests that are there just so, and the other requests."""
        held = {shortcut.place: shortcut for shortcut in await self.list(workspace_id, item_id)}
        made, rest = [], []
        for request in requests:
            shortcut = held.get(_place(request))
            if shortcut and _same(request, shortcut):
                made.append(_done(request, shortcut))
            else:
                rest.append(request)
        return made, rest

    async def delete(self, workspace_id: str, item_id: str, path: str, name: str) -> None:
        """Delete a shortcut, not what it points at."""
        place = f"{quoted(path.strip('/'))}/{quoted(name)}"
        await self._api.delete(f"{_path(workspace_id, item_id)}/{place}", f"delete the shortcut {path}/{name}")

    async def list(self, workspace_id: str, item_id: str) -> list[Shortcut]:
        """List an item's shortcuts."""
        return await self._api.list(_path(workspace_id, item_id), "list the shortcuts", Shortcut)


def _path(workspace_id: str, item_id: str) -> str:
    return f"/workspaces/{quoted(workspace_id)}/items/{quoted(item_id)}/shortcuts"


def _place(request: ShortcutRequest) -> tuple[str, str]:
    return request.path.strip("/"), request.name


def _same(request: ShortcutRequest, shortcut: Shortcut) -> bool:
    wanted, there = request.target.one_lake, shortcut.target.one_lake
    if wanted is None or there is None:
        return False
    return _identity(wanted.model_dump()) == _identity(there.model_dump())


def _identity(target: Mapping[str, Any]) -> tuple[str, ...]:
    ids = (str(target[key]).lower() for key in ("workspace_id", "item_id"))
    return (*ids, str(target["path"]).strip("/"))


def _done(request: ShortcutRequest, shortcut: Shortcut) -> ShortcutResult:
    echoed = RequestedShortcut(path=request.path, name=request.name)
    return ShortcutResult(request=echoed, status="Succeeded", result=shortcut)


def _results(result: Mapping[str, Any]) -> list[ShortcutResult] | None:
    value = result.get("value")
    return [ShortcutResult.model_validate(entry) for entry in value] if isinstance(value, list) else None
