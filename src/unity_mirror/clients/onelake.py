"""OneLake's files, by the Data Lake (DFS) protocol."""

from urllib.parse import quote

from unity_mirror.http.calls import Call
from unity_mirror.http.failures import ONELAKE
from unity_mirror.http.paging import storage_pages
from unity_mirror.http.transport import Transport
from unity_mirror.models.storage import PathEntry

API_VERSION = "2023-11-03"


class OneLakeClient:
    """Lists and reads an item's files. Ids, not names: OneLake takes either, but names change."""

    def __init__(self, transport: Transport, base_url: str, scope: str) -> None:
        self._transport = transport
        self._base_url = base_url
        self._scope = scope

    async def list_paths(self, workspace_id: str, item_id: str, path: str, recursive: bool = False) -> list[PathEntry]:
        """List what is under a folder of an item, e.g. Tables; names are relative to the item.

        Raises NotFound when the folder isn't there.
        """
        params = {
            "resource": "filesystem",
            "recursive": str(recursive).lower(),
            "directory": f"{item_id}/{path.strip('/')}",
        }
        operation = f"list {path} in OneLake"
        call = self._call("GET", f"/{quote(workspace_id, safe='')}", operation, params=params)
        found: list[PathEntry] = []
        async for page in storage_pages(self._transport, call):
            found.extend(path_entry(entry, drop_first=True) for entry in page.get("paths") or ())
        return found

    async def read(
        self,
        workspace_id: str,
        item_id: str,
        path: str,
        range: tuple[int, int] | None = None,  # noqa: A002 - HTTP's name
    ) -> bytes:
        """Read a file, or the bytes from the first to the last offset of ``range``, both included."""
        place = "/".join(quote(part, safe="/") for part in (workspace_id, item_id, path.strip("/")))
        headers = {"Range": f"bytes={range[0]}-{range[1]}"} if range else {}
        call = self._call("GET", f"/{place}", f"read {path} in OneLake", headers=headers)
        return (await self._transport.send(call)).content

    def _call(
        self,
        method: str,
        path: str,
        operation: str,
        *,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Call:
        return Call(
            service=ONELAKE,
            operation=operation,
            method=method,
            url=f"{self._base_url}{path}",
            scope=self._scope,
            params=params or {},
            headers={"x-ms-version": API_VERSION, **(headers or {})},
        )


def path_entry(entry: dict[str, object], *, drop_first: bool) -> PathEntry:
    """Return one entry of a path list; booleans and numbers come as text."""
    name = str(entry.get("name", ""))
    return PathEntry(
        name=name.partition("/")[2] if drop_first else name,
        is_directory=str(entry.get("isDirectory", "")).lower() == "true",
        content_length=int(str(entry.get("contentLength") or 0)),
        etag=_text(entry.get("etag") or entry.get("eTag")),
        last_modified=_text(entry.get("lastModified")),
    )


def _text(value: object) -> str | None:
    return str(value) if value else None
