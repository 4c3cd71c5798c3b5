"""Tries out who runs sign in as: from Prefect's UI, before the first catalog is onboarded."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.artifacts import acreate_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.parameters import CloudsBlock, DatabricksUrl, StorageAccount
from tasks.checking import check_block


@flow(
    name="check-clouds",
    flow_run_name="check who runs sign in as",
    description="Sign in as runs do and ask each API something small. Writes nothing to any cloud.",
    persist_result=False,
)
async def check_clouds(
    clouds: CloudsBlock = None, databricks_workspace: DatabricksUrl = "", storage_account: StorageAccount = ""
) -> State[Any]:
    """Ends Completed when all that was asked works; else Failed, with what each API said and what to do.

    Args:
        clouds: Block that says which clouds, and who signs in. Left out: the worker's environment says so.
        databricks_workspace: URL of a workspace; Databricks isn't asked when left out.
        storage_account: Azure resource id of a storage account; Azure Resource Manager isn't asked when left out.
    """
    found = await check_block(clouds, databricks_workspace or None, storage_account or None)
    await acreate_table_artifact(
        [each.row for each in found.answers], key="check-clouds", description="What each API said"
    )
    return Completed(message=str(found)) if found.ok else Failed(message=str(found))
