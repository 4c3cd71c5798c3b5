"""FleetSpec: many catalogs with what they share, named one by one or found by pattern and tag."""

from __future__ import annotations

import fnmatch
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator
from pydantic.json_schema import models_json_schema

from unity_mirror.errors import SpecError, SpecProblem
from unity_mirror.spec.base import SpecPart, refuse
from unity_mirror.spec.catalog import CatalogSpec
from unity_mirror.spec.merging import SECRET_KEY, join, merge
from unity_mirror.spec.problems import problems_of
from unity_mirror.spec.schema import SCHEMA_DIALECT
from unity_mirror.spec.urls import workspace_url_fault
from unity_mirror.spec.values import NonEmpty

PLACEHOLDER = "{catalog}"


class DiscoverSpec(SpecPart):
    """Which of the metastore's catalogs belong to the fleet besides those that are listed."""

    include: tuple[NonEmpty, ...] = Field(
        default=("*",),
        title="Include",
        description="Patterns over catalog names, with * and ?.",
        examples=[["team_*"]],
    )
    exclude: tuple[NonEmpty, ...] = Field(
        default=(), title="Exclude", description="Patterns over catalog names; they win.", examples=[["*_scratch"]]
    )
    tag: dict[NonEmpty, str] = Field(
        default_factory=dict,
        title="Tag",
        description="Tags that a catalog must carry in Unity Catalog; an empty value stands for any.",
        examples=[{"fabric": "mirror"}],
    )

    def selects(self, catalog: str) -> bool:
        """Whether a catalog's name is wanted."""
        return _any_matches(self.include, catalog) and not _any_matches(self.exclude, catalog)


class FleetSpec(SpecPart):
    """Many catalogs: what they share, which they are, and what is different about some."""

    kind: Literal["fleet"] = Field(title="Kind", description="What this spec describes.", examples=["fleet"])
    defaults: dict[str, Any] = Field(
        default_factory=dict,
        title="Defaults",
        description="A part of a catalog's spec that holds for all; {catalog} in a text is the catalog's name.",
        examples=[{"fabric": {"workspace": "Analytics", "item_name": "{catalog}"}}],
        repr=False,
    )
    catalogs: tuple[dict[str, Any], ...] = Field(
        default=(),
        title="Catalogs",
        description="The catalogs, each with its name and what it has of its own.",
        examples=[[{"catalog": "sales"}, {"catalog": "hr", "fabric": {"workspace": "People Analytics"}}]],
        repr=False,
    )
    discover: DiscoverSpec | None = Field(
        default=None,
        title="Discover",
        description="Catalogs of the metastore to take in by pattern and tag.",
        examples=[{"include": ["team_*"]}],
    )
    overrides: dict[NonEmpty, dict[str, Any]] = Field(
        default_factory=dict,
        title="Overrides",
        description="By catalog, what differs from the defaults; for catalogs that are discovered.",
        examples=[{"team_a": {"auto_sync": False}}],
        repr=False,
    )

    @model_validator(mode="after")
    def _has_catalogs(self) -> FleetSpec:
        if not self.catalogs and self.discover is None:
            raise refuse("the fleet has no catalogs", "list them under catalogs, or add discover", at="catalogs")
        for place, entry in enumerate(self.catalogs):
            if not isinstance(entry.get("catalog"), str):
                raise refuse("the catalog isn't named", "add catalog: its name", at=f"catalogs[{place}].catalog")
        if self.discover is not None:
            self._can_discover("defaults.databricks.workspace")
        return self

    def _can_discover(self, at: str) -> None:
        if not self.databricks_workspace:
            raise refuse("it isn't said where to discover", "give its URL", at=at)
        fault = workspace_url_fault(self.databricks_workspace)
        if fault is not None:
            raise refuse(*fault, at=at)

    @property
    def databricks_workspace(self) -> str:
        """The Databricks workspace of the defaults, through which catalogs are discovered."""
        databricks = self.defaults.get("databricks")
        return str(databricks.get("workspace") or "") if isinstance(databricks, Mapping) else ""

    @property
    def listed(self) -> tuple[str, ...]:
        """The names of the catalogs that are listed."""
        return tuple(str(entry["catalog"]) for entry in self.catalogs)


@dataclass(frozen=True, slots=True)
class Member:
    """One catalog of a fleet: its spec, or why it has none."""

    name: str
    spec: CatalogSpec | None = None
    error: SpecError | None = None


