"""Who reads through the connections that we made, and who needs what these stand on, by what offboarding has read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from unity_mirror.models.fabric import Connection
from unity_mirror.plan.ownership import Made
from unity_mirror.spec import CatalogSpec
from unity_mirror.steps.connections import wanted_connections
from unity_mirror.steps.context import Context
from unity_mirror.steps.offboard.reading import WORKSPACE_IDENTITY, Reading


def connection_names(context: Context) -> Mapping[Made, str]:
    """The names of the connections that the spec asks for: its own, or those that we would give."""
    return {wanted.made: wanted.name for wanted in wanted_connections(context)}


@dataclass(frozen=True, slots=True)
class Users:
    """Answers are words for the plan's notes, empty for nobody. What a rollback removes was made a moment ago."""

    spec: CatalogSpec
    reading: Reading
    names: Mapping[Made, str]
    rolls_back: bool

    def outside(self, connection_id: str) -> str:
        """Which item besides mirrored catalogs reads through a connection."""
        user = self.reading.outsiders.of(connection_id)
        return f"{user} reads through the connection" if user else ""

    @property
    def of_storage(self) -> str:
        """Who besides mirrored catalogs uses the storage connection, and so all that it stands on."""
        storage = self.spec.storage
        if storage is None or self.rolls_back:
            return ""
        if storage.used_outside_item:
            return "the spec says that the storage connection is used outside the item"
        name = self.names[Made.CONNECTION_STORAGE].lower()
        ids = [each.id for each in self.reading.connections if (each.display_name or "").lower() == name]
        return next(filter(None, map(self.outside, ids)), "")

    @property
    def of_account(self) -> str:
        """Which item of the workspace reaches the storage account in another way."""
        user = self.reading.outsiders.on(self.spec.storage.location.account) if self.spec.storage else ""
        return f"{user} has a shortcut into the account" if user else ""

    @property
    def of_identity(self) -> str:
        """Which other connection may sign in as a workspace: of which one, Fabric doesn't show."""
        ours = self.names.get(Made.CONNECTION_STORAGE, "").lower()
        theirs = (each for each in self.reading.connections if _signs_in_as_workspace(each))
        other = next((each for each in theirs if (each.display_name or "").lower() != ours), None)
        return f"the connection {other.display_name} may sign in with it" if other else ""

    def read_by_item(self, kind: Made) -> str:
        """The id of the connection of that kind that our item reads by; empty without one."""
        item = self.reading.item if self.reading.is_ours and not self.rolls_back else None
        if item is None:
            return ""
        properties = item.properties
        databricks = properties.databricks_workspace_connection_id
        used = databricks if kind is Made.CONNECTION_DATABRICKS else properties.storage_connection_id or ""
        return used.lower()

    def item_reads_by_another(self, kind: Made, connection_id: str) -> bool:
        """Our mark says that we made a connection, not which: the spec may have come to name another."""
        return self.read_by_item(kind) not in ("", connection_id.lower())


def _signs_in_as_workspace(connection: Connection) -> bool:
    details = connection.credential_details
    return details is not None and details.credential_type == WORKSPACE_IDENTITY
