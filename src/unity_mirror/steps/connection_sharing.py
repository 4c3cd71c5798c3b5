"""Roles on a connection, so that a team can use it. Roles that others hold stay as they are."""

from __future__ import annotations

from dataclasses import dataclass

from unity_mirror.errors import PermissionDenied
from unity_mirror.models.azure_clouds import PUBLIC, AzureCloud
from unity_mirror.models.fabric import Connection
from unity_mirror.plan.model import Action, Change, Remedy, StepName
from unity_mirror.spec import ConnectionShare
from unity_mirror.steps import remedies
from unity_mirror.steps.connection_body import Wanted
from unity_mirror.steps.context import Context

ROLE = "Fabric connection role"
_RANKS = {"User": 1, "UserWithReshare": 2, "Owner": 3}


@dataclass(frozen=True, slots=True)
class Sharing:
    """One role to give. ``assignment_id`` is that of a lower role which the principal holds."""

    fact: str
    connection: str
    share: ConnectionShare
    connection_id: str | None = None
    assignment_id: str | None = None
    held: str | None = None
    cloud: AzureCloud = PUBLIC

    def remedy(self, connection_id: str) -> Remedy:
        """How the connection's owner gives the role."""
        return remedies.share_connection(connection_id, self.share, self.cloud, self.assignment_id)

    @property
    def change(self) -> Change:
        """What the plan shows."""
        return Change(
            StepName.CONNECTIONS,
            Action.UPDATE if self.assignment_id else Action.CREATE,
            ROLE,
            f"{self.connection}: {self.share.type} {self.share.id} as {self.share.role}",
            "the spec shares the connection with it",
            {"role": self.held} if self.held else {},
            {"role": self.share.role},
            self.remedy(self.connection_id) if self.connection_id else None,
        )


async def missing_shares(context: Context, wanted: Wanted, held: Connection | None) -> list[Sharing]:
    """The roles that the spec asks for and nobody gave yet; a higher role that is held serves as well."""
    if not wanted.ref.share:
        return []
    cloud = remedies.cloud_for(context)
    name = (held.display_name or held.id) if held else wanted.name
    if held is None:
        return [Sharing(wanted.fact, name, each, cloud=cloud) for each in wanted.ref.share]
    assignments = await context.clients.fabric.connections.role_assignments(held.id)
    by_principal = {each.principal.id.lower(): each for each in assignments}
    found = []
    for each in wanted.ref.share:
        present = by_principal.get(each.id)
        if present is None or _RANKS[present.role] < _RANKS[each.role]:
            found.append(
                Sharing(
                    wanted.fact,
                    name,
                    each,
                    held.id,
                    present.id if present else None,
                    present.role if present else None,
                    cloud,
                )
            )
    return found


async def share(context: Context, connection_id: str, wanted: Sharing) -> None:
    """Gives the role. Raises ``PermissionDenied`` with what to do where we may not."""
    connections = context.clients.fabric.connections
    given = wanted.share
    try:
        if wanted.assignment_id is not None:
            await connections.update_role_assignment(connection_id, wanted.assignment_id, given.role)
        else:
            await connections.add_role_assignment(connection_id, given.id, given.type, given.role)
    except PermissionDenied as error:
        remedy = wanted.remedy(connection_id)
        error.remedy = " ".join((remedy.text, *remedy.commands))
        raise
