"""What all of Fabric's clients share: addresses, pages, operations, creating items without doubling them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from unity_mirror.errors import CloudError, Conflict, DeadlineExceeded, OperationFailed
from unity_mirror.http.calls import Call, Deadline
from unity_mirror.http.failures import FABRIC, quirk_of
from unity_mirror.http.operations import finished
from unity_mirror.http.paging import fabric_pages, json_object
from unity_mirror.http.transport import Transport
from unity_mirror.models.base import CamelModel
from unity_mirror.models.items import Item

M = TypeVar("M", bound=CamelModel)
I = TypeVar("I", bound=Item)  # noqa: E741 - an item
T = TypeVar("T")
_IN_THE_MAKING = 60.0
"""Seconds that something may take to be seen whose name is taken already."""


class FabricApi:
    """Fabric's REST API at ``base_url``, its version included; one budget for all of it."""

    def __init__(self, transport: Transport, base_url: str, scope: str) -> None:
        self.transport = transport
        self.base_url = base_url
        self.scope = scope

    def call(self, method: str, path: str, operation: str, **options: Any) -> Call:
        """Return a call of this API; ``path`` begins with a slash."""
        url = f"{self.base_url}{path}"
        return Call(service=FABRIC, operation=operation, method=method, url=url, scope=self.scope, **options)

    def operation_deadline(self) -> Deadline:
        """Return a deadline for a long-running operation that starts now."""
        return self.transport.deadline(self.transport.timeouts.operation)

    async def get(self, path: str, operation: str, model: type[M], **options: Any) -> M:
        """Read one resource."""
        call = self.call("GET", path, operation, **options)
        return model.model_validate(json_object(call, await self.transport.send(call)))

    async def list(self, path: str, operation: str, model: type[M], **options: Any) -> list[M]:
        """Read all pages of a list."""
        found: list[M] = []
        async for page in self.pages(path, operation, **options):
            found.extend(model.model_validate(entry) for entry in page.json().get("value") or ())
        return found

    def pages(self, path: str, operation: str, **options: Any) -> AsyncIterator[httpx.Response]:
        """Yield the pages of a list as they came."""
        return fabric_pages(self.transport, self.call("GET", path, operation, **options))

    async def patch(self, path: str, operation: str, model: type[M], body: Mapping[str, Any]) -> M:
        """Change a resource and return it as it is now."""
        call = self.call("PATCH", path, operation, json=body)
        return model.model_validate(json_object(call, await self.transport.send(call)))

    async def delete(self, path: str, operation: str, **options: Any) -> None:
        """Delete a resource."""
        await self.transport.send(self.call("DELETE", path, operation, **options))

    async def run(self, path: str, operation: str, *, wants_result: bool = True, **options: Any) -> Any:
        """POST something that may be sent twice and may run long; return its result, None when it has none."""
        call = self.call("POST", path, operation, idempotent=True, **options)
        deadline = self.operation_deadline()
        response = await self.transport.send(call)
        return await finished(self.transport, call, response, self.base_url, deadline, wants_result=wants_result)

    async def create(
        self,
        call: Call,
        *,
        found: Callable[[], Awaitable[T | None]],
        read: Callable[[Mapping[str, Any]], T | None],
        same: Callable[[T], bool] | None = None,
    ) -> T:
        """POST something that must not take effect twice, and return what it made.

        ``read`` makes the model of a result; where the result holds none, or nothing came, ``found`` looks for it. When
        it is refused because it is there, or is being made, that is returned if it is the ``same``: a process that was
        killed may have asked for it a moment ago.
        """
        deadline = self.operation_deadline()

        async def read_result(response: httpx.Response) -> T:
            result = await finished(self.transport, call, response, self.base_url, deadline)
            made = read(result) if result else None
            return made if made is not None else await self.appeared(call, found, deadline)

        try:
            return await self.transport.create(call, found=found, read=read_result)
        except (Conflict, OperationFailed) as refusal:
            if same is None or not _is_taken(call, refusal):
                raise
            made = await self._appearing(found)
            if made is None or not same(made):
                raise
            return made

    async def _appearing(self, found: Callable[[], Awaitable[T | None]]) -> T | None:
        """Look for what somebody is making, for a while."""
        deadline = self.transport.deadline(_IN_THE_MAKING)
        while (made := await found()) is None and deadline.remaining > self.transport.limits.poll_floor:
            await self.transport.clock.sleep(self.transport.limits.poll_floor)
        return made

    async def write(self, call: Call, written: Callable[[], Awaitable[bool]]) -> None:
        """POST something that is refused when it comes twice; after a doubtful attempt ``written`` tells whether it was
        taken."""
        deadline = self.operation_deadline()

        async def read(response: httpx.Response) -> bool:
            await finished(self.transport, call, response, self.base_url, deadline, wants_result=False)
            return True

        async def found() -> bool | None:
            return await written() or None

        await self.transport.create(call, found=found, read=read)

    async def appeared(self, call: Call, found: Callable[[], Awaitable[T | None]], deadline: Deadline) -> T:
        """Wait until what was accepted for creation can be read. Raises DeadlineExceeded."""
        while True:
            made = await found()
            if made is not None:
                return made
            if deadline.remaining < self.transport.limits.poll_floor:
                raise DeadlineExceeded(call.operation, "accepted, not to be seen yet", deadline.elapsed, where=FABRIC)
            await self.transport.clock.sleep(self.transport.limits.poll_floor)


