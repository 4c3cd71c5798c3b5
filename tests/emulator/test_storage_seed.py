"""Seeds of storage: paths with their access control, local folders, and many tables from one template."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from cloud_emulator.core.cloud import Cloud, open_cloud
from cloud_emulator.storage import files, seed
from tests.emulator.storage_world import ACCOUNT, CONTAINER, OWNER, READER, storage_cloud
from tests.emulator.support import Wall

PLAIN = "user::rwx,group::r-x,other::---"


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    """Both accounts, empty."""
    return storage_cloud(tmp_path / "cloud")


def test_a_seed_makes_paths_with_their_access_control(cloud: Cloud, tmp_path: Path) -> None:
    local = tmp_path / "table"
    (local / "_delta_log").mkdir(parents=True)
    (local / "_delta_log" / "0.json").write_bytes(b"{}")
    (local / "part.parquet").write_bytes(b"PAR1")
    section = seed.StorageSeed.model_validate(
        {
            "accounts": [
                {
                    "name": ACCOUNT,
                    "containers": [
                        {
                            "name": "data",
                            "owner": OWNER,
                            "paths": [
                                {"path": "sales", "acl": f"{PLAIN},user:{READER}:r-x", "group": READER},
                                {"path": "sales/orders", "folder": str(local), "owner": OWNER},
                                {"path": "sales/readme.txt", "text": "hello"},
                            ],
                        }
                    ],
                }
            ]
        }
    )
    seed.load(cloud, section)
    found = {node["path"]: node for node in files.walk(cloud, ACCOUNT, "data", "")}
    assert list(found) == [
        "sales", "sales/orders", "sales/orders/_delta_log", "sales/orders/_delta_log/0.json",
        "sales/orders/part.parquet", "sales/readme.txt",
    ]  # fmt: skip
    assert (found["sales"]["group"], found["sales"]["acl"].count(READER)) == (READER, 1)
    assert found["sales/orders"]["owner"] == OWNER
    assert files.content(cloud, found["sales/orders/part.parquet"]) == b"PAR1"
    root = files.stat(cloud, ACCOUNT, "data", "")
    assert root is not None
    assert root["owner"] == OWNER


def test_a_seed_with_unknown_fields_or_bad_lists_is_refused(cloud: Cloud) -> None:
    with pytest.raises(ValidationError, match="colour"):
        seed.StorageSeed.model_validate({"accounts": [{"name": ACCOUNT, "colour": "red"}]})
    paths = [{"path": "sales", "acl": "user::rwx"}]
    section = seed.StorageSeed.model_validate(
        {"accounts": [{"name": ACCOUNT, "containers": [{"name": CONTAINER, "paths": paths}]}]}
    )
    with pytest.raises(ValueError, match="entries are required"):
        seed.load(cloud, section)


def test_ten_thousand_tables_from_one_template(cloud: Cloud, tmp_path: Path) -> None:
    files.put_file(cloud, ACCOUNT, CONTAINER, "template/_delta_log/00000000000000000000.json", b"{}")
    files.put_file(cloud, ACCOUNT, CONTAINER, "template/part-0.parquet", b"PAR1")
    template = files.stat(cloud, ACCOUNT, CONTAINER, "template")
    assert template is not None
    paths = [f"big/schema_{index % 20}/table_{index}" for index in range(10_000)]
    before, started = _memory(), time.process_time()
    assert seed.copy_tree(cloud, template, paths) == 40_000
    cloud.store.commit()
    assert time.process_time() - started < 10
    assert _memory() - before < 300 * 1024 * 1024
    log = files.children(cloud, ACCOUNT, CONTAINER, "big/schema_7/table_9987/_delta_log")
    assert [files.content(cloud, node) for node in log] == [b"{}"]
    etags = {node["etag"] for node in files.walk(cloud, ACCOUNT, CONTAINER, "big/schema_7")}
    assert len(etags) == 500 * 4
    cloud.close()
    started = time.process_time()
    again = open_cloud(tmp_path / "cloud", wall=Wall())
    assert time.process_time() - started < 3
    assert len(files.children(again, ACCOUNT, CONTAINER, "big/schema_7")) == 500
    again.close()


def _memory() -> int:
    """The most memory that this process has held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
