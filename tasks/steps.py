"""The task of each step."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tasks.access_roles import keep_access_roles
from tasks.connections import create_connections
from tasks.identity import provision_identity
from tasks.lakehouse_shortcuts import create_lakehouse_shortcuts
from tasks.mirror import mirror_catalog
from tasks.options import StepTask
from tasks.prerequisites import validate_prerequisites
from tasks.semantic_model import build_semantic_model
from tasks.sql_endpoint import prepare_sql_endpoint
from tasks.storage_access import assign_storage_access
from tasks.trusted_access import enable_trusted_access
from tasks.verification import verify_catalog
from unity_mirror.plan.model import StepName

STEP_TASKS: Mapping[StepName, StepTask] = MappingProxyType(
    {
        StepName.PREREQUISITES: validate_prerequisites,
        StepName.IDENTITY: provision_identity,
        StepName.STORAGE_ACCESS: assign_storage_access,
        StepName.TRUSTED_ACCESS: enable_trusted_access,
        StepName.CONNECTIONS: create_connections,
        StepName.MIRROR: mirror_catalog,
        StepName.LAKEHOUSE_SHORTCUTS: create_lakehouse_shortcuts,
        StepName.ACCESS_ROLES: keep_access_roles,
        StepName.SQL_ENDPOINT: prepare_sql_endpoint,
        StepName.SEMANTIC_MODEL: build_semantic_model,
        StepName.VERIFICATION: verify_catalog,
    }
)