class ItemCollection:
    """The items of one type in a workspace: ``segment`` is the path's, e.g. lakehouses; ``noun`` is for errors."""

    def __init__(self, api: FabricApi, segment: str, noun: str) -> None:
        self._api = api
        self._segment = segment
        self._noun = noun

    def path(self, workspace_id: str, item_id: str = "") -> str:
        """Return the collection's path, or one item's."""
        collection = f"/workspaces/{quoted(workspace_id)}/{self._segment}"
        return f"{collection}/{quoted(item_id)}" if item_id else collection

    async def list(self, workspace_id: str, model: type[I]) -> list[I]:
        """Read all items of the type."""
        return await self._api.list(self.path(workspace_id), f"list the {self._noun}s", model)

    async def get(self, workspace_id: str, item_id: str, model: type[I]) -> I:
        """Read one item."""
        return await self._api.get(self.path(workspace_id, item_id), f"read the {self._noun}", model)

    async def create(self, workspace_id: str, model: type[I], body: Mapping[str, Any]) -> I:
        """Create an item and read it in full: the answer to a creation leaves its properties out.

        A name that a deleted item still holds is waited for. After a doubtful attempt the item is looked for by its
        name, which is unique for the type, without case. One of that name and with that very description is taken for
        what was asked for before, by a process that was killed then.
        """
        name, description = body["displayName"], body.get("description")
        call = self._api.call("POST", self.path(workspace_id), f"create the {self._noun} {name!r}", json=body)

        async def found() -> Item | None:
            items = await self.list(workspace_id, model)
            return next((item for item in items if item.display_name.casefold() == name.casefold()), None)

        def read(result: Mapping[str, Any]) -> Item | None:
            return Item(id=str(result["id"]), type="", display_name=name) if result.get("id") else None

        made = await self._api.create(call, found=found, read=read, same=_described(description))
        return await self.get(workspace_id, made.id, model)

    async def update(
        self,
        workspace_id: str,
        item_id: str,
        model: type[I],
        display_name: str | None,
        description: str | None,
        properties: Mapping[str, Any] | None = None,
    ) -> I:
        """Change what isn't None, and read the item in full."""
        body = without_none({"displayName": display_name, "description": description, "properties": properties or None})
        path, operation = self.path(workspace_id, item_id), f"update the {self._noun}"
        await self._api.patch(path, operation, model, body)
        return await self.get(workspace_id, item_id, model)

    async def delete(self, workspace_id: str, item_id: str) -> None:
        """Delete an item."""
        await self._api.delete(self.path(workspace_id, item_id), f"delete the {self._noun}")


def _described(description: str | None) -> Callable[[Item], bool]:
    return lambda item: bool(description) and item.description == description


def _is_taken(call: Call, refusal: CloudError) -> bool:
    """Whether something of that name is in the way, which may show at once or when the operation fails."""
    named = quirk_of(call.service, refusal.code, refusal.status)
    return not refusal.retriable and issubclass(named.kind, Conflict)


def quoted(part: str) -> str:
    """Return a path segment, percent-encoded whole."""
    return quote(part, safe="")


def without_none(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body without its fields that are None."""
    return {key: value for key, value in body.items() if value is not None}


def refuse_error(call: Call, error: Any) -> None:
    """Raise the error that some lists carry beside their values."""
    if isinstance(error, Mapping) and (error.get("errorCode") or error.get("message")):
        code, message = str(error.get("errorCode") or ""), str(error.get("message") or "")
        raise CloudError(
            f"could not {call.operation}",
            service=FABRIC,
            operation=f"GET {call.url}",
            code=code,
            request_id=str(error.get("requestId") or ""),
            why=": ".join(part for part in (code, message) if part),
        )
