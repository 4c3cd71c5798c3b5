"""The state as it may be shown: each secret is replaced by a digest, so that a change can still be seen."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

_TABLES = frozenset(
    {
        "entra.principals", "fabric.connectionCredentials", "fabric.keyVaults", "fabric.storageSecrets", "jobs",
        "settings", "unity_catalog.workspaces",
    }
)  # fmt: skip
_NAMES = re.compile(r"(?i)secrets?|(\w+_)?(secret|tokens?|password|key)|servicePrincipalSecret|header|sas")
_IDENTIFIERS = frozenset({"jobs"})
"""Tables whose documents' own field ``key`` names them."""


def redacted(dump: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The dump of a store, its secrets replaced."""
    return {
        table: {key: _document(table, document) for key, document in documents.items()}
        if table in _TABLES
        else dict(documents)
        for table, documents in dump.items()
    }


def _document(table: str, document: Mapping[str, Any]) -> dict[str, Any]:
    plain = {"key"} if table in _IDENTIFIERS else set()
    return {name: value if name in plain else _field(name, value) for name, value in document.items()}


def _field(name: str, value: Any) -> Any:
    return _digests(value) if _NAMES.fullmatch(name) else _walk(value)


def _walk(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _field(name, each) for name, each in value.items()}
    return [_walk(each) for each in value] if isinstance(value, list) else value


def _digests(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _digests(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_digests(each) for each in value]
    return f"sha256:{hashlib.sha256(value.encode()).hexdigest()[:16]}" if isinstance(value, str) else value
