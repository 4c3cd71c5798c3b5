"""Which api-versions each resource type knows. A request must name one of them.

[C] Compared with the modules by version of azure-mgmt-storage 21.2, azure-mgmt-authorization 4.0 and
azure-mgmt-resource 23.1, as far as those go; older ones, whose answers are of another shape, are left out.
"""

from __future__ import annotations

import re

from cloud_emulator.arm.errors import refuse
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.http import Request

_FORM = re.compile(r"\d{4}-\d{2}-\d{2}(-(preview|alpha|beta))?")
_STORAGE = (
    "2019-06-01", "2020-08-01-preview", "2021-01-01", "2021-02-01", "2021-04-01", "2021-06-01", "2021-08-01",
    "2021-09-01", "2022-05-01", "2022-09-01", "2023-01-01", "2023-04-01", "2023-05-01", "2024-01-01", "2025-01-01",
    "2025-06-01", "2025-08-01", "2026-09-01",
)  # fmt: skip
_GROUPS = (
    "2019-10-01", "2020-06-01", "2020-10-01", "2021-01-01", "2021-04-01", "2022-09-01", "2024-03-01", "2025-04-01",
)  # fmt: skip
_SUPPORTED = {
    "RoleAssignments": ("Microsoft.Authorization/roleAssignments", ("2015-07-01", "2020-10-01-preview", "2022-04-01")),
    "RoleDefinitions": (
        "Microsoft.Authorization/roleDefinitions",
        ("2015-07-01", "2018-01-01-preview", "2022-04-01", "2022-05-01-preview"),
    ),
    "Permissions": (
        "Microsoft.Authorization/permissions",
        ("2015-07-01", "2018-01-01-preview", "2022-04-01", "2022-05-01-preview"),
    ),
    "StorageAccounts": ("Microsoft.Storage/storageAccounts", _STORAGE),
    "BlobContainers": ("Microsoft.Storage/storageAccounts/blobServices/containers", _STORAGE),
    "DatabricksWorkspaces": (
        "Microsoft.Databricks/workspaces",
        ("2018-04-01", "2021-04-01-preview", "2022-04-01-preview", "2023-02-01", "2024-05-01", "2026-01-01"),
    ),
    "ResourceGroups": ("Microsoft.Resources/resourceGroups", _GROUPS),
    "Subscriptions": (
        "Microsoft.Resources/subscriptions",
        ("2016-06-01", "2019-11-01", "2020-01-01", "2021-01-01", "2022-12-01"),
    ),
}
IPV6_RULES_SINCE = "2025-06-01"
"""The first storage api-version that shows and takes IPv6 rules (inferred)."""
RESOURCE_ACCESS_RULES_SINCE = "2020-08-01-preview"
"""The first storage api-version that shows and takes resource instance rules [C]."""
PUBLIC_ACCESS_SINCE = "2021-06-01"
"""The first storage api-version that shows and takes publicNetworkAccess [C]."""


def check_api_version(cloud: Cloud, request: Request, operation: str) -> None:
    """Refuses a missing or unknown ``api-version``. Operations are named ``<kind>_<verb>``."""
    given = request.query.get("api-version", "")
    if not given:
        if not cloud.rules.on("arm.api_version.required"):
            return
        raise refuse(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    resource_type, supported = _SUPPORTED[operation.partition("_")[0]]
    if not cloud.rules.on("arm.api_version.known"):
        return
    if not _FORM.fullmatch(given) or resource_type.startswith("Microsoft.Resources/"):
        if given not in supported:
            raise refuse(
                400,
                "InvalidApiVersionParameter",
                f"The api-version '{given}' is invalid. The supported versions are '{','.join(supported)}'.",
            )
    elif given not in supported:
        namespace, _, kind = resource_type.partition("/")
        raise refuse(
            400,
            "NoRegisteredProviderFound",
            f"No registered resource provider found for API version '{given}' for type '{kind}' of '{namespace}'. "
            f"The supported api-versions are '{', '.join(supported)}'.",
        )


def operations_with_versions() -> dict[str, tuple[str, ...]]:
    """The api-versions by kind of operation, for the documentation."""
    return {kind: versions for kind, (_, versions) in _SUPPORTED.items()}
