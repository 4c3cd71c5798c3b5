"""Rotating a secret: the connections that are there get the credential that the spec names now, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from unity_mirror.errors import PermissionDenied
from unity_mirror.steps.connection_body import rotation_body
from unity_mirror.steps.connection_choice import find_connection, read_by
from unity_mirror.steps.connections import spec_item, wanted_connections
from unity_mirror.steps.context import Context
from unity_mirror.steps.record import recorded
from unity_mirror.steps.survey import find_workspace


@dataclass(frozen=True, slots=True)
class Rotated:
    """A connection with a new credential."""

    connection_id: str
    name: str
    credential: str


async def rotate_secrets(context: Context) -> tuple[Rotated, ...]:
    """Writes the secrets that the spec's connections sign in with into Fabric, which tests each before it keeps it.

    Connections without a secret of ours (existing, workspace identity) and those still to be made are left alone. So
    are others' that the spec doesn't name: they only fit.
    Raises ``InvalidRequest`` when a new secret doesn't work: then the old one stays.
    """
    listed = await context.clients.fabric.connections.list()
    workspace = await find_workspace(context, context.spec.fabric.workspace, "fabric.workspace")
    item, made = await spec_item(context, workspace.id), await recorded(context, workspace.id)
    done = []
    for wanted in wanted_connections(context):
        may_be_others = wanted.ref.id is None and wanted.ref.name is None and wanted.made not in made
        if wanted.secret is None or may_be_others:
            continue
        held = find_connection(wanted, listed, read_by(item))
        if held is None:
            continue
        body = await rotation_body(context, wanted, held)
        try:
            await context.clients.fabric.connections.update(held.id, body)
        except PermissionDenied as error:
            error.remedy = "Have the connection's owner give the identity that runs unity-mirror the role Owner on it."
            raise
        done.append(Rotated(held.id, held.display_name or held.id, wanted.kind or ""))
    return tuple(done)
