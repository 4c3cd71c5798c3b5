"""Definitions of items: a list of parts, each base64."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from unity_mirror.errors import CloudError
from unity_mirror.http.failures import FABRIC


def encoded(parts: Mapping[str, str], form: str | None = None) -> dict[str, Any]:
    """Return a definition of the given parts (path to text)."""
    encoded_parts = [
        {"path": path, "payload": base64.b64encode(text.encode()).decode(), "payloadType": "InlineBase64"}
        for path, text in parts.items()
    ]
    return {"format": form, "parts": encoded_parts} if form else {"parts": encoded_parts}


def decoded(result: Any, operation: str) -> dict[str, str]:
    """Return the parts (path to text) of what getDefinition gave. Raises CloudError when it gave none."""
    definition = result.get("definition") if isinstance(result, Mapping) else None
    if not isinstance(definition, Mapping):
        raise CloudError(f"could not {operation}", service=FABRIC, why="the answer holds no definition")
    try:
        return {
            part["path"]: base64.b64decode(part["payload"]).decode("utf-8-sig")
            for part in definition.get("parts") or ()
        }
    except (KeyError, binascii.Error, UnicodeDecodeError) as error:
        raise CloudError(
            f"could not {operation}", service=FABRIC, why="a part of the definition is unreadable"
        ) from error
