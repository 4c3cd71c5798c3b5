"""Resources that tokens can be asked for, and the audience that their tokens carry."""

from __future__ import annotations

_DATABRICKS = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"

_AUDIENCES = {
    "https://api.fabric.microsoft.com": "https://api.fabric.microsoft.com",
    "https://analysis.windows.net/powerbi/api": "https://analysis.windows.net/powerbi/api",
    "https://management.azure.com": "https://management.azure.com",
    "https://management.core.windows.net": "https://management.core.windows.net",
    "https://storage.azure.com": "https://storage.azure.com",
    "https://database.windows.net": "https://database.windows.net",
    _DATABRICKS: _DATABRICKS,
}


def audience_of_resource(resource: str) -> str | None:
    """The audience for a resource such as ``https://storage.azure.com/``; ``None`` when nobody knows it."""
    return _AUDIENCES.get(resource.rstrip("/"))


def audience_of_scope(scope: str) -> str | None:
    """The audience for a scope such as ``https://storage.azure.com/.default``."""
    resource, separator, permission = scope.rpartition("/")
    return audience_of_resource(resource) if separator and permission == ".default" else None
