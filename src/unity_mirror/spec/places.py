"""In which line of which file a field of a spec stands. Looked up only for what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import yaml

from unity_mirror.errors import SpecProblem
from unity_mirror.spec.documents import FAST, Document

_KEY = re.compile(r"[^.\[\]]+")


def placed(problems: Iterable[SpecProblem], documents: Sequence[Document]) -> list[SpecProblem]:
    """The problems, each with the line of its field, or of what it is missing in; the last document's that has it.

    A file is named only when it isn't the first.
    """
    trees = [(document.where, _tree(document)) for document in documents]
    return [_placed(problem, trees) for problem in problems]


def _tree(document: Document) -> object:
    """The document with its lines, where it has any."""
    try:
        return yaml.compose(document.text, FAST) if document.text else document.data
    except (yaml.YAMLError, RecursionError):  # JSON that YAML can't read, for its tabs
        return document.data


def _placed(problem: SpecProblem, trees: Sequence[tuple[str, object]]) -> SpecProblem:
    keys = _KEY.findall(problem.path)
    found = [(*_line(tree, keys), where) for where, tree in trees]
    depth, line, where = max(reversed(found), key=lambda each: each[0])
    return replace(problem, line=line, file="" if where == trees[0][0] else where) if depth else problem


def _line(node: object, keys: Sequence[str]) -> tuple[int, int]:
    """How many of the keys are there, one below the other, and the line of the last of them; 0 where nothing tells."""
    depth, line = 0, 0
    for key in keys:
        below = _below(node, key)
        if below is None:
            break
        line, node = below
        depth += 1
    return depth, line


def _below(node: object, key: str) -> tuple[int, object] | None:
    if isinstance(node, Mapping):
        return (0, node[key]) if key in node else None
    if isinstance(node, yaml.MappingNode):
        return next(((name.start_mark.line + 1, value) for name, value in node.value if name.value == key), None)
    if isinstance(node, yaml.SequenceNode) and key.isdigit() and int(key) < len(node.value):
        value = node.value[int(key)]
        return value.start_mark.line + 1, value
    return None
