"""URLs and Azure resource ids in a spec: always the public-looking ones; settings translate them for the emulator."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from unity_mirror.models.azure_clouds import CLOUDS, PUBLIC, cloud_of
from unity_mirror.models.storage import StorageUrl
from unity_mirror.spec.base import refuse, shape

DATABRICKS_WORKSPACES = "Microsoft.Databricks/workspaces"
STORAGE_ACCOUNTS = "Microsoft.Storage/storageAccounts"

_DATABRICKS_SUFFIX = rf"\.({'|'.join(re.escape(cloud.databricks_suffix) for cloud in CLOUDS)})"
_WORKSPACE_HOST = re.compile(rf"adb-\d+\.\d+{_DATABRICKS_SUFFIX}")
_REGION_HOST = re.compile(rf"[a-z0-9]+{_DATABRICKS_SUFFIX}")
_STORAGE_SUFFIX = rf"({'|'.join(re.escape(cloud.storage_suffix) for cloud in CLOUDS)})"
_STORAGE_HOST = re.compile(rf"(?P<account>[a-z0-9]{{3,24}})\.(?P<service>[a-z]+)\.(?P<suffix>{_STORAGE_SUFFIX})")
_CONTAINER = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*")
_ARM_ID = re.compile(
    r"/subscriptions/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/resourceGroups/[^/\s]{1,90}"
    r"/providers/(?P<provider>[^/\s]+/[^/\s]+)/(?P<name>[^/\s]+)",
    re.IGNORECASE,
)


def _readable(pattern: str, suffixes: Iterable[str]) -> str:
    """A pattern for forms, with brackets in place of backslashes."""
    return f"(?i){pattern}({'|'.join(suffixes)})".replace(".", "[.]")


def _split(text: str, example: str) -> SplitResult:
    """Take a URL apart; refuse all but https, host and path, without repeating it: it could hold a token."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise refuse("this is not a URL", f"write it like {example}") from None
    if parts.scheme != "https" or not parts.hostname:
        raise refuse("the URL doesn't begin with https://", f"write it like {example}")
    if "@" in parts.netloc or port is not None:
        raise refuse("the URL names a user or a port", f"write only the host, like {example}")
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        raise refuse(
            "the URL has a query (?...) or a fragment (#...)", "leave them out; a token belongs into auth, by reference"
        )
    return parts


def _databricks_workspace(text: str) -> str:
    example = "https://adb-1234567890123456.7.azuredatabricks.net"
    parts = _split(text, example)
    host = (parts.hostname or "").lower()
    if parts.path.strip("/"):
        raise refuse("the workspace's URL has a path", "leave out everything after the host")
    if _WORKSPACE_HOST.fullmatch(host):
        return f"https://{host}"
    if _REGION_HOST.fullmatch(host):
        raise refuse(
            "this is the address of a region, not of one workspace", f"use the workspace's own URL, like {example}"
        )
    raise refuse(
        "the host is not an Azure Databricks workspace", f"take the URL from the Azure portal; it looks like {example}"
    )


def workspace_url_fault(text: str) -> tuple[str, str] | None:
    """Why this is no workspace's URL, and what to do; for one that stands elsewhere than in a field of its own."""
    try:
        _databricks_workspace(text)
    except PydanticCustomError as error:
        context = error.context or {}
        return context["message"], context["hint"]
    return None


def _storage_service(service: str) -> None:
    if service == "blob":
        raise refuse("this is the account's blob endpoint", "use its Data Lake endpoint: write dfs in place of blob")
    if service != "dfs":
        raise refuse("this is not the account's Data Lake endpoint", "use https://<account>.dfs.core.windows.net/...")


def _check_storage_path(path: str) -> None:
    segments = path.rstrip("/").split("/")[1:]
    if any(segment in ("", ".", "..") for segment in segments):
        raise refuse("the path has an empty part, or . or ..", "write container/folder with single slashes")
    if segments and not _CONTAINER.fullmatch(segments[0]):
        raise refuse(
            "the first part of the path is not a container's name",
            "containers have 3 to 63 lower-case letters, digits and single dashes",
        )


def _storage_url(text: str) -> str:
    example = "https://contosolake.dfs.core.windows.net/lake/sales"
    if text.startswith(("abfss://", "abfs://")):
        raise refuse("this is an abfss address; Fabric connections take https", f"write it like {example}")
    parts = _split(text, example)
    host = _STORAGE_HOST.fullmatch((parts.hostname or "").lower())
    if host is None:
        raise refuse("the host is not an Azure storage account", f"write it like {example}")
    _storage_service(host["service"])
    _check_storage_path(parts.path)
    return StorageUrl.parse(text).https_url


def _arm_id(text: str, *, resource_type: str) -> str:
    found = _ARM_ID.fullmatch(text.rstrip("/"))
    shape = f"/subscriptions/<guid>/resourceGroups/<group>/providers/{resource_type}/<name>"
    if found is None:
        raise refuse(
            "this is not the id of an Azure resource", f"it looks like {shape}; the portal shows it under JSON View"
        )
    if found["provider"].lower() != resource_type.lower():
        raise refuse(f"this is the id of a {found['provider']}, not of a {resource_type}", f"it looks like {shape}")
    return text.rstrip("/")


def azure_cloud(url: str) -> str:
    """Which Azure cloud a checked Databricks or storage URL is in."""
    return (cloud_of(urlsplit(url).netloc) or PUBLIC).name


def resource_name(resource_id: str) -> str:
    """The last part of a checked Azure resource id."""
    return resource_id.rsplit("/", 1)[1]


DatabricksWorkspaceUrl = Annotated[
    str,
    AfterValidator(_databricks_workspace),
    shape(_readable("^https://adb-[0-9]+.[0-9]+.", (cloud.databricks_suffix for cloud in CLOUDS)) + "/?$"),
]
"""``https://adb-<id>.<n>.azuredatabricks.net`` (or a sovereign cloud's), without a path; host in lower case."""
AdlsUrl = Annotated[
    str,
    AfterValidator(_storage_url),
    shape(_readable("^https://[a-z0-9]+.dfs.", (cloud.storage_suffix for cloud in CLOUDS)) + "(/.*)?$"),
]
"""``https://<account>.dfs.core.windows.net[/container[/folder]]`` (or a sovereign cloud's); no slash at the end."""
DatabricksWorkspaceId = Annotated[
    str,
    AfterValidator(partial(_arm_id, resource_type=DATABRICKS_WORKSPACES)),
    shape(f"(?i)^/subscriptions/.+/resourceGroups/.+/providers/{DATABRICKS_WORKSPACES}/[^/]+/?$"),
]
"""Azure resource id of a Databricks workspace."""
StorageAccountId = Annotated[
    str,
    AfterValidator(partial(_arm_id, resource_type=STORAGE_ACCOUNTS)),
    shape(f"(?i)^/subscriptions/.+/resourceGroups/.+/providers/{STORAGE_ACCOUNTS}/[^/]+/?$"),
]
"""Azure resource id of a storage account."""
