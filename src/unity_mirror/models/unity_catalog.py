"""What Unity Catalog holds. Field names are the API's own (snake_case); see the Databricks REST reference."""

from functools import lru_cache
from typing import Any

from pydantic import Field, SecretStr, model_validator
from pydantic.dataclasses import dataclass

from unity_mirror.models.base import PICTURE, CloudModel, CloudRecord
from unity_mirror.models.table_ref import TableRef


@lru_cache(maxsize=256)
def normalise_privilege(privilege: str) -> str:
    """Return the form privileges and securable types are compared in: upper case, no blanks, no underscores."""
    return privilege.upper().replace(" ", "").replace("_", "")


def same_privilege(left: str, right: str) -> bool:
    """Tell whether two spellings name one privilege: Databricks writes underscores, the open-source server blanks."""
    return normalise_privilege(left) == normalise_privilege(right)


class MetastoreSummary(CloudModel):
    """A metastore as its workspace sees it. ``external_access_enabled`` is None where the server doesn't tell."""

    metastore_id: str
    name: str = ""
    owner: str = ""
    cloud: str = ""
    region: str = ""
    storage_root: str | None = None
    external_access_enabled: bool | None = None
    global_metastore_id: str | None = None
    privilege_model_version: str | None = None
    delta_sharing_scope: str | None = None


class Catalog(CloudModel):
    """A catalog. ``catalog_type`` is e.g. MANAGED_CATALOG, FOREIGN_CATALOG, DELTASHARING_CATALOG."""

    name: str
    full_name: str = ""
    owner: str | None = None
    catalog_type: str | None = None
    isolation_mode: str | None = None
    browse_only: bool = False
    storage_root: str | None = None
    storage_location: str | None = None
    metastore_id: str | None = None
    connection_name: str | None = None
    provider_name: str | None = None
    share_name: str | None = None
    comment: str | None = None
    properties: dict[str, str] = Field(default_factory=dict)


class Schema(CloudModel):
    """A schema of a catalog."""

    name: str
    catalog_name: str
    full_name: str = ""
    schema_id: str | None = None
    owner: str | None = None
    browse_only: bool = False
    storage_root: str | None = None
    storage_location: str | None = None
    comment: str | None = None
    properties: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _name_in_full(cls, data: Any) -> Any:
        if isinstance(data, dict) and not data.get("full_name"):
            return {**data, "full_name": f"{data.get('catalog_name')}.{data.get('name')}"}
        return data


class ColumnMask(CloudModel):
    """The function that masks a column."""

    function_name: str = ""
    using_column_names: tuple[str, ...] = ()


class RowFilter(CloudModel):
    """The function that filters a table's rows."""

    function_name: str = ""
    input_column_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, config=PICTURE)
class Column(CloudRecord):
    """A column. ``type_json`` is a whole Spark StructField as JSON; ``type_name`` e.g. LONG, DECIMAL, STRUCT."""

    name: str
    position: int = 0
    type_text: str = ""
    type_json: str | None = None
    type_name: str = ""
    type_precision: int | None = None
    type_scale: int | None = None
    nullable: bool = True
    partition_index: int | None = None
    comment: str | None = None
    mask: ColumnMask | None = None


class PrimaryKey(CloudModel):
    """An informational primary key; ``rely`` says that the optimiser may trust it."""

    name: str = ""
    child_columns: tuple[str, ...] = ()
    rely: bool = False


class ForeignKey(CloudModel):
    """An informational foreign key. ``parent_table`` is a full name (catalog.schema.table)."""

    name: str = ""
    child_columns: tuple[str, ...] = ()
    parent_table: str = ""
    parent_columns: tuple[str, ...] = ()
    rely: bool = False


class TableConstraint(CloudModel):
    """One entry of ``table_constraints``: exactly one of its kinds is set."""

    primary_key_constraint: PrimaryKey | None = None
    foreign_key_constraint: ForeignKey | None = None
    named_table_constraint: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, config=PICTURE)
class SecurableKindManifest(CloudRecord):
    """What Unity Catalog says about a securable's kind and what may be done with it."""

    securable_kind: str | None = None
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, config=PICTURE)
class Table(CloudRecord):
    """A table, view or other relation. Lists leave ``table_constraints`` out; a single read has them."""

    name: str
    catalog_name: str
    schema_name: str
    full_name: str = ""
    table_id: str | None = None
    table_type: str = ""
    data_source_format: str | None = None
    storage_location: str | None = None
    storage_credential_name: str | None = None
    columns: tuple[Column, ...] = ()
    row_filter: RowFilter | None = None
    pipeline_id: str | None = None
    table_constraints: tuple[TableConstraint, ...] = ()
    view_definition: str | None = None
    properties: dict[str, str] = Field(default_factory=dict)
    securable_kind_manifest: SecurableKindManifest | None = None
    owner: str | None = None
    comment: str | None = None
    browse_only: bool = False

    @model_validator(mode="before")
    @classmethod
    def _name_in_full(cls, data: Any) -> Any:
        if isinstance(data, dict) and not data.get("full_name"):
            parts = (data.get("catalog_name"), data.get("schema_name"), data.get("name"))
            return {**data, "full_name": ".".join(str(part) for part in parts)}
        return data

    @property
    def ref(self) -> TableRef:
        """Return ``schema.table`` of this table."""
        return TableRef(self.schema_name, self.name)

    @property
    def primary_key(self) -> PrimaryKey | None:
        """Return the primary key, if one is declared and was read."""
        return next((c.primary_key_constraint for c in self.table_constraints if c.primary_key_constraint), None)

    @property
    def foreign_keys(self) -> tuple[ForeignKey, ...]:
        """Return the declared foreign keys that were read."""
        return tuple(c.foreign_key_constraint for c in self.table_constraints if c.foreign_key_constraint)

    @property
    def masked_columns(self) -> tuple[str, ...]:
        """Return the names of the columns that carry a mask."""
        return tuple(column.name for column in self.columns if column.mask)


class PrivilegeAssignment(CloudModel):
    """Privileges granted directly on a securable. Principals: e-mail, group name, or application id."""

    principal: str
    privileges: tuple[str, ...] = ()

    def has(self, privilege: str) -> bool:
        """Tell whether the privilege, in any spelling, is among them."""
        return any(same_privilege(privilege, held) for held in self.privileges)


class Policy(CloudModel):
    """An attribute-based access policy. ``on_securable_fullname`` is where it is defined; it holds for all below."""

    name: str = ""
    policy_type: str = ""
    on_securable_type: str = ""
    on_securable_fullname: str = ""


class EffectivePrivilege(CloudModel):
    """A privilege in force, and the securable it comes from when it isn't granted directly."""

    privilege: str
    inherited_from_type: str | None = None
    inherited_from_name: str | None = None


class TemporaryTableCredentials(CloudModel):
    """Short-lived credentials vended for a table; the token never shows in a repr."""

    url: str | None = None
    sas_token: SecretStr | None = None
    expiration_time: int | None = None

    @model_validator(mode="before")
    @classmethod
    def _lift_sas(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("azure_user_delegation_sas"), dict):
            return {**data, "sas_token": data["azure_user_delegation_sas"].get("sas_token")}
        return data


class TagAssignment(CloudModel):
    """A tag put on a securable; the value may be empty."""

    tag_key: str
    tag_value: str = ""
