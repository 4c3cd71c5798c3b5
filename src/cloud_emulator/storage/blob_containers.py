"""The Blob protocol on containers."""

from __future__ import annotations

from cloud_emulator.core.http import Response
from cloud_emulator.core.store import Document
from cloud_emulator.storage import conditions, files, leases, wire
from cloud_emulator.storage.call import Call
from cloud_emulator.storage.dfs_filesystems import existing, replace_container
from cloud_emulator.storage.errors import StorageError

STATE = {
    "x-ms-has-immutability-policy": "false",
    "x-ms-has-legal-hold": "false",
    "x-ms-immutable-storage-with-versioning-enabled": "false",
    "x-ms-default-encryption-scope": "$account-encryption-key",
    "x-ms-deny-encryption-scope-override": "false",
}
"""What is told of every container: nothing here is kept or encrypted in a way of its own."""


def account_information(call: Call) -> Response:
    """What kind of account it is; asking takes a role."""
    call.require("container", "")
    account = call.cloud.table("arm.storageAccounts")[call.target.account]
    return Response(
        200,
        b"",
        {
            "x-ms-sku-name": account.get("sku", {}).get("name", "Standard_LRS"),
            "x-ms-account-kind": account.get("kind", "StorageV2"),
            "x-ms-is-hns-enabled": "true" if call.is_hierarchical else "false",
        },
    )


def create(call: Call) -> Response:
    """Makes a container."""
    call.require("container_write", "", container="")
    if files.container(call.cloud, call.target.account, call.target.container) is not None:
        raise StorageError("FilesystemAlreadyExists")
    if "x-ms-blob-public-access" in call.headers:
        raise StorageError("PublicAccessNotPermitted", status=409, message="Public access is not permitted here.")
    metadata = wire.read_metadata(call.headers)
    made = files.create_container(
        call.cloud, call.target.account, call.target.container, owner=call.owner, metadata=metadata
    )
    return Response(201, b"", {"etag": made["etag"], "last-modified": wire.http_date(made["modified"])})


def get_properties(call: Call) -> Response:
    """A container's properties and metadata."""
    call.require("container", "")
    held = existing(call)
    metadata = {f"x-ms-meta-{name}": value for name, value in held["metadata"].items()}
    if call.query.get("comp") == "metadata":
        return Response(200, b"", {**_version(held), **metadata})
    return Response(200, b"", {**_version(held), **leases.headers(call.cloud, held), **STATE, **metadata})


def set_metadata(call: Call) -> Response:
    """Replaces a container's metadata."""
    call.require("container_write", "")
    held = existing(call)
    conditions.check_container(call, held)
    changed = replace_container(call.cloud, held, wire.read_metadata(call.headers))
    return Response(200, b"", _version(changed))


def delete(call: Call) -> Response:
    """Deletes a container with all that it holds."""
    call.require("container_write", "")
    conditions.check_write(call, existing(call))
    files.delete_container(call.cloud, call.target.account, call.target.container)
    return Response(202)


def _version(held: Document) -> dict[str, str]:
    return {"etag": held["etag"], "last-modified": wire.http_date(held["modified"])}
