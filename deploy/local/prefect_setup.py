"""Saves the block of the emulated cloud in Prefect, which registers its type, and our automations.

A program of its own (``python -m deploy.local.prefect_setup``), since Prefect reads its settings when it is imported.
The cloud is the one that the environment describes: so no secret is on a command line.
"""

from __future__ import annotations

import os

from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate

from blocks import UnityMirrorClouds
from deploy.local import automations
from deploy.local.prefect_names import BLOCK, WORK_POOL


def main() -> None:
    """Prepare the server at PREFECT_API_URL. Doing so again changes nothing."""
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=WORK_POOL, type="process"), overwrite=True)
    UnityMirrorClouds.from_environment(os.environ).save(BLOCK, overwrite=True)
    automations.save()


if __name__ == "__main__":
    main()
