"""Item definitions as they travel: parts with a path and a Base64 payload."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping
from typing import Any, Literal

import orjson
from pydantic import Field

from cloud_emulator.core.store import Document
from cloud_emulator.fabric.errors import FabricError
from cloud_emulator.fabric.validation import Body

DEFINITIONS = "fabric.definitions"
PLATFORM = ".platform"
_PLATFORM_SCHEMA = (
    "https://developer.microsoft.com/json-schemas/fabric/gitIntegration/platformProperties/2.0.0/schema.json"
)


class Part(Body):
    """One part of a definition."""

    path: str
    payload: str
    payload_type: Literal["InlineBase64"]


class Definition(Body):
    """An item's public definition."""

    format: str | None = None
    parts: list[Part] = Field(min_length=1)


class UpdateDefinitionRequest(Body):
    """The body of every ``updateDefinition``."""

    definition: Definition


def corrupted(message: str) -> FabricError:
    """400 ``CorruptedPayload``: the definition is not what it should be."""
    return FabricError(400, "CorruptedPayload", message)


def decode(definition: Definition) -> dict[str, bytes]:
    """The content of each part by path. Raises 400 ``CorruptedPayload`` for bad Base64 or a path given twice."""
    contents: dict[str, bytes] = {}
    for part in definition.parts:
        if part.path in contents:
            raise corrupted(f"The definition has the part {part.path!r} twice.")
        try:
            contents[part.path] = base64.b64decode(part.payload, validate=True)
        except binascii.Error:
            raise corrupted(f"The payload of the part {part.path!r} is not Base64.") from None
    return contents


def encode(contents: Mapping[str, bytes]) -> list[dict[str, str]]:
    """Parts as the API gives them out."""
    return [
        {"path": path, "payload": base64.b64encode(content).decode(), "payloadType": "InlineBase64"}
        for path, content in contents.items()
    ]


def check_paths(contents: Mapping[str, bytes], allowed: Collection[str], required: Collection[str]) -> None:
    """Raises 400 ``CorruptedPayload`` for a part that the item type doesn't know, and for one that is missing."""
    unknown = [path for path in contents if path not in allowed]
    if unknown:
        raise corrupted(f"The definition has a part {unknown[0]!r}, which this item type does not have.")
    missing = [path for path in required if path not in contents]
    if missing:
        raise corrupted(f"The definition lacks the required part {missing[0]!r}.")


def check_platform(contents: Mapping[str, bytes], item_type: str) -> None:
    """Checks the part ``.platform``, where there is one. Raises 400 ``CorruptedPayload``."""
    if PLATFORM not in contents:
        return
    try:
        document = orjson.loads(contents[PLATFORM])
        given = document["metadata"]["type"]
    except (ValueError, KeyError, TypeError):
        raise corrupted(f"The part {PLATFORM!r} is not a platform file.") from None
    if given != item_type:
        raise corrupted(f"The part {PLATFORM!r} is of an item of type {given!r}, not {item_type}.")


def platform_metadata(contents: Mapping[str, bytes]) -> tuple[str | None, str | None]:
    """Name and description in the part ``.platform``; ``None`` for what it doesn't say. Raises 400
    ``CorruptedPayload``."""
    metadata = orjson.loads(contents[PLATFORM])["metadata"] if PLATFORM in contents else {}
    found = metadata.get("displayName"), metadata.get("description")
    if not all(each is None or isinstance(each, str) for each in found):
        raise corrupted(f"The part {PLATFORM!r} is not a platform file.")
    return found


def platform_file(item: Document) -> bytes:
    """The part ``.platform`` of an item."""
    metadata: dict[str, Any] = {"type": item["type"], "displayName": item["displayName"]}
    if item["description"]:
        metadata["description"] = item["description"]
    return orjson.dumps(
        {
            "$schema": _PLATFORM_SCHEMA,
            "metadata": metadata,
            "config": {"version": "2.0", "logicalId": "00000000-0000-0000-0000-000000000000"},
        }
    )
