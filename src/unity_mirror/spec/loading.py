"""Reading a spec: file or text, overlays, settings, variables, and every problem told at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from unity_mirror.errors import SpecError, SpecProblem
from unity_mirror.spec.catalog import CatalogSpec
from unity_mirror.spec.documents import Document, read_document
from unity_mirror.spec.fleet import FleetSpec
from unity_mirror.spec.merging import apply_setting, merge, parse_setting, substitute
from unity_mirror.spec.places import placed
from unity_mirror.spec.problems import NOT_A_CHOICE, nearest_of, problems_of

S = TypeVar("S", CatalogSpec, FleetSpec)
Source = str | Path | Mapping[str, Any] | Document
_KINDS = ("catalog", "fleet")


def load_any(
    source: Source,
    overlays: Sequence[Source] = (),
    sets: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> CatalogSpec | FleetSpec:
    """Read and check a spec of either kind, like ``load_spec``. A fleet's catalogs are checked when it is expanded."""
    data, documents = _assemble(source, overlays, sets)
    kind = data.get("kind", "catalog")
    if kind not in _KINDS:
        unknown = SpecProblem("kind", NOT_A_CHOICE, nearest_of(kind, _KINDS))
        raise SpecError(placed([unknown], documents), where=documents[0].where)
    if kind == "fleet":
        return _load(data, documents, environ or {}, FleetSpec)
    return _load(data, documents, environ or {}, CatalogSpec)


def load_spec(
    source: Source,
    overlays: Sequence[Source] = (),
    sets: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> CatalogSpec:
    """Read and check a spec.

    ``source`` and each of ``overlays``: a file's path, YAML or JSON text, or a mapping. Overlays are laid over it in
    turn (maps merge, lists replace), then ``sets`` (``a.b.c=value``); last, ``${VAR}`` is replaced from ``environ``,
    except in secrets. Raises SpecError listing every problem with its path. No message repeats what could be a secret.
    """
    data, documents = _assemble(source, overlays, sets)
    return _load(data, documents, environ or {}, CatalogSpec)


def documents_of(source: Source, overlays: Sequence[Source], sets: Sequence[str]) -> list[Document]:
    """What a spec is laid together from, for ``placed``. Raises SpecError."""
    return _assemble(source, overlays, sets)[1]


def check_spec(data: Mapping[str, Any], where: str) -> CatalogSpec:
    """Check a spec in which everything is filled in already: ``${`` is plain text there. Raises SpecError."""
    spec, problems = _validate(data, CatalogSpec)
    if spec is None:
        raise SpecError(problems, where=where)
    return spec


def _load(data: dict[str, Any], documents: Sequence[Document], environ: Mapping[str, str], model: type[S]) -> S:
    problems: list[SpecProblem] = []
    data = substitute(data, environ, problems)
    spec, invalid = _validate(data, model)
    unresolved = {problem.path for problem in problems}
    problems += [problem for problem in invalid if problem.path not in unresolved]
    if spec is None or problems:
        raise SpecError(placed(problems, documents), where=documents[0].where)
    return spec


def _assemble(source: Source, overlays: Sequence[Source], sets: Sequence[str]) -> tuple[dict[str, Any], list[Document]]:
    """Lay everything over the first document; what can't even be read is told together."""
    problems: list[SpecProblem] = []
    documents: list[Document] = []
    for one in (source, *overlays):
        try:
            documents.append(read_document(one))
        except SpecError as error:
            problems += error.problems
    data: dict[str, Any] = {}
    for document in documents:
        data = merge(data, document.data)
    for setting in sets:
        try:
            data = apply_setting(data, setting)
            documents.append(Document(parse_setting(setting), f"--set {setting.partition('=')[0]}"))
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)
    return data, documents


def _validate(data: Mapping[str, Any], model: type[S]) -> tuple[S | None, list[SpecProblem]]:
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        return None, list(_tidy(problems_of(error, data, model)))


def _tidy(problems: Iterator[SpecProblem]) -> Iterator[SpecProblem]:
    seen: set[SpecProblem] = set()
    for problem in problems:
        if problem not in seen:
            seen.add(problem)
            yield problem
