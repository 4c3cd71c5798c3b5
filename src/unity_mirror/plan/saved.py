"""A plan in a file: what was approved, to be applied only if the difference is still the same."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from unity_mirror.errors import SpecError, SpecProblem
from unity_mirror.plan.model import Change, Plan
from unity_mirror.spec import CatalogSpec

KIND = "plan"
VERSION = 1


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """One catalog's: its spec with everything filled in, and the changes that were approved."""

    spec: Mapping[str, Any]
    prune: bool
    changes: tuple[Mapping[str, Any], ...]


def save(plans: Iterable[tuple[CatalogSpec, Plan]], *, prune: bool) -> dict[str, Any]:
    """The document to write. Specs refer to secrets and never hold one, so neither does this."""
    catalogs = [
        {
            "spec": spec.model_dump(mode="json", exclude_unset=True),
            "prune": prune,
            "changes": [_change(change) for change in plan.changes],
        }
        for spec, plan in plans
    ]
    return {"kind": KIND, "version": VERSION, "digest": _digest(catalogs), "catalogs": catalogs}


def read_saved(document: Mapping[str, Any], where: str) -> tuple[SavedPlan, ...]:
    """The plans of a document. Raises ``SpecError`` for one of another version, without any, or that was edited."""
    if document.get("version") != VERSION:
        raise _unusable(where, "version", f"it isn't a saved plan of version {VERSION}")
    catalogs = document.get("catalogs")
    if not catalogs:
        raise _unusable(where, "catalogs", "there is no plan in it")
    if document.get("digest") != _digest(catalogs):
        raise _unusable(where, "digest", "it isn't as unity-mirror wrote it")
    return tuple(SavedPlan(each["spec"], each["prune"], tuple(each["changes"])) for each in catalogs)


def _digest(catalogs: Any) -> str:
    """Tells an edit of the file, which would be applied unseen where the changes have the same names and values."""
    return sha256(json.dumps(catalogs, sort_keys=True, default=str).encode()).hexdigest()


def moved(saved: SavedPlan, plan: Plan) -> tuple[str, ...]:
    """What is different now: changes that are new, gone, or have other values. Empty when it may be applied."""
    before = {_key(each): each for each in saved.changes}
    now = {_key(each): each for each in map(_change, plan.changes)}
    gone = [f"no longer needed: {_named(before[key])}" for key in before if key not in now]
    new = [f"needed now: {_named(now[key])}" for key in now if key not in before]
    other = [f"with other values now: {_named(now[key])}" for key in now if key in before and now[key] != before[key]]
    return (*gone, *new, *other)


def _change(change: Change) -> dict[str, Any]:
    return {
        "step": change.step.value,
        "action": change.action.value,
        "kind": change.kind,
        "name": change.name,
        "before": _plain(change.before),
        "after": _plain(change.after),
    }


def _plain(value: Any) -> Any:
    """A value as it is after it went through JSON."""
    if isinstance(value, Mapping):
        return {str(key): _plain(below) for key, below in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(below) for below in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _key(change: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(change.get(name)) for name in ("step", "action", "kind", "name"))


def _named(change: Mapping[str, Any]) -> str:
    return f"{change.get('action')} {change.get('kind')} {change.get('name')}"


def _unusable(where: str, path: str, message: str) -> SpecError:
    return SpecError([SpecProblem(path, message, "make it anew: unity-mirror plan SPEC --out FILE")], where=where)
