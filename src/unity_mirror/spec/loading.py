"""Reading a spec: file or text, overlays, settings, variables, and every problem told at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from unity_mirror.errors import SpecError, SpecProblem
from unity_mirror.spec.catalog import CatalogSpec
from unity_mirror.spec.documents import read_document
from unity_mirror.spec.fleet import FleetSpec
from unity_mirror.spec.merging import apply_setting, merge, substitute
from unity_mirror.spec.problems import problems_of

S = TypeVar("S", CatalogSpec, FleetSpec)
Source = str | Path | Mapping[str, Any]


def load_any(
    source: Source,
    overlays: Sequence[Source] = (),
    sets: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> CatalogSpec | FleetSpec:
    """Read and check a spec of either kind, like ``load_spec``. A fleet's catalogs are checked when it is expanded."""
    data, where = _assemble(source, overlays, sets)
    if data.get("kind") != "fleet":
        return _load(data, where, environ or {}, CatalogSpec)
    return _load(data, where, environ or {}, FleetSpec)


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
    data, where = _assemble(source, overlays, sets)
    return _load(data, where, environ or {}, CatalogSpec)


def _load(data: dict[str, Any], where: str, environ: Mapping[str, str], model: type[S]) -> S:
    problems: list[SpecProblem] = []
    data = substitute(data, environ, problems)
    spec, invalid = _validate(data, model)
    unresolved = {problem.path for problem in problems}
    problems += [problem for problem in invalid if problem.path not in unresolved]
    if spec is None or problems:
        raise SpecError(problems, where=where)
    return spec


def _assemble(source: Source, overlays: Sequence[Source], sets: Sequence[str]) -> tuple[dict[str, Any], str]:
    """Lay everything over the first document; what can't even be read is told together."""
    problems: list[SpecProblem] = []
    documents: list[tuple[dict[str, Any], str]] = []
    for one in (source, *overlays):
        try:
            documents.append(read_document(one))
        except SpecError as error:
            problems += error.problems
    data: dict[str, Any] = {}
    for document, _ in documents:
        data = merge(data, document)
    for setting in sets:
        try:
            data = apply_setting(data, setting)
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)
    return data, documents[0][1]


def _validate(data: Mapping[str, Any], model: type[S]) -> tuple[S | None, list[SpecProblem]]:
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        return None, list(_tidy(problems_of(error, data)))


def _tidy(problems: Iterator[SpecProblem]) -> Iterator[SpecProblem]:
    seen: set[SpecProblem] = set()
    for problem in problems:
        if problem not in seen:
            seen.add(problem)
            yield problem
