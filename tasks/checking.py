"""Trying out the block that a run would sign in with."""

from __future__ import annotations

import os

from blocks import Checked, UnityMirrorClouds


async def check_block(
    block: UnityMirrorClouds | None, databricks_workspace: str | None, storage_account: str | None
) -> Checked:
    """Ask each API something small, as runs with this block, or without one, would sign in."""
    if block is None and (name := os.environ.get("UNITY_MIRROR_CLOUDS_BLOCK")):
        block = await UnityMirrorClouds.aload(name)
    if block is None:
        block = UnityMirrorClouds.from_environment(os.environ)
    return await block.check(databricks_workspace=databricks_workspace, storage_account=storage_account)
