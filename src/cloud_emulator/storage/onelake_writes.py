"""Writing to OneLake: below the ``Files`` of a lakehouse, as to a storage account with a hierarchical namespace.

Fabric says whether the caller may, and where it goes; what it means is the same as in a storage account. OneLake
ignores headers about access [D].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote, unquote, urlsplit

from cloud_emulator.core.http import Response
from cloud_emulator.fabric.onelake import OneLakeDenied, writable
from cloud_emulator.fabric.onelake_location import Location
from cloud_emulator.storage import dfs_paths
from cloud_emulator.storage.call import Call, refusal
from cloud_emulator.storage.errors import StorageError
from cloud_emulator.storage.onelake import REJECTED_HEADERS

Handler = Callable[[Call], Response]
_SOURCE = "x-ms-rename-source"


def written_by(serve: Handler) -> Handler:
    """The operation of a storage account, on what the item itself holds."""

    def handle(call: Call) -> Response:
        return serve(_aimed(call, _writable(call, call.target.container, call.target.path)))

    return handle


def rename(call: Call) -> Response:
    """Moves a path within a workspace."""
    goal = _writable(call, call.target.container, call.target.path)
    workspace, _, path = unquote(urlsplit(call.headers[_SOURCE]).path).strip("/").partition("/")
    source = _writable(call, workspace, path)
    if source.container != goal.container:
        raise StorageError("NotImplemented", status=501, message="The emulator moves paths within a workspace.")
    aimed = _aimed(call, goal)
    headers = {**aimed.headers, _SOURCE: quote(f"/{source.container}/{source.path}")}
    return dfs_paths.rename(replace(aimed, request=replace(aimed.request, headers=headers)))


def refuse(call: Call) -> Response:
    """What can't be written at all is said so; the rest of the operations isn't served."""
    _writable(call, call.target.container, call.target.path)
    raise StorageError(
        "NotImplemented", status=501, message="The emulator does not serve this way to write to OneLake."
    )


def _writable(call: Call, workspace: str, path: str) -> Location:
    item, _, rest = path.partition("/")
    if "/" not in rest and call.cloud.rules.on("fabric.onelake.first_level"):
        raise StorageError("BlobImmutable", "" if path else "Workspaces are made and deleted in Fabric.")
    try:
        return writable(call.cloud, call.request.caller, workspace, item, rest)
    except OneLakeDenied as error:
        raise refusal(error.denial) from error


def _aimed(call: Call, place: Location) -> Call:
    headers = {name: value for name, value in call.headers.items() if name not in REJECTED_HEADERS}
    target = replace(call.target, container=place.container, path=place.path)
    return replace(call, target=target, request=replace(call.request, headers=headers))
