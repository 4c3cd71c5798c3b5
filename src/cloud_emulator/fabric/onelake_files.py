"""The files that lakehouses hold themselves, below ``Files``. Tables come by shortcuts only.

Kept as storage keeps an account's files: the account is ``onelake``, with a container for each workspace and in it a
directory for each item.
"""

from __future__ import annotations

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.store import Document
from cloud_emulator.fabric.onelake_location import Location
from cloud_emulator.storage import files
from cloud_emulator.storage.access import Source

ACCOUNT = "onelake"
ROOT = "Files"


def stat(cloud: Cloud, item: Document, path: str) -> Document | None:
    """The file or directory that an item holds itself at a path, or ``None``."""
    return files.stat(cloud, ACCOUNT, item["workspaceId"], _place(item, path))


def names(cloud: Cloud, item: Document, path: str) -> dict[str, bool]:
    """The names in a directory, and whether each is a directory."""
    found = files.children(cloud, ACCOUNT, item["workspaceId"], _place(item, path))
    return {str(node["path"]).rpartition("/")[2]: bool(node["isDirectory"]) for node in found}


def location(item: Document, path: str) -> Location:
    """Where an item's own path lies; whoever gets there may read it."""
    return Location(ACCOUNT, item["workspaceId"], _place(item, path), None, Source(None))


def prepare(cloud: Cloud, item: Document) -> None:
    """Makes the directory to write in, if it isn't there."""
    files.create_container(cloud, ACCOUNT, item["workspaceId"])
    files.make_directory(cloud, ACCOUNT, item["workspaceId"], _place(item, ROOT))


def forget(cloud: Cloud, item: Document) -> None:
    """Drops what an item that goes holds."""
    held = stat(cloud, item, "")
    if held is not None:
        files.remove(cloud, held)


def _place(item: Document, path: str) -> str:
    return f"{item['id']}/{path}".rstrip("/")
