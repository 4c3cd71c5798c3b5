"""Which privileges exist, on which securables, and who may grant them."""

from __future__ import annotations

from cloud_emulator.unity_catalog.access import UcDenial
from cloud_emulator.unity_catalog.rights import Rights
from cloud_emulator.unity_catalog.session import Session
from cloud_emulator.unity_catalog.state import (
    CATALOG,
    EXTERNAL_LOCATION,
    METASTORE,
    SCHEMA,
    STORAGE_CREDENTIAL,
    TABLE,
    Securable,
)

_ANY = frozenset({"ALL_PRIVILEGES", "MANAGE"})
_ON_TABLE = _ANY | {"SELECT", "MODIFY", "APPLY_TAG", "REFRESH"}
_ON_SCHEMA = _ON_TABLE | {
    "USE_SCHEMA", "BROWSE", "EXECUTE", "READ_VOLUME", "WRITE_VOLUME", "EXTERNAL_USE_SCHEMA", "CREATE_TABLE",
    "CREATE_FUNCTION", "CREATE_VOLUME", "CREATE_MODEL", "CREATE_MATERIALIZED_VIEW",
}  # fmt: skip

APPLICABLE: dict[str, frozenset[str]] = {
    METASTORE: frozenset(
        {
            "CREATE_CATALOG", "CREATE_EXTERNAL_LOCATION", "CREATE_STORAGE_CREDENTIAL", "CREATE_CONNECTION",
            "CREATE_SHARE", "CREATE_RECIPIENT", "CREATE_PROVIDER", "USE_SHARE", "USE_RECIPIENT", "USE_PROVIDER",
            "SET_SHARE_PERMISSION", "MANAGE_ALLOWLIST",
        }
    ),
    CATALOG: _ON_SCHEMA | {"USE_CATALOG", "CREATE_SCHEMA"},
    SCHEMA: _ON_SCHEMA,
    TABLE: _ON_TABLE,
    EXTERNAL_LOCATION: _ANY
    | {
        "READ_FILES", "WRITE_FILES", "BROWSE", "EXTERNAL_USE_LOCATION", "CREATE_EXTERNAL_TABLE",
        "CREATE_EXTERNAL_VOLUME", "CREATE_MANAGED_STORAGE",
    },
    STORAGE_CREDENTIAL: _ANY | {"READ_FILES", "WRITE_FILES", "CREATE_EXTERNAL_TABLE", "CREATE_EXTERNAL_LOCATION"},
}  # fmt: skip
"""Privileges by the securable that they can be granted on."""


def may_grant(session: Session, privilege: str, securable: Securable) -> UcDenial | None:
    """Why a principal may not grant or revoke a privilege, if so.

    EXTERNAL USE SCHEMA is the catalog owner's alone to give, EXTERNAL USE LOCATION the location owner's: neither a
    metastore admin nor MANAGE suffices. Grants on the metastore are the metastore admin's.
    """
    rights, rules = session.rights, session.cloud.rules
    if privilege == "EXTERNAL_USE_SCHEMA" and rules.on("unity_catalog.grants.external_use"):
        return _owner_only(rights, privilege, securable.lineage()[-1])
    if privilege == "EXTERNAL_USE_LOCATION":
        return _owner_only(rights, privilege, securable)
    manages = rights.is_metastore_admin or (securable.kind != METASTORE and rights.manages(securable))
    if manages or not rules.on("unity_catalog.grants.manage"):
        return None
    kind = securable.kind.replace("_", " ").title()
    return UcDenial("PERMISSION_DENIED", f"User does not have MANAGE on {kind} '{securable.full_name}'.")


def _owner_only(rights: Rights, privilege: str, owned: Securable) -> UcDenial | None:
    if rights.owns(owned):
        return None
    kind = owned.kind.replace("_", " ").lower()
    return UcDenial(
        "PERMISSION_DENIED",
        f"Only the owner of the {kind} '{owned.full_name}' may grant {privilege.replace('_', ' ')}.",
    )
