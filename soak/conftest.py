"""The servers that tests/flows share."""

from __future__ import annotations

from tests.flows.conftest import cloud, contoso, prefect_server

__all__ = ["cloud", "contoso", "prefect_server"]
