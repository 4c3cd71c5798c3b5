"""What was named and a cloud doesn't show: told with the name that comes nearest among those it does show."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from unity_mirror.clients.unity_catalog import UnityCatalogClient
from unity_mirror.errors import SpecError, SpecProblem, UnityMirrorError
from unity_mirror.models.fabric import Workspace


def no_workspace(path: str, name: str, listed: Iterable[Workspace]) -> SpecError:
    """There is no such Fabric workspace. ``path`` is the field, or the option, that names it."""
    hint = "check the name, or add the identity that runs unity-mirror to the workspace (Admin or Member)"
    near = _nearest(name, (each.display_name for each in listed))
    message = f"there is no Fabric workspace {name!r} that we may see"
    return SpecError([SpecProblem(path, message, f"{near} Else {hint}" if near else hint)])


async def no_catalog(path: str, name: str, client: UnityCatalogClient) -> SpecError:
    """There is no such catalog. Unity Catalog says the same of one that we may not even browse."""
    hint = "check the name, or grant the identity that runs unity-mirror USE CATALOG on it"
    near = _nearest(name, await _names(client))
    message = f"Unity Catalog has no catalog {name!r} that we may see"
    return SpecError([SpecProblem(path, message, f"{near} Else {hint}" if near else hint)])


async def _names(client: UnityCatalogClient) -> list[str]:
    """For a hint only: what goes wrong here isn't what people have to hear of."""
    try:
        return [each.name for each in await client.catalogs()]
    except UnityMirrorError:
        return []


def _nearest(name: str, listed: Iterable[str]) -> str:
    plain = {each.lower(): each for each in listed}
    found = difflib.get_close_matches(name.lower(), plain, n=1)
    return f"did you mean {plain[found[0]]!r}?" if found else ""
