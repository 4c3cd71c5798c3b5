"""The spec: what a user declares about one catalog. Reading one sends no request.

``load_spec`` reads and checks, ``spec_json_schema`` describes; all refusals are a SpecError that lists every problem.
"""

from unity_mirror.spec.auth import (
    DatabricksAuth,
    ExistingAuth,
    PersonalAccessTokenAuth,
    SasAuth,
    ServicePrincipalAuth,
    StorageAuth,
    WorkspaceIdentityAuth,
)
from unity_mirror.spec.catalog import (
    CatalogSpec,
    FabricSpec,
    LakehouseSpec,
    PrerequisitesSpec,
    SelectSpec,
    SemanticModelSpec,
)
from unity_mirror.spec.connections import ConnectionRef, DatabricksConnection, DatabricksSpec, StorageSpec
from unity_mirror.spec.loading import load_spec
from unity_mirror.spec.patterns import matches, matches_any
from unity_mirror.spec.schema import spec_json_schema
from unity_mirror.spec.secrets import BlockSecret, EnvSecret, KeyVaultReference, KeyVaultSecret, SecretRef

__all__ = [
    "BlockSecret",
    "CatalogSpec",
    "ConnectionRef",
    "DatabricksAuth",
    "DatabricksConnection",
    "DatabricksSpec",
    "EnvSecret",
    "ExistingAuth",
    "FabricSpec",
    "KeyVaultReference",
    "KeyVaultSecret",
    "LakehouseSpec",
    "PersonalAccessTokenAuth",
    "PrerequisitesSpec",
    "SasAuth",
    "SecretRef",
    "SelectSpec",
    "SemanticModelSpec",
    "ServicePrincipalAuth",
    "StorageAuth",
    "StorageSpec",
    "WorkspaceIdentityAuth",
    "load_spec",
    "matches",
    "matches_any",
    "spec_json_schema",
]
