"""Events that tell others what became of a catalog, for Prefect automations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID, uuid5

from prefect.events import emit_event
from prefect.runtime import flow_run

Happening = Literal["onboarded", "drifted", "failed", "offboarded"]
NAMESPACE = UUID("0b0e6ad8-5d0b-5f0c-9a39-6f6c1a1f8f52")
_NO_METASTORE = "unknown"


def resource_id(metastore_id: str | None, catalog: str) -> str:
    """The catalog as a Prefect resource: ``unity-catalog.<metastore id>.<catalog>``."""
    return f"unity-catalog.{metastore_id or _NO_METASTORE}.{catalog}"


def emit_catalog_event(
    happening: Happening, catalog: str, metastore_id: str | None, payload: Mapping[str, Any]
) -> None:
    """Emit ``unity-mirror.catalog.<happening>``. Its id follows from what happened, so a repeat is the same event."""
    name, resource = f"unity-mirror.catalog.{happening}", resource_id(metastore_id, catalog)
    what = f"{name} {resource} {flow_run.id} {flow_run.run_count}"
    emit_event(
        name,
        resource={"prefect.resource.id": resource, "prefect.resource.name": catalog},
        payload=dict(payload),
        id=uuid5(NAMESPACE, what),
    )
