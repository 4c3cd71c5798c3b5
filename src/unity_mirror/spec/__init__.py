"""The spec: what a user declares about one catalog. Reading one sends no request.

``load_spec`` reads and checks, ``spec_json_schema`` describes; all refusals are a SpecError that lists every problem.
"""

from unity_mirror.spec.access import AccessSpec
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
    FreshnessSpec,
    LakehouseSpec,
    PrerequisitesSpec,
    SelectSpec,
)
from unity_mirror.spec.connections import ConnectionRef, DatabricksConnection, DatabricksSpec, StorageSpec
from unity_mirror.spec.documents import Document, parse_document, read_document
from unity_mirror.spec.fleet import DiscoverSpec, FleetSpec, Member, document_json_schema, members
from unity_mirror.spec.loading import check_spec, documents_of, load_any, load_spec
from unity_mirror.spec.patterns import matches, matches_any
from unity_mirror.spec.places import placed
from unity_mirror.spec.schema import spec_json_schema
from unity_mirror.spec.secrets import BlockSecret, EnvSecret, KeyVaultReference, KeyVaultSecret, SecretRef
from unity_mirror.spec.semantic_model import (
    EnginesSpec,
    RelationshipSpec,
    SemanticModelSpec,
    SqlEndpointSpec,
    column_of,
)
from unity_mirror.spec.sharing import ConnectionShare
from unity_mirror.spec.urls import workspace_url_fault

__all__ = [
    "AccessSpec",
    "BlockSecret",
    "CatalogSpec",
    "ConnectionRef",
    "ConnectionShare",
    "DatabricksAuth",
    "DatabricksConnection",
    "DatabricksSpec",
    "DiscoverSpec",
    "Document",
    "EnginesSpec",
    "EnvSecret",
    "ExistingAuth",
    "FabricSpec",
    "FleetSpec",
    "FreshnessSpec",
    "KeyVaultReference",
    "KeyVaultSecret",
    "LakehouseSpec",
    "Member",
    "PersonalAccessTokenAuth",
    "PrerequisitesSpec",
    "RelationshipSpec",
    "SasAuth",
    "SecretRef",
    "SelectSpec",
    "SemanticModelSpec",
    "ServicePrincipalAuth",
    "SqlEndpointSpec",
    "StorageAuth",
    "StorageSpec",
    "WorkspaceIdentityAuth",
    "check_spec",
    "column_of",
    "document_json_schema",
    "documents_of",
    "load_any",
    "load_spec",
    "matches",
    "matches_any",
    "members",
    "parse_document",
    "placed",
    "read_document",
    "spec_json_schema",
    "workspace_url_fault",
]
