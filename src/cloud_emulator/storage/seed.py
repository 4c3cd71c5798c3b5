"""What a seed says of storage: containers, directories, files and their access control; and folders taken in whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.store import Document
from cloud_emulator.storage import acl, files


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SeedPath(_Section):
    """A directory or file of a container. Directories above it are made."""

    path: str = Field(description="Path in the container; empty for the root directory.")
    text: str | None = Field(None, description="A file's content, as text; a path without content is a directory.")
    folder: str | None = Field(None, description="A local folder to copy here, relative to where the emulator runs.")
    owner: str | None = Field(None, description="Object id of the owner, or $superuser.")
    group: str | None = Field(None, description="Object id of the owning group, or $superuser.")
    acl: str | None = Field(None, description="The whole access control list, as in x-ms-acl.")


class SeedContainer(_Section):
    """A container of an account, with paths in the order in which they are made."""

    name: str
    owner: str = Field(files.SUPERUSER, description="Object id of who made it.")
    paths: tuple[SeedPath, ...] = ()


class SeedAccount(_Section):
    """What a storage account holds. The account itself is in the section of Azure Resource Manager."""

    name: str
    containers: tuple[SeedContainer, ...] = ()


class StorageSeed(_Section):
    """The contents of all storage accounts."""

    accounts: tuple[SeedAccount, ...] = ()


def load(cloud: Cloud, section: StorageSeed) -> None:
    """Fills the accounts. Raises ``ValueError`` for a path that can't be, or a list that is no list."""
    for account in section.accounts:
        for container in account.containers:
            files.create_container(cloud, account.name, container.name, owner=container.owner)
            for path in container.paths:
                _load_path(cloud, account.name, container.name, path)


def _load_path(cloud: Cloud, account: str, container: str, path: SeedPath) -> None:
    where = (cloud, account, container, path.path.strip("/"))
    if path.folder is not None:
        ingest_folder(*where, Path(path.folder))
    node = files.make_directory(*where) if path.text is None else files.put_file(*where, path.text.encode())
    set_access(cloud, node, owner=path.owner, group=path.group, access_list=path.acl)


def set_access(
    cloud: Cloud,
    node: Document,
    *,
    owner: str | None = None,
    group: str | None = None,
    access_list: str | None = None,
) -> Document:
    """Gives a path an owner, an owning group, an access list. Raises ``ValueError`` for a list that isn't complete."""
    checked = acl.complete(acl.parse(access_list), directory=node["isDirectory"]) if access_list else None
    fields = {"owner": owner, "group": group, "acl": checked}
    wanted = {name: value for name, value in fields.items() if value is not None}
    return files.change(cloud, node, **wanted) if wanted else node


def ingest_folder(
    cloud: Cloud, account: str, container: str, path: str, folder: Path, *, owner: str = files.SUPERUSER
) -> Document:
    """Copies a local folder, such as a Delta table, to a path; files that are there are replaced."""
    made = files.make_directory(cloud, account, container, path, owner=owner)
    for each in sorted(folder.rglob("*")):
        if each.is_file():
            target = f"{path}/{each.relative_to(folder).as_posix()}".strip("/")
            files.put_file(cloud, account, container, target, each.read_bytes(), owner=owner)
    return made


def copy_tree(cloud: Cloud, template: Document, paths: Iterable[str]) -> int:
    """Copies a directory to many new paths of its container, as fast as can be: contents and entity tags are shared by
    position, access lists are the template's. Returns the number of nodes made.

    The directories above the paths are made as usual; the paths themselves must not be there.
    """
    account, container = template["account"], template["container"]
    below = [(node["path"][len(template["path"]) :], node) for node in _tree(cloud, template)]
    table, made = cloud.table(files.NODES), 0
    for path in paths:
        files.make_directory(cloud, account, container, files.parent_path(path))
        seal = hashlib.blake2b(path.encode(), digest_size=4).hexdigest().upper()
        for index, (suffix, node) in enumerate(below):
            target = path + suffix
            table[files.node_key(account, container, target)] = {
                **node,
                "path": target,
                "parent": files.node_key(account, container, files.parent_path(target)),
                "etag": f'"0x8D{seal}{index:04X}"',
            }
            made += 1
    return made


def _tree(cloud: Cloud, node: Document) -> Iterator[Document]:
    yield node
    yield from files.walk(cloud, node["account"], node["container"], node["path"])
