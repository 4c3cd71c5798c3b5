"""What SPEC can be: a catalog, a fleet, or a saved plan."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unity_mirror.errors import SpecError, SpecProblem, UnityMirrorError
from unity_mirror.plan.saved import KIND, SavedPlan, read_saved
from unity_mirror.spec import (
    CatalogSpec,
    Document,
    FleetSpec,
    Member,
    check_spec,
    documents_of,
    load_any,
    parse_document,
    placed,
    read_document,
)

STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class Source:
    """A catalog or the catalogs of a saved plan (``members``), or a fleet that is still to be resolved."""

    members: tuple[Member, ...] = ()
    fleet: FleetSpec | None = None
    saved: tuple[SavedPlan, ...] = ()
    documents: tuple[Document, ...] = ()
    """What a single catalog's spec was read from."""

    @property
    def is_single(self) -> bool:
        """Whether it is one catalog, whose failure is the command's."""
        return self.fleet is None and len(self.members) == 1

    def with_lines(self, error: UnityMirrorError) -> UnityMirrorError:
        """The error; what only the clouds showed to be wrong with a spec is told with its line, too."""
        if not isinstance(error, SpecError) or not self.documents:
            return error
        where = error.where or self.documents[0].where
        return SpecError(placed(error.problems, self.documents), where=where, remedy=error.remedy)


def read_source(options: argparse.Namespace, environ: Mapping[str, str], allowed: Sequence[str]) -> Source:
    """Reads the file that the command line names. ``allowed``: of catalog, fleet, plan."""
    document = _standard_input() if str(options.spec) == STANDARD_INPUT else read_document(options.spec)
    kind = str(document.data.get("kind") or "catalog")
    if kind in ("catalog", "fleet", KIND) and kind not in allowed:
        raise SpecError([SpecProblem("kind", f"this command doesn't take a {kind}")], where=document.where)
    if kind == KIND:
        return _saved(options, document)
    spec = load_any(document, options.overlay, options.set, environ)
    if isinstance(spec, CatalogSpec):
        documents = documents_of(document, options.overlay, options.set)
        return Source((Member(spec.catalog, spec),), documents=tuple(documents))
    return Source(fleet=spec)


def _standard_input() -> Document:
    where = "standard input"
    try:
        text = sys.stdin.read()
    except UnicodeDecodeError:
        raise SpecError([SpecProblem(where, "it is not UTF-8 text", "save it as UTF-8")]) from None
    return Document(parse_document(text, where), where, text)


def _saved(options: argparse.Namespace, document: Document) -> Source:
    if options.overlay or options.set:
        hint = "make a new plan with them"
        raise SpecError([SpecProblem("--set", "a saved plan is applied as it is", hint)], where=document.where)
    saved = read_saved(document.data, document.where)
    specs = [check_spec(each.spec, document.where) for each in saved]
    return Source(tuple(Member(spec.catalog, spec) for spec in specs), saved=saved)
