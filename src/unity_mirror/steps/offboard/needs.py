"""Who else needs what we made for a catalog. Where it can't be seen, need is taken for granted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from unity_mirror.models.storage import StorageUrl
from unity_mirror.plan.ownership import Made, acl_above
from unity_mirror.spec import CatalogSpec
from unity_mirror.steps.offboard.reading import Other

Test = Callable[[Other], bool]


def needed_by(
    made: Made, others: Iterable[Other], workspace_id: str, place: StorageUrl | None, *, by_identity: bool
) -> Other | None:
    """The first other catalog that needs this for its storage, one of ours before anybody else's.

    ``place`` is this catalog's storage, ``by_identity`` whether its connection signs in as the workspace.
    """
    test = _tests(workspace_id, place, by_identity).get(made, _nobody)
    found = [each for each in others if each.has_storage and test(each)]
    return next(iter([*(each for each in found if each.is_marked), *found]), None)


def _tests(workspace_id: str, place: StorageUrl | None, by_identity: bool) -> Mapping[Made, Test]:
    def same_workspace(other: Other) -> bool:
        return other.workspace_id == workspace_id

    def same_account(other: Other) -> bool:
        return place is None or other.place is None or other.place.account == place.account

    def same_principal(other: Other) -> bool:
        return same_workspace(other) if by_identity else True

    def overlaps(other: Other) -> bool:
        return place is None or other.place is None or place.covers(other.place) or other.place.covers(place)

    def passes(depth: int) -> Test:
        return lambda other: same_principal(other) and same_account(other) and _shares(place, other.place, depth)

    return {
        Made.NETWORK_RULE: lambda other: same_workspace(other) and same_account(other),
        Made.IDENTITY: lambda other: same_workspace(other) and other.by_identity,
        Made.IDENTITY_ROLE: lambda other: same_workspace(other) and other.by_identity,
        Made.ACL: lambda other: same_principal(other) and overlaps(other),
        **{made: passes(depth) for depth, made in enumerate(ABOVE)},
    }


ABOVE = tuple(each for each in Made if each.value.startswith("acl-"))


def role_needed_by(
    scope: str, others: Iterable[Other], workspace_id: str, place: StorageUrl, *, by_identity: bool
) -> Other | None:
    """The first other catalog whose storage connection may count on a role at this scope."""
    container = scope.partition("/containers/")[2]

    def test(other: Other) -> bool:
        if by_identity and other.workspace_id != workspace_id:
            return False
        if other.place is None:
            return True
        return other.place.account == place.account and (not container or other.place.container in ("", container))

    found = [each for each in others if each.has_storage and test(each)]
    return next(iter([*(each for each in found if each.is_marked), *found]), None)


def _shares(place: StorageUrl | None, other: StorageUrl | None, depth: int) -> bool:
    """Whether the way to the other place leads through this one's folder at that depth, the root being 0."""
    if place is None or other is None:
        return True
    if place.container != other.container or not other.folder:
        return False
    ours, theirs = place.folder.split("/")[:depth], other.folder.split("/")
    return ours == theirs[:depth] and len(theirs) > depth


def _nobody(_: Other) -> bool:
    return False


def out_of_sight(spec: CatalogSpec) -> frozenset[Made]:
    """What offboarding can't find by this spec, had it been made for another storage section."""
    storage = spec.storage
    if storage is None:
        return frozenset(Made) - {Made.CONNECTION_DATABRICKS, Made.CONNECTION_STORAGE_THEIRS}
    folder = storage.location.folder
    reached = {Made.ACL, *map(acl_above, storage.location.parents())} if folder else set[Made]()
    rule = set[Made]() if storage.resource_id else {Made.NETWORK_RULE}
    return frozenset({Made.ACL, *ABOVE} - reached | rule)
