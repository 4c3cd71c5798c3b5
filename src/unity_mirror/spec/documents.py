"""Reading YAML and JSON strictly: duplicate keys are refused, faults have line and column, contents aren't repeated."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml

from unity_mirror.errors import SpecError, SpecProblem


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice in one mapping."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: dict[object, yaml.Mark] = {}
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key has to be plain text", key_node.start_mark)
            name = key_node.value
            if name in seen:
                problem = f"the key {name!r} is given twice (first in line {seen[name].line + 1})"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            seen[name] = key_node.start_mark
        return super().construct_mapping(node, deep)


def _failed(where: str, message: str, hint: str = "") -> SpecError:
    return SpecError([SpecProblem(path=where, message=message, hint=hint)])


def parse_yaml(text: str, where: str) -> Any:
    """Read one YAML document. Raises SpecError with line and column, without the text: it may hold a secret."""
    failure: SpecError
    try:
        return yaml.load(text, _StrictLoader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        failure = _failed(where, f"{place}{error.problem or error.context or 'not YAML'}", _hint(error))
    except yaml.reader.ReaderError as error:
        failure = _failed(where, f"character {error.position} can't be part of YAML", "save the file as UTF-8 text")
    except (ValueError, RecursionError):
        failure = _failed(where, "a value can't be read, such as a date that doesn't exist", "put it in quotes")
    raise failure


def _hint(error: yaml.MarkedYAMLError) -> str:
    if "alias" in f"{error.context} {error.problem}":
        return 'to YAML a leading * is an alias; put patterns in quotes, like ["*"]'
    return "check indentation, quotes and colons there"


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise _DuplicateKeyError(twice)
    return dict(pairs)


class _DuplicateKeyError(Exception):
    """A JSON object has a key twice."""


def _parse_json(text: str, where: str) -> Any:
    failure: SpecError
    try:
        return json.loads(text, object_pairs_hook=_unique_pairs)
    except _DuplicateKeyError as error:
        failure = _failed(where, f"the key {error.args[0]!r} is given twice in one object", "keep one of them")
    except json.JSONDecodeError as error:
        failure = _failed(
            where, f"line {error.lineno}, column {error.colno}: {error.msg}", "check quotes and commas there"
        )
    raise failure


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def parse_document(text: str, where: str, *, as_json: bool = False) -> dict[str, Any]:
    """Read a spec or overlay from YAML or JSON text; ``where`` names it in errors. Raises SpecError."""
    data = _parse_json(text, where) if as_json or _is_json(text) else parse_yaml(text, where)
    if data is None:
        raise _failed(where, "there is nothing in it", "begin with kind, catalog, databricks and fabric")
    if not isinstance(data, dict):
        raise _failed(where, "this is not a mapping of keys to values", "write it like  catalog: sales")
    return data


def read_document(source: str | Path | Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Read a spec given as a mapping, a file's path, or text (anything with a line break or a leading brace).

    Returns the mapping and what to call it in errors. Raises SpecError.
    """
    if isinstance(source, Mapping):
        return dict(source), ""
    if isinstance(source, str) and ("\n" in source or source.lstrip().startswith("{")):
        return parse_document(source, "spec"), ""
    path = Path(source)
    return parse_document(_read_text(path), str(path), as_json=path.suffix.lower() == ".json"), str(path)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        reason, hint = "it is not UTF-8 text", "save it as UTF-8"
    except (OSError, ValueError) as error:
        reason = (error.strerror or type(error).__name__) if isinstance(error, OSError) else "not a path"
        hint = "give the path of a YAML or JSON file"
    raise _failed(str(path), f"the file can't be read: {reason}", hint)
