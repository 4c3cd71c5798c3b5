"""The operations of the Blob protocol on storage accounts."""

from __future__ import annotations

from cloud_emulator.core.http import Effect
from cloud_emulator.storage import blob_batch, blob_blocks, blob_containers, blob_listing, blobs, leases
from cloud_emulator.storage.operations import Operation

_R, _W = Effect.READ, Effect.WRITE
_ACCOUNT, _CONTAINER, _BLOB = ("account",), ("container",), ("path",)
_IS_CONTAINER = {"restype": "container"}
_LIST = ("prefix", "marker", "maxresults", "include")
_ACCOUNT_INFO = {"restype": "account", "comp": "properties"}

OPERATIONS: tuple[Operation, ...] = (
    Operation("List Containers", "blob", "GET", _ACCOUNT, _R, blob_listing.list_containers, {"comp": "list"},
              takes=_LIST),
    *(
        Operation("Get Account Information", "blob", method, ("account", "container", "path"), _R,
                  blob_containers.account_information, _ACCOUNT_INFO)
        for method in ("GET", "HEAD")
    ),
    Operation("Create Container", "blob", "PUT", _CONTAINER, _W, blob_containers.create, _IS_CONTAINER),
    *(
        Operation("Get Container Properties", "blob", method, _CONTAINER, _R, blob_containers.get_properties, marks)
        for method in ("GET", "HEAD")
        for marks in (_IS_CONTAINER, {**_IS_CONTAINER, "comp": "metadata"})
    ),
    Operation("Set Container Metadata", "blob", "PUT", _CONTAINER, _W, blob_containers.set_metadata,
              {**_IS_CONTAINER, "comp": "metadata"}),
    Operation("Delete Container", "blob", "DELETE", _CONTAINER, _W, blob_containers.delete, _IS_CONTAINER),
    Operation("List Blobs", "blob", "GET", _CONTAINER, _R, blob_listing.list_blobs, {**_IS_CONTAINER, "comp": "list"},
              takes=(*_LIST, "delimiter", "startFrom", "showonly")),
    Operation("Blob Batch", "blob", "POST", _CONTAINER, _W, blob_batch.submit, {**_IS_CONTAINER, "comp": "batch"},
              body=True),
    Operation("Lease Container", "blob", "PUT", _CONTAINER, _W, leases.on_container,
              {**_IS_CONTAINER, "comp": "lease"}, leases=True),
    Operation("Lease Blob", "blob", "PUT", _BLOB, _W, leases.on_path, {"comp": "lease"}, leases=True),
    Operation("Put Block", "blob", "PUT", _BLOB, _W, blob_blocks.put_block, {"comp": "block"}, takes=("blockid",),
              body=True),
    Operation("Put Block List", "blob", "PUT", _BLOB, _W, blob_blocks.put_block_list, {"comp": "blocklist"},
              body=True),
    Operation("Get Block List", "blob", "GET", _BLOB, _R, blob_blocks.get_block_list, {"comp": "blocklist"},
              takes=("blocklisttype",)),
    Operation("Set Blob Metadata", "blob", "PUT", _BLOB, _W, blobs.set_metadata, {"comp": "metadata"}),
    Operation("Set Blob Properties", "blob", "PUT", _BLOB, _W, blobs.set_properties, {"comp": "properties"}),
    *(
        Operation("Get Blob Metadata", "blob", method, _BLOB, _R, blobs.get_properties, {"comp": "metadata"})
        for method in ("GET", "HEAD")
    ),
    Operation("Copy Blob", "blob", "PUT", _BLOB, _W, blobs.copy, headers=("x-ms-copy-source",)),
    Operation("Put Blob", "blob", "PUT", _BLOB, _W, blobs.put, headers=("x-ms-blob-type",), body=True),
    Operation("Get Blob", "blob", "GET", _BLOB, _R, blobs.get),
    Operation("Get Blob Properties", "blob", "HEAD", ("root", "path"), _R, blobs.get_properties),
    Operation("Delete Blob", "blob", "DELETE", _BLOB, _W, blobs.delete),
)  # fmt: skip
