"""Spark's type names, from the text that people write to the forms in which Unity Catalog tells them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

_SIMPLE = {
    "boolean": ("BOOLEAN", "boolean"),
    "tinyint": ("BYTE", "byte"),
    "smallint": ("SHORT", "short"),
    "int": ("INT", "integer"),
    "bigint": ("LONG", "long"),
    "float": ("FLOAT", "float"),
    "double": ("DOUBLE", "double"),
    "date": ("DATE", "date"),
    "timestamp": ("TIMESTAMP", "timestamp"),
    "timestamp_ntz": ("TIMESTAMP_NTZ", "timestamp_ntz"),
    "string": ("STRING", "string"),
    "binary": ("BINARY", "binary"),
    "variant": ("VARIANT", "variant"),
    "void": ("NULL", "void"),
}


@dataclass(frozen=True, slots=True)
class SparkType:
    """A type: its text (``decimal(10,2)``), Unity Catalog's name for it (DECIMAL), and its JSON form."""

    text: str
    name: str
    form: Any
    precision: int = 0
    scale: int = 0


def parse_type(text: str) -> SparkType:
    """The type that a text such as ``map<string,array<bigint>>`` names. Raises ``ValueError``."""
    text = text.strip()
    if text in _SIMPLE:
        return SparkType(text, *_SIMPLE[text])
    head, _, rest = text.partition("<")
    if head in ("array", "map", "struct") and rest.endswith(">"):
        return _NESTED[head](text, _split(rest[:-1]))
    if text.startswith("decimal(") and text.endswith(")"):
        precision, scale = (int(part) for part in text[8:-1].split(","))
        return SparkType(f"decimal({precision},{scale})", "DECIMAL", f"decimal({precision},{scale})", precision, scale)
    raise ValueError(f"{text!r} is not a Spark type")


def struct_field(name: str, spark_type: SparkType, *, nullable: bool = True, comment: str | None = None) -> str:
    """The whole StructField as JSON text."""
    metadata = {"comment": comment} if comment else {}
    return orjson.dumps({"name": name, "type": spark_type.form, "nullable": nullable, "metadata": metadata}).decode()


def _array(text: str, parts: list[str]) -> SparkType:
    (element,) = parts
    form = {"type": "array", "elementType": parse_type(element).form, "containsNull": True}
    return SparkType(text, "ARRAY", form)


def _map(text: str, parts: list[str]) -> SparkType:
    key, value = parts
    form = {
        "type": "map", "keyType": parse_type(key).form, "valueType": parse_type(value).form, "valueContainsNull": True,
    }  # fmt: skip
    return SparkType(text, "MAP", form)


def _struct(text: str, parts: list[str]) -> SparkType:
    pairs = [part.partition(":") for part in parts]
    fields = [
        {"name": name.strip(), "type": parse_type(inner).form, "nullable": True, "metadata": {}}
        for name, _, inner in pairs
    ]
    return SparkType(text, "STRUCT", {"type": "struct", "fields": fields})


_NESTED = {"array": _array, "map": _map, "struct": _struct}


def _split(text: str) -> list[str]:
    """The parts between commas that stand in no brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "<(") - (letter in ">)")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts
