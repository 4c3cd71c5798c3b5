"""ADLS Gen2: access control lists through Azure's own client over our transport; files by plain requests."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from unity_mirror.clients.onelake import API_VERSION
from unity_mirror.http.calls import Call
from unity_mirror.http.failures import STORAGE
from unity_mirror.http.transport import Transport
from unity_mirror.models.storage import AccessControl, Acl, AclProgress, PathEntry

if TYPE_CHECKING:
    from azure.storage.filedatalake.aio import DataLakeDirectoryClient, DataLakeServiceClient

T = TypeVar("T")


class StorageClient:
    """Reads and writes access control lists, lists and reads files, of any account.

    ``address`` gives an account's DFS endpoint, which may have a path. A ``path`` is relative to the container; an
    empty one is its root. azure-storage-file-datalake is imported when first needed; its own retries are off.
    """

    def __init__(self, transport: Transport, address: Callable[[str], str], scope: str) -> None:
        self._transport = transport
        self._address = address
        self._scope = scope
        self._services: dict[str, DataLakeServiceClient] = {}

    async def access_control(self, account: str, container: str, path: str) -> AccessControl:
        """Read owner, group, permissions, the whole list and the ETag of a path."""
        operation = f"read the access control list of {_place(account, container, path)}"
        directory = self._directory(account, container, path)
        held: dict[str, Any] = await self._do(operation, directory.get_access_control)
        return AccessControl(
            owner=str(held.get("owner") or ""),
            group=str(held.get("group") or ""),
            permissions=str(held.get("permissions") or ""),
            acl=Acl.parse(str(held.get("acl") or "")),
            etag=str(held.get("etag") or ""),
        )

    async def set_access_control(self, account: str, container: str, path: str, acl: Acl | str, etag: str) -> None:
        """Replace a path's whole list. Raises PreconditionFailed when it changed since the ETag was read."""
        from azure.core import MatchConditions

        operation = f"write the access control list of {_place(account, container, path)}"
        directory = self._directory(account, container, path)
        await self._do(
            operation,
            lambda: directory.set_access_control(
                acl=str(acl), etag=etag, match_condition=MatchConditions.IfNotModified
            ),
        )

    async def modify_acl_recursive(
        self, account: str, container: str, path: str, acl: Acl | str, continuation: str | None = None
    ) -> AclProgress:
        """Merge entries into the lists of everything below a path, one batch of it.

        Call again with the progress's ``continuation`` until it is None. Failures of single paths are in the progress.
        """
        operation = f"change the access control lists below {_place(account, container, path)}"
        directory = self._directory(account, container, path)
        return await self._batch(operation, directory.update_access_control_recursive, str(acl), continuation)

    async def remove_acl_recursive(
        self, account: str, container: str, path: str, acl: str, continuation: str | None = None
    ) -> AclProgress:
        """Take entries (``user:id``, ``default:user:id``) out of a path's list and of all below it, one batch of it."""
        operation = f"take entries out of the access control lists below {_place(account, container, path)}"
        directory = self._directory(account, container, path)
        return await self._batch(operation, directory.remove_access_control_recursive, acl, continuation)

    async def _batch(
        self, operation: str, change: Callable[..., Awaitable[Any]], acl: str, continuation: str | None
    ) -> AclProgress:
        failed: list[str] = []

        async def note(progress: Any) -> None:
            failed.extend(failure.name for failure in progress.batch_failures)

        options: dict[str, Any] = {"max_batches": 1, "continue_on_failure": True, "progress_hook": note}
        result = await self._do(operation, lambda: change(acl=acl, continuation_token=continuation, **options))
        return AclProgress(
            directories_successful=result.counters.directories_successful,
            files_successful=result.counters.files_successful,
            failure_count=result.counters.failure_count,
            failed_paths=tuple(failed),
            continuation=result.continuation or None,
        )

    async def list_paths(
        self, account: str, container: str, path: str, recursive: bool = False, limit: int | None = None
    ) -> list[PathEntry]:
        """List what is under a folder; names are relative to the container. Raises NotFound when it isn't there.

        With a ``limit`` no further page (of 5,000 paths) is asked for once so many are known.
        """
        container_client = self._service(account).get_file_system_client(container)

        async def collect() -> list[PathEntry]:
            found: list[PathEntry] = []
            async for entry in container_client.get_paths(path=path.strip("/") or None, recursive=recursive):
                found.append(_path_entry(entry))
                if limit is not None and len(found) >= limit:
                    break
            return found

        return await self._do(f"list {_place(account, container, path)}", collect)

    async def read(
        self,
        account: str,
        container: str,
        path: str,
        range: tuple[int, int] | None = None,  # noqa: A002 - HTTP's name
    ) -> bytes:
        """Read a file, or the bytes from the first to the last offset of ``range``, both included.

        In one request: Azure's client would take several, at the account's Blob endpoint.
        """
        operation = f"read {_place(account, container, path)}"
        headers = {"Range": f"bytes={range[0]}-{range[1]}"} if range else {}
        call = self._call("GET", account, f"{container}/{path.strip('/')}", operation, headers=headers)
        return (await self._transport.send(call)).content

    async def reachable(self, account: str, container: str) -> None:
        """Ask for the least there is to ask. Raises FirewallDenied when the firewall turns this machine away.

        Raises PermissionDenied when it lets us through and we have no rights there, NotFound without such a container.
        """
        operation = f"reach {_place(account, container, '')}"
        call = self._call("HEAD", account, container, operation, params={"resource": "filesystem"})
        await self._transport.send(call)

    async def close(self) -> None:
        """Close Azure's clients; the connections are the transport's."""
        services, self._services = list(self._services.values()), {}
        for service in services:
            await service.close()

    def _call(
        self,
        method: str,
        account: str,
        path: str,
        operation: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Call:
        return Call(
            service=STORAGE,
            operation=operation,
            method=method,
            url=f"{self._address(account)}/{quote(path)}",
            scope=self._scope,
            params=params or {},
            headers={"x-ms-version": API_VERSION, **(headers or {})},
            budget=f"{STORAGE} {account}",
        )

    def _service(self, account: str) -> "DataLakeServiceClient":
        if account not in self._services:
            from azure.storage.filedatalake.aio import DataLakeServiceClient

            from unity_mirror.http.azure_core import HttpxTransport, through_transport

            sender = through_transport(self._transport, STORAGE, self._scope, f"{STORAGE} {account}")
            transport = HttpxTransport(sender, self._transport.clock)
            self._services[account] = DataLakeServiceClient(self._address(account), transport=transport, retry_total=0)
        return self._services[account]

    def _directory(self, account: str, container: str, path: str) -> "DataLakeDirectoryClient":
        return self._service(account).get_directory_client(container, path.strip("/") or "/")

    @staticmethod
    async def _do(operation: str, action: Callable[[], Awaitable[T]]) -> T:
        from unity_mirror.http.azure_core import doing

        with doing(operation):
            return await action()


def _place(account: str, container: str, path: str) -> str:
    return "/".join(part for part in (account, container, path.strip("/")) if part)


def _path_entry(entry: Any) -> PathEntry:
    modified = entry.last_modified
    return PathEntry(
        name=entry.name,
        is_directory=bool(entry.is_directory),
        content_length=int(entry.content_length or 0),
        etag=entry.etag,
        last_modified=str(modified) if modified else None,
        owner=entry.owner or "",
        permissions=entry.permissions or "",
    )
