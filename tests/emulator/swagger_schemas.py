"""The specification's definitions as JSON Schema, in the sense in which they are meant.

A plain validator sees little in Swagger 2.0: it ignores ``discriminator`` and lets unknown fields pass. So each
definition is merged with what it extends and closed, and a reference to a base stands for the subtype that its
discriminator names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from jsonschema import Draft202012Validator, FormatChecker

Direction = Literal["request", "response"]
Raw = Mapping[str, Any]
Fields = dict[str, tuple[Path, Raw]]

_KEPT = ("enum", "format", "pattern", "maxLength", "minLength", "minimum", "maximum", "maxItems", "minItems")
_FORMATS = {
    "uuid": r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "date-time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
    "date": r"\d{4}-\d\d-\d\d",
    "uri": r"[a-z][a-z0-9+.-]*:\S+",
}


def format_checker() -> FormatChecker:
    """Checks the formats of the specification."""
    checker = FormatChecker(formats=())
    for name, pattern in _FORMATS.items():
        checker.checks(name)(lambda value, _p=pattern: not isinstance(value, str) or bool(re.fullmatch(_p, value)))
    return checker


@dataclass(frozen=True, slots=True)
class Key:
    """A definition: the file that holds it (its path in lower case: the specification spells some in two ways), and its
    name."""

    file: Path
    name: str


@dataclass
class Definitions:
    """All definitions of a folder of specifications."""

    folder: Path
    raw: dict[Key, Raw] = field(default_factory=dict)
    children: dict[Key, list[Key]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for file in sorted(self.folder.rglob("*.json")):
            if "examples" not in file.parts:
                self._load(file)
        for key, raw in self.raw.items():
            for base in self.bases(key.file, raw):
                self.children.setdefault(base, []).append(key)

    def _load(self, file: Path) -> None:
        document = json.loads(file.read_text("utf-8-sig"))
        for name, raw in document.get("definitions", {}).items():
            self.raw[Key(self.folded(file), name)] = raw

    def folded(self, file: Path) -> Path:
        """The path by which a file is known: relative to the folder, in lower case."""
        path = file if file.is_absolute() else self.folder / file
        return Path(str(path.resolve().relative_to(self.folder.resolve())).lower())

    def key(self, file: Path, reference: str) -> Key:
        """The definition that a reference in a file names."""
        path, _, pointer = reference.partition("#/definitions/")
        return Key(self.folded(self.folder / file.parent / path) if path else self.folded(file), pointer)

    def bases(self, file: Path, raw: Raw) -> list[Key]:
        """What a definition extends."""
        return [self.key(file, part["$ref"]) for part in raw.get("allOf", ()) if "$ref" in part]

    def descendants(self, key: Key) -> Iterator[tuple[str, Key]]:
        """The subtypes of a definition, with the values of their discriminator."""
        for child in self.children.get(key, ()):
            yield self.raw[child].get("x-ms-discriminator-value", child.name), child
            yield from self.descendants(child)

    def fields(self, file: Path, raw: Raw) -> tuple[Fields, set[str]]:
        """The properties of an object, inherited ones included, each with the file that it stands in; and the required
        ones."""
        found: Fields = {}
        required = set(raw.get("required", ()))
        for part in raw.get("allOf", ()):
            base = self.key(file, part["$ref"]) if "$ref" in part else None
            inherited, more = self.fields(base.file, self.raw[base]) if base else self.fields(file, part)
            found |= inherited
            required |= more
        found |= {name: (file, each) for name, each in raw.get("properties", {}).items()}
        return found, required

    def discriminator(self, key: Key) -> str | None:
        """The property by which a definition's subtypes are told apart."""
        found = self.raw[key].get("discriminator")
        return str(found) if found is not None else None


class Schemas:
    """Makes validators. In requests, what is read-only must not be sent; in answers, unknown subtypes show the base's
    fields."""

    def __init__(self, definitions: Definitions, direction: Direction) -> None:
        self._definitions = definitions
        self._direction = direction
        self._made: dict[tuple[Path, str], Draft202012Validator] = {}

    def validator(self, file: Path, raw: Raw) -> Draft202012Validator:
        """A validator for a schema that stands in a file, made once."""
        key = (file, json.dumps(raw, sort_keys=True))
        if key not in self._made:
            made: dict[str, Any] = {}
            schema = self._schema(file, raw, made)
            self._made[key] = Draft202012Validator({**schema, "$defs": made}, format_checker=format_checker())
        return self._made[key]

    def _schema(self, file: Path, raw: Raw, made: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in raw:
            return {"$ref": self._reference(self._definitions.key(file, raw["$ref"]), made)}
        if raw.get("type") == "array":
            kept = {name: raw[name] for name in _KEPT if name in raw}
            return {"type": "array", "items": self._schema(file, raw.get("items", {}), made), **kept}
        kind = raw.get("type", "string" if "enum" in raw else "object")
        if kind == "object":
            return self._object(file, raw, made)
        kept = {name: raw[name] for name in _KEPT if name in raw}
        if r"\p{" in kept.get("pattern", ""):
            del kept["pattern"]  # Unicode classes, which Python's expressions don't have
        return {"type": kind, **kept}

    def _reference(self, key: Key, made: dict[str, Any], *, own: bool = False) -> str:
        """A pointer to the schema of a definition (``own``: of exactly that one, not of its subtypes), which is made if
        need be."""
        name = f"{key.file}#{key.name}{'!' if own else ''}".replace("/", ":")
        if name not in made:
            made[name] = True
            polymorphic = self._definitions.discriminator(key) is not None and not own
            raw = self._definitions.raw[key]
            made[name] = self._union(key, made) if polymorphic else self._schema(key.file, raw, made)
        return f"#/$defs/{name}"

    def _union(self, key: Key, made: dict[str, Any]) -> dict[str, Any]:
        by = self._definitions.discriminator(key) or ""
        subtypes = dict(self._definitions.descendants(key))
        values = set(subtypes) or self._values(key, by)
        if self._direction == "response":
            values |= self._values(key, by)
        cases = [
            {
                "if": {"properties": {by: {"const": value}}, "required": [by]},
                "then": {"$ref": self._reference(subtypes.get(value, key), made, own=True)},
            }
            for value in sorted(values)
        ]
        return {"type": "object", "required": [by], "properties": {by: {"enum": sorted(values)}}, "allOf": cases}

    def _values(self, key: Key, by: str) -> set[str]:
        file, raw = self._definitions.fields(key.file, self._definitions.raw[key])[0][by]
        if "$ref" in raw:
            raw = self._definitions.raw[self._definitions.key(file, raw["$ref"])]
        return set(raw.get("enum", ()))

    def _object(self, file: Path, raw: Raw, made: dict[str, Any]) -> dict[str, Any]:
        fields, required = self._definitions.fields(file, raw)
        if not fields:
            return {"type": "object"}
        if self._direction == "request":
            fields = {name: each for name, each in fields.items() if not each[1].get("readOnly")}
        return {
            "type": "object",
            "properties": {name: self._schema(where, each, made) for name, (where, each) in fields.items()},
            "required": sorted(required & fields.keys()),
            "additionalProperties": False,
        }
