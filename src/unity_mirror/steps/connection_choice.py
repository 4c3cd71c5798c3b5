"""Which connection serves: of those that Fabric lists, the one that a spec names or that fits, and why others don't."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from unity_mirror.errors import SpecError, SpecProblem
from unity_mirror.models.fabric import Connection
from unity_mirror.models.items import MirroredCatalog
from unity_mirror.plan.ownership import Made
from unity_mirror.spec import ConnectionRef, ExistingAuth
from unity_mirror.steps.connection_body import DATABRICKS, STORAGE, Wanted


def read_by(item: MirroredCatalog | None) -> frozenset[str]:
    """The ids of the connections that an item reads by."""
    if item is None:
        return frozenset()
    ids = (item.properties.databricks_workspace_connection_id, item.properties.storage_connection_id)
    return frozenset(each.lower() for each in ids if each)


def find_connection(
    wanted: Wanted, listed: Sequence[Connection], in_use: Container[str] = frozenset()
) -> Connection | None:
    """The connection to use, of several that fit rather one that is ``in_use``; ``None`` when one has to be made.

    Raises ``SpecError`` when the named one doesn't fit.
    """
    if wanted.ref.id is not None:
        return _checked(wanted, [each for each in listed if each.id.lower() == str(wanted.ref.id).lower()], "id")
    if wanted.ref.name is not None:
        named = [each for each in listed if (each.display_name or "").lower() == wanted.ref.name.lower()]
        if not named and wanted.auth is None:
            raise _cannot_make(wanted)
        return _checked(wanted, named, "name") if named or _only_reuses(wanted) else None
    fitting = _fitting(wanted, listed, in_use)
    if not fitting and (_only_reuses(wanted) or wanted.auth is None):
        raise _cannot_make(wanted)
    if not fitting:
        _require_free_name(wanted, listed)
    return fitting[0] if fitting else None


def _require_free_name(wanted: Wanted, listed: Sequence[Connection]) -> None:
    """Raises ``SpecError`` where the name that one would be made with is taken: Fabric refuses it only after the rights
    for it were given."""
    taken = next((each for each in listed if (each.display_name or "").lower() == wanted.name.lower()), None)
    if taken is not None:
        message = f"there is a connection {taken.display_name!r} already, and it doesn't fit: {_misfit(wanted, taken)}"
        raise SpecError([SpecProblem(f"{wanted.field}.name", message, "give a name, so that one is made with it")])


def reusable(databricks: str, listed: Sequence[Connection]) -> bool:
    """Whether a connection to a Databricks workspace is there that a spec without any sign-in data would reuse."""
    wanted = Wanted(
        field="databricks.connection",
        type=DATABRICKS,
        url=databricks,
        ref=ConnectionRef(),
        auth=None,
        default_name="",
        fact="databricks_connection",
        made=Made.CONNECTION_DATABRICKS,
    )
    return bool(_fitting(wanted, listed))


def with_another_kind(wanted: Wanted, listed: Sequence[Connection]) -> Connection | None:
    """The connection of the name that we give, when nothing but its kind of sign-in differs from what is wanted."""
    named = [each for each in listed if (each.display_name or "").lower() == wanted.name.lower()]
    anyhow = replace(wanted, auth=None)
    return next((each for each in named if _misfit(wanted, each) and not _misfit(anyhow, each)), None)


def _fitting(wanted: Wanted, listed: Sequence[Connection], in_use: Container[str] = frozenset()) -> list[Connection]:
    """Of several that fit, the same one each time, whatever others make besides: an item's Databricks connection can't
    be changed."""

    def rank(held: Connection) -> tuple[bool, bool, str]:
        named = (held.display_name or "").lower() == wanted.name.lower()
        return held.id.lower() not in in_use, not named, held.id

    return sorted((each for each in listed if not _misfit(wanted, each)), key=rank)


def _only_reuses(wanted: Wanted) -> bool:
    return isinstance(wanted.auth, ExistingAuth)


def _checked(wanted: Wanted, found: Sequence[Connection], field: str) -> Connection:
    path = f"{wanted.field}.{field}"
    if not found:
        hint = "check it, or have its owner share the connection with the identity that runs unity-mirror"
        raise SpecError([SpecProblem(path, f"there is no connection with this {field} that we may use", hint)])
    misfits = [_misfit(wanted, each) for each in found]
    fitting = [each for each, misfit in zip(found, misfits, strict=True) if not misfit]
    if not fitting:
        hint = "give the right connection, or another name so that one is made"
        raise SpecError([SpecProblem(path, f"the connection with this {field} doesn't fit: {misfits[0]}", hint)])
    return fitting[0]


def _misfit(wanted: Wanted, held: Connection) -> str:
    """Why a connection can't serve; empty when it can."""
    if held.connection_details.type != wanted.type:
        return f"its type is {held.connection_details.type or 'unknown'}, not {wanted.type}"
    if not _leads_to(held.connection_details.path, wanted):
        return f"it leads to {held.connection_details.path}, not to {wanted.url}"
    held_kind = held.credential_details.credential_type if held.credential_details else ""
    if wanted.kind is not None and held_kind and held_kind != wanted.kind:
        return f"it signs in by {held_kind}, not by {wanted.kind}"
    if wanted.gateway is not None and (held.gateway_id or "").lower() != wanted.gateway.id.lower():
        return f"it doesn't go through the gateway {wanted.gateway.display_name or wanted.gateway.id}"
    if held.connectivity_type not in ("ShareableCloud", "VirtualNetworkGateway"):
        return f"its connectivity is {held.connectivity_type}: only shareable and gateway connections serve items"
    return ""


def _leads_to(path: str, wanted: Wanted) -> bool:
    """Whether a connection leads where it should; to a whole account any of its containers does."""
    held, place = _normal(path), _normal(wanted.url)
    whole_account = wanted.type == STORAGE and "/" not in place
    return held == place or (whole_account and held.startswith(f"{place}/"))


def _normal(url: str) -> str:
    """Lists give a connection's parameters joined in one path: compare without scheme, host's case and last slash."""
    parts = urlsplit(url if "://" in url else f"https://{url}")
    return f"{(parts.hostname or '').lower()}{parts.path.rstrip('/')}"


def could_be_reused(wanted: Wanted, listed: Sequence[Connection]) -> tuple[str, ...]:
    """A named connection is its own thing, for nothing tells as whom another one signs in; but it is worth a word."""
    return tuple(
        f"{wanted.field}: connection {each.display_name or each.id!r} leads to the same place by the same kind of "
        f"sign-in; give its name to reuse it instead of making {wanted.name!r}."
        for each in _fitting(wanted, listed)
    )


def _cannot_make(wanted: Wanted) -> SpecError:
    hint = (
        f"give {wanted.auth_field} with a service principal; an organizational account needs a person: make the "
        "connection in Fabric's portal (Manage connections and gateways), share it with the identity that runs "
        "unity-mirror, and give its id or name"
    )
    message = f"there is no connection to {wanted.url} that we may use, and none can be made without sign-in data"
    return SpecError([SpecProblem(wanted.field, message, hint)])
