"""What SPEC can be: a catalog, a fleet, or a saved plan."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unity_mirror.errors import SpecError, SpecProblem
from unity_mirror.plan.saved import KIND, SavedPlan, read_saved
from unity_mirror.spec import CatalogSpec, FleetSpec, Member, load_any, load_spec, read_document


@dataclass(frozen=True, slots=True)
class Source:
    """A catalog or the catalogs of a saved plan (``members``), or a fleet that is still to be resolved."""

    members: tuple[Member, ...] = ()
    fleet: FleetSpec | None = None
    saved: tuple[SavedPlan, ...] = ()

    @property
    def is_single(self) -> bool:
        """Whether it is one catalog, whose failure is the command's."""
        return self.fleet is None and len(self.members) == 1


def read_source(options: argparse.Namespace, environ: Mapping[str, str], allowed: Sequence[str]) -> Source:
    """Reads the file that the command line names. ``allowed``: of catalog, fleet, plan."""
    document, where = read_document(options.spec)
    kind = str(document.get("kind") or "catalog")
    if kind in ("catalog", "fleet", KIND) and kind not in allowed:
        raise SpecError([SpecProblem("kind", f"this command doesn't take a {kind}")], where=where)
    if kind == KIND:
        return _saved(options, document, where)
    spec = load_any(options.spec, options.overlay, options.set, environ)
    if isinstance(spec, CatalogSpec):
        return Source((Member(spec.catalog, spec),))
    return Source(fleet=spec)


def _saved(options: argparse.Namespace, document: Mapping[str, object], where: str) -> Source:
    if options.overlay or options.set:
        hint = "make a new plan with them"
        raise SpecError([SpecProblem("--set", "a saved plan is applied as it is", hint)], where=where)
    saved = read_saved(document, where)
    specs = [load_spec(each.spec) for each in saved]
    return Source(tuple(Member(spec.catalog, spec) for spec in specs), saved=saved)