def members(fleet: FleetSpec, discovered: Iterable[str] = ()) -> tuple[Member, ...]:
    """Every catalog, those discovered after those listed; what clashes with another is an error of both."""
    listed = fleet.listed
    found = [_member(fleet, str(entry["catalog"]), entry) for entry in fleet.catalogs]
    wanted = fleet.discover
    names = sorted(name for name in set(discovered) - set(listed) if wanted is not None and wanted.selects(name))
    found += [_member(fleet, name, {"catalog": name}) for name in names]
    return (*_without_clashes(found), *_idle_overrides(fleet, {member.name for member in found}))


def _idle_overrides(fleet: FleetSpec, names: Container[str]) -> Iterator[Member]:
    """An override of a catalog that isn't in the fleet is a slip of the pen, as the one of a misspelt name."""
    for name in fleet.overrides:
        if name not in names:
            problem = SpecProblem(join("overrides", name), "the fleet has no such catalog", "check the name")
            yield Member(name, error=SpecError([problem], where=f"catalog {name}"))


def document_json_schema() -> dict[str, Any]:
    """JSON Schema of a spec of either kind, as files hold it: a fleet where ``kind`` says so, else a catalog."""
    _, both = models_json_schema([(CatalogSpec, "validation"), (FleetSpec, "validation")])
    return {
        "$schema": SCHEMA_DIALECT,
        "title": "unity-mirror spec",
        "type": "object",
        "if": {"properties": {"kind": {"const": "fleet"}}, "required": ["kind"]},
        "then": {"$ref": "#/$defs/FleetSpec"},
        "else": {"$ref": "#/$defs/CatalogSpec"},
        **both,
    }


def _member(fleet: FleetSpec, name: str, entry: Mapping[str, Any]) -> Member:
    data = merge(merge(fleet.defaults, entry), fleet.overrides.get(name, {}))
    data = {**_filled(data, name), "kind": "catalog", "catalog": name}
    try:
        return Member(name, CatalogSpec.model_validate(data))
    except ValidationError as error:
        problems = list(dict.fromkeys(problems_of(error, data, CatalogSpec)))
    return Member(name, error=SpecError(problems, where=f"catalog {name}"))


def _filled(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: below if key == SECRET_KEY else _filled(below, name) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(each, name) for each in value]
    return value.replace(PLACEHOLDER, name) if isinstance(value, str) else value


def _without_clashes(found: Sequence[Member]) -> tuple[Member, ...]:
    claims: dict[tuple[str, ...], list[str]] = {}
    for place, member in enumerate(found):
        for claim in _claims(member):
            claims.setdefault(claim, []).append(f"{place}:{member.name}")
    clashing: dict[int, list[SpecProblem]] = {}
    for claim, holders in claims.items():
        for holder in holders if len(holders) > 1 else ():
            names = ", ".join(dict.fromkeys(each.partition(":")[2] for each in holders))
            problem = SpecProblem(claim[0], f"{_CLASHES[claim[0]]} by several catalogs of the fleet: {names}", _HINT)
            clashing.setdefault(int(holder.partition(":")[0]), []).append(problem)
    gateways = _shared_gateways(found)
    return tuple(
        replace(member, spec=None, error=SpecError(problems, where=f"catalog {member.name}"))
        if (problems := [*clashing.get(place, ()), *gateways.get(place, ())])
        else member
        for place, member in enumerate(found)
    )


_CLASHES = {
    "catalog": "the same catalog of the same metastore is named",
    "fabric.item_name": "the same item name in the same workspace is wanted",
    "semantic_model.name": "the same semantic model in the same workspace is wanted",
}
_HINT = "give each its own"


def _claims(member: Member) -> Iterable[tuple[str, ...]]:
    spec = member.spec
    if spec is None:
        return
    workspace = spec.fabric.workspace.lower()
    yield "catalog", spec.databricks.workspace.lower(), spec.catalog.lower(), workspace
    yield "fabric.item_name", workspace, spec.item_name.lower()
    if spec.semantic_model is not None:
        yield "semantic_model.name", workspace, spec.semantic_model.name.lower()


def _shared_gateways(found: Sequence[Member]) -> dict[int, list[SpecProblem]]:
    """One virtual network data gateway serves one Databricks workspace only."""
    served: dict[str, dict[str, list[int]]] = {}
    for place, member in enumerate(found):
        gateway = member.spec.databricks.connection.gateway if member.spec else None
        if member.spec and gateway:
            workspaces = served.setdefault(gateway.lower(), {})
            workspaces.setdefault(member.spec.databricks.workspace.lower(), []).append(place)
    path = join("databricks.connection", "gateway")
    return {
        place: [SpecProblem(path, f"the gateway would serve {len(workspaces)} workspaces", "it can serve only one")]
        for workspaces in served.values()
        if len(workspaces) > 1
        for places in workspaces.values()
        for place in places
    }


def _any_matches(patterns: Iterable[str], name: str) -> bool:
    return any(fnmatch.fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)
