"""Who may see and do what in a metastore: privileges, ownership, inheritance. Rules only; nothing of HTTP.

Facts from Databricks' documentation of Unity Catalog privileges:

- A privilege granted on a catalog or schema holds for all that is in it; one granted on the metastore is not inherited.
- Ownership is not inherited: owning a schema doesn't let one read its tables, but lets one grant on them.
- ALL PRIVILEGES includes neither EXTERNAL USE SCHEMA nor EXTERNAL USE LOCATION nor MANAGE.
- A metastore admin sees everything and grants nearly everything, but reads no data by that.
- BROWSE, granted on a catalog or schema, shows metadata without USE CATALOG or USE SCHEMA.
"""

from __future__ import annotations

from enum import StrEnum

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.rules import Rules
from cloud_emulator.core.store import Document
from cloud_emulator.unity_catalog import identities, state
from cloud_emulator.unity_catalog.state import CATALOG, SCHEMA, TABLE, Securable

NEVER_IMPLIED = frozenset({"EXTERNAL_USE_SCHEMA", "EXTERNAL_USE_LOCATION", "MANAGE"})
"""What ALL PRIVILEGES leaves out."""


_PASSES = {
    CATALOG: ("USE_CATALOG", "unity_catalog.privileges.use_catalog"),
    SCHEMA: ("USE_SCHEMA", "unity_catalog.privileges.use_schema"),
}
"""The privilege that leads into a securable, and the rule that asks for it."""


class Sight(StrEnum):
    """How much of a securable someone sees."""

    NOTHING = "nothing"
    BROWSE = "browse"
    FULL = "full"


class Rights:
    """What one principal may do in one metastore, evaluated for one request."""

    def __init__(self, cloud: Cloud, metastore_id: str, principal: str) -> None:
        self._cloud = cloud
        self.metastore_id = metastore_id
        self.principal = principal
        self.names = identities.names_of(cloud, principal)
        found = state.metastore(cloud, metastore_id)
        self.is_metastore_admin = found is not None and found["owner"] in self.names

    def holds(self, privilege: str, securable: Securable) -> bool:
        """Whether a privilege was granted on the securable or above it, to the principal or a group of its."""
        alone = privilege in NEVER_IMPLIED and self._on("unity_catalog.privileges.all_leaves_out")
        wanted = {privilege} if alone else {privilege, "ALL_PRIVILEGES"}
        inherited = self._on("unity_catalog.privileges.inherited")
        return any(self._granted(wanted, each) for each in (securable.lineage() if inherited else (securable,)))

    def owns(self, securable: Securable) -> bool:
        """Whether the principal, or a group of its, owns this very securable."""
        inherited = not self._on("unity_catalog.owners.not_inherited")
        found = [
            state.find(self._cloud, self.metastore_id, each)
            for each in (securable.lineage() if inherited else (securable,))
        ]
        reads_all = self.is_metastore_admin and not self._on("unity_catalog.owners.admin_reads_nothing")
        return reads_all or any(each is not None and each["body"]["owner"] in self.names for each in found)

    def manages(self, securable: Securable) -> bool:
        """Whether the principal may grant on it: metastore admin, owner of it or of what it lies in, or MANAGE."""
        if self.is_metastore_admin or self.holds("MANAGE", securable):
            return True
        return any(self.owns(each) for each in securable.lineage())

    def uses(self, securable: Securable) -> bool:
        """Whether the principal may pass through a catalog, or a catalog and its schema."""
        return self.missing_use(securable) is None

    def missing_use(self, securable: Securable) -> tuple[str, Securable] | None:
        """The first of USE CATALOG and USE SCHEMA that is missing on the way to what lies in ``securable``."""
        for each in reversed(securable.lineage()):
            if each.kind not in _PASSES:
                continue
            privilege, rule = _PASSES[each.kind]
            if not self.owns(each) and not self.holds(privilege, each) and self._on(rule):
                return privilege, each
        return None

    def sight(self, securable: Securable) -> Sight:
        """How much of a catalog, schema or table the principal sees."""
        if self.is_metastore_admin or self._sees_fully(securable):
            return Sight.FULL
        carrier = securable.lineage()[1] if securable.kind == TABLE else securable
        return Sight.BROWSE if self.holds("BROWSE", carrier) else Sight.NOTHING

    def _sees_fully(self, securable: Securable) -> bool:
        if securable.kind == CATALOG:
            return self.uses(securable) or self.holds("MANAGE", securable)
        parent, catalog = securable.lineage()[1], securable.lineage()[-1]
        if self.owns(catalog):
            return True
        if securable.kind == SCHEMA:
            return self.uses(parent) and self._reaches("USE_SCHEMA", securable)
        if self.owns(parent) and self.uses(catalog):
            return True
        return self.uses(parent) and self._reaches("SELECT", securable)

    def _reaches(self, privilege: str, securable: Securable) -> bool:
        return self.owns(securable) or self.holds(privilege, securable) or self.holds("MANAGE", securable)

    def _on(self, rule: str) -> bool:
        return self._cloud.rules.on(rule)

    def _granted(self, wanted: set[str], securable: Securable) -> bool:
        grants = state.grants_on(self._cloud, self.metastore_id, securable)
        return any(not wanted.isdisjoint(grants[name]) for name in grants if name in self.names)


_BROWSED = frozenset(
    {
        "name", "full_name", "catalog_name", "schema_name", "metastore_id", "catalog_type", "table_type", "table_id",
        "schema_id", "data_source_format", "columns", "comment", "owner", "isolation_mode", "securable_type",
        "securable_kind", "created_at", "created_by", "updated_at", "updated_by",
    }
)  # fmt: skip


def seen(rules: Rules, document: Document, sight: Sight) -> Document:
    """The part of a securable's answer that a sight shows; browsing hides where and how it is stored."""
    shown: Document = document["body"]
    if sight is Sight.BROWSE and rules.on("unity_catalog.privileges.browse"):
        return {**{name: value for name, value in shown.items() if name in _BROWSED}, "browse_only": True}
    return shown
