"""Reading YAML and JSON strictly: duplicate keys are refused, faults have line and column, contents aren't repeated."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from unity_mirror.errors import SpecError, SpecProblem

DEEPEST = 32
_MOST_VALUES = 1_000_000
_TEXT, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True)
class Document:
    """A spec or an overlay as it was given: what it says, what to call it in errors, and its text where it has one."""

    data: dict[str, Any]
    where: str = ""
    text: str = ""


FAST: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""LibYAML's, where PyYAML was built with it: seven times as fast, with other words for what is wrong."""
_LARGE = 100_000
"""Characters from which that is worth it."""


class _StrictKeys(yaml.constructor.SafeConstructor):
    """Refuses keys that aren't text, and a key given twice in one mapping."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: dict[object, yaml.Mark] = {}
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key has to be plain text", key_node.start_mark)
            name = key_node.value
            if key_node.tag not in (_TEXT, _MERGE):
                problem = f"the key {name!r} isn't text to YAML"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            if name in seen:
                problem = f"the key {name!r} is given twice (first in line {seen[name].line + 1})"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            seen[name] = key_node.start_mark
        return super().construct_mapping(node, deep)


class _StrictLoader(_StrictKeys, yaml.SafeLoader):
    """PyYAML's own, whose words we know."""


class _FastLoader(_StrictKeys, FAST):  # type: ignore[misc, valid-type]
    """The fast one."""


def _load(text: str) -> Any:
    """What is wrong with a large text, the slower loader says."""
    if len(text) > _LARGE:
        with suppress(yaml.YAMLError, ValueError):
            return yaml.load(text, _FastLoader)  # noqa: S506 - a SafeLoader
    return yaml.load(text, _StrictLoader)  # noqa: S506 - a SafeLoader


def _failed(where: str, message: str, hint: str = "") -> SpecError:
    return SpecError([SpecProblem(path=where, message=message, hint=hint)])


def parse_yaml(text: str, where: str) -> Any:
    """Read one YAML document. Raises SpecError with line and column, without the text: it may hold a secret."""
    failure: SpecError
    try:
        return _load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        failure = _failed(where, f"{place}{_told(error)}", _hint(error))
    except yaml.reader.ReaderError as error:
        failure = _failed(where, f"character {error.position} can't be part of YAML", "save the file as UTF-8 text")
    except RecursionError:
        failure = _too_deep(where)
    except ValueError:
        failure = _failed(where, "a value can't be read, such as a date that doesn't exist", "put it in quotes")
    raise failure


def _told(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "not YAML"
    return f"{error.context}, {problem}" if problem.startswith("but ") else problem


_HINTS: Mapping[str, str] = {
    "alias": 'to YAML a leading * is an alias; put patterns in quotes, like ["*"]',
    "given twice": "keep one of them",
    "isn't text to YAML": "put it in quotes",
    "\\t": "YAML is indented with blanks, never with tabs",
    "another document": "a file holds one spec; for several catalogs write a fleet (kind: fleet)",
    "constructor for the tag": "leave the tag (!...) out",
}


def _hint(error: yaml.MarkedYAMLError) -> str:
    said = f"{error.context} {error.problem}"
    return next((hint for word, hint in _HINTS.items() if word in said), "check indentation, quotes and colons there")


def _too_deep(where: str) -> SpecError:
    return _failed(where, "it is nested too deeply, or contains itself through an alias", "flatten it")


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        [(twice, _)] = Counter(key for key, _ in pairs).most_common(1)
        raise _DuplicateKeyError(twice)
    return found


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
    except RecursionError:
        failure = _too_deep(where)
    except ValueError:
        failure = _failed(where, "a number in it has too many digits", "put it in quotes")
    raise failure


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def parse_document(text: str, where: str, *, as_json: bool = False) -> dict[str, Any]:
    """Read a spec or overlay from YAML or JSON text; ``where`` names it in errors. Raises SpecError."""
    data = _parse_json(text, where) if as_json or _is_json(text) else parse_yaml(text, where)
    if data is None:
        raise _failed(where, "there is nothing in it", "begin with kind, catalog, databricks and fabric")
    if not isinstance(data, dict):
        raise _failed(where, "this is not a mapping of keys to values", "write it like  catalog: sales")
    _refuse_endless(data, where)
    return data


def _refuse_endless(data: object, where: str) -> None:
    """Aliases can make a small file as large as one likes, or endless; JSON's escapes, half a character."""
    left: list[tuple[object, int]] = [(data, 0)]
    for _ in range(_MOST_VALUES):
        if not left:
            return
        value, depth = left.pop()
        if depth > DEEPEST:
            raise _too_deep(where)
        if isinstance(value, dict):
            left += [(each, depth + 1) for pair in value.items() for each in pair]
        elif isinstance(value, list):
            left += [(each, depth + 1) for each in value]
        elif isinstance(value, str) and not _is_whole(value):
            raise _failed(where, "a text holds half of a character (a surrogate)", "write the character itself")
    message = f"with its aliases filled in it has more than {_MOST_VALUES:,} values"
    raise _failed(where, message, "use fewer aliases")


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_document(source: str | Path | Mapping[str, Any] | Document) -> Document:
    """Read a spec given as a mapping, a file's path, or text (anything with a line break or a leading brace).

    Raises SpecError.
    """
    if isinstance(source, Document):
        return source
    if isinstance(source, Mapping):
        return Document(dict(source))
    if isinstance(source, str) and ("\n" in source or source.lstrip().startswith("{")):
        return Document(parse_document(source, "spec"), text=source)
    path = Path(source)
    text = _read_text(path)
    return Document(parse_document(text, str(path), as_json=path.suffix.lower() == ".json"), str(path), text)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        reason, hint = "it is not UTF-8 text", "save it as UTF-8"
    except (OSError, ValueError) as error:
        reason = (error.strerror or type(error).__name__) if isinstance(error, OSError) else "not a path"
        hint = "give the path of a YAML or JSON file"
    raise _failed(str(path), f"the file can't be read: {reason}", hint)
