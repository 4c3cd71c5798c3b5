"""Parameters that several flows share, with the words that Prefect's form shows beside them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from blocks import UnityMirrorClouds

FleetFile = Annotated[
    str,
    Field(
        title="Fleet",
        description="The fleet's spec: a file, from the repository's root on the worker.",
        examples=["examples/fleet.yaml"],
        min_length=1,
    ),
]
CloudsBlock = Annotated[
    UnityMirrorClouds | None,
    Field(
        title="Clouds",
        description="Block that says which clouds to talk to and who signs in; the worker's environment when left out.",
    ),
]
