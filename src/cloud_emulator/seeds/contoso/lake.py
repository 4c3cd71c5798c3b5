"""What Contoso's storage accounts hold: the tables' files, things of other people, and who may reach what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cloud_emulator.seeds.contoso.azure import HR_ACCOUNT, LAKE, OTHER_ACCOUNT
from cloud_emulator.seeds.contoso.catalogs import CATALOGS
from cloud_emulator.seeds.contoso.identities import ACCESS_CONNECTOR, ANALYST, PLATFORM_TEAM, SALES_ANALYSTS
from cloud_emulator.seeds.contoso.writing import local_folder
from cloud_emulator.storage.seed import SeedAccount, SeedContainer, SeedPath, StorageSeed

_CONNECTOR, _TEAM = f"user:{ACCESS_CONNECTOR.object_id}", f"group:{PLATFORM_TEAM.object_id}"
_ANALYSTS = f"group:{SALES_ANALYSTS.object_id}"
_ROOT = f"user::rwx,group::r-x,{_TEAM}:r-x,{_ANALYSTS}:--x,mask::r-x,other::---"


def _inherited(*named: str) -> str:
    """An access list whose named entries are default entries as well."""
    entries = ["user::rwx", "group::r-x", *named, "mask::rwx", "other::---"]
    return ",".join([*entries, *(f"default:{entry}" for entry in entries)])


_SALES = _inherited(f"{_CONNECTOR}:rwx", f"{_TEAM}:r-x")
_LOGISTICS = _inherited(f"{_CONNECTOR}:rwx")
_SCRATCH = f"user::rwx,user:{ANALYST.object_id}:rwx,group::r-x,mask::rwx,other::---"


def section(scratch: Path) -> StorageSeed:
    """The contents of all accounts; the tables were written below ``scratch``."""
    tables = list(_tables(scratch))
    return StorageSeed(
        accounts=(
            _account(LAKE, {"lake": (*_lake_folders(), *_in(tables, LAKE)), "exports": _exports()}),
            _account(HR_ACCOUNT, {"people": _in(tables, HR_ACCOUNT)}),
            _account(OTHER_ACCOUNT, {"legacy": _in(tables, OTHER_ACCOUNT)}),
        )
    )


def _account(name: str, containers: dict[str, tuple[SeedPath, ...]]) -> SeedAccount:
    return SeedAccount(
        name=name,
        containers=tuple(SeedContainer(name=container, paths=paths) for container, paths in containers.items()),
    )


def _lake_folders() -> tuple[SeedPath, ...]:
    """Folders with their access lists, made before what lies in them, which inherits from them."""
    return (
        SeedPath(path="", acl=_ROOT),
        SeedPath(path="sales", acl=_SALES),
        SeedPath(path="logistics", acl=_LOGISTICS),
        SeedPath(path="scratch", acl=_SCRATCH, owner=ANALYST.object_id),
        SeedPath(
            path="scratch/notes.txt", text="An analyst's notes. Please leave them here.\n", owner=ANALYST.object_id
        ),
    )


def _exports() -> tuple[SeedPath, ...]:
    return (SeedPath(path="2025/summary.csv", text="year,revenue\n2025,0\n"),)


def _tables(scratch: Path) -> Iterator[tuple[str, SeedPath]]:
    """The account of each table, and its files."""
    for catalog in CATALOGS:
        for schema, table in catalog.stored():
            place, folder = catalog.place_of(schema, table), local_folder(scratch, catalog, schema, table)
            yield place.account, SeedPath(path=place.folder, folder=str(folder))


def _in(tables: list[tuple[str, SeedPath]], account: str) -> tuple[SeedPath, ...]:
    return tuple(path for name, path in tables if name == account)
