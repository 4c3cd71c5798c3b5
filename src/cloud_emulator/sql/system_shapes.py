"""Views of the catalog that are there and empty, as a read-only endpoint has no such objects; and those not served."""

from __future__ import annotations

_OBJECT = "name object_id:i principal_id:i schema_id:i parent_object_id:i type type_desc is_ms_shipped:b"
_CONSTRAINT = "CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME"
_TABLE = "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME"

EMPTY: dict[tuple[str, str], str] = {
    ("INFORMATION_SCHEMA", "VIEWS"): f"{_TABLE} VIEW_DEFINITION",
    ("INFORMATION_SCHEMA", "TABLE_CONSTRAINTS"): f"{_CONSTRAINT} {_TABLE} CONSTRAINT_TYPE IS_DEFERRABLE",
    ("INFORMATION_SCHEMA", "KEY_COLUMN_USAGE"): f"{_CONSTRAINT} {_TABLE} COLUMN_NAME ORDINAL_POSITION:i",
    ("INFORMATION_SCHEMA", "CONSTRAINT_COLUMN_USAGE"): f"{_TABLE} COLUMN_NAME {_CONSTRAINT}",
    ("INFORMATION_SCHEMA", "REFERENTIAL_CONSTRAINTS"): (
        f"{_CONSTRAINT} UNIQUE_CONSTRAINT_CATALOG UNIQUE_CONSTRAINT_SCHEMA UNIQUE_CONSTRAINT_NAME MATCH_OPTION "
        "UPDATE_RULE DELETE_RULE"
    ),
    ("INFORMATION_SCHEMA", "ROUTINES"): "ROUTINE_CATALOG ROUTINE_SCHEMA ROUTINE_NAME ROUTINE_TYPE DATA_TYPE",
    ("INFORMATION_SCHEMA", "PARAMETERS"): "SPECIFIC_CATALOG SPECIFIC_SCHEMA SPECIFIC_NAME PARAMETER_NAME DATA_TYPE",
    ("sys", "views"): _OBJECT,
    ("sys", "all_views"): _OBJECT,
    ("sys", "procedures"): _OBJECT,
    ("sys", "synonyms"): f"{_OBJECT} base_object_name",
    ("sys", "external_tables"): _OBJECT,
    ("sys", "foreign_keys"): f"{_OBJECT} referenced_object_id:i key_index_id:i is_disabled:b",
    ("sys", "foreign_key_columns"): (
        "constraint_object_id:i constraint_column_id:i parent_object_id:i parent_column_id:i referenced_object_id:i "
        "referenced_column_id:i"
    ),
    ("sys", "key_constraints"): f"{_OBJECT} unique_index_id:i",
    ("sys", "default_constraints"): f"{_OBJECT} parent_column_id:i definition",
    ("sys", "check_constraints"): f"{_OBJECT} parent_column_id:i definition",
    ("sys", "indexes"): "object_id:i name index_id:i type:i type_desc is_unique:b is_primary_key:b",
    ("sys", "index_columns"): "object_id:i index_id:i index_column_id:i column_id:i key_ordinal:i is_descending_key:b",
    ("sys", "computed_columns"): "object_id:i name column_id:i definition is_persisted:b",
    ("sys", "identity_columns"): "object_id:i name column_id:i seed_value:i increment_value:i",
    ("sys", "extended_properties"): "class:i class_desc major_id:i minor_id:i name value",
    ("sys", "sql_modules"): "object_id:i definition",
    ("sys", "parameters"): "object_id:i name parameter_id:i system_type_id:i user_type_id:i max_length:i",
}
"""Columns by view; ``:i`` and ``:b`` mark numbers and bits."""

NOT_SERVED = frozenset(
    {
        "configurations", "database_files", "database_permissions", "database_principals", "database_role_members",
        "external_data_sources", "external_file_formats", "filegroups", "master_files", "partition_functions",
        "partition_schemes", "partitions", "securable_classes", "server_principals", "sql_logins", "stats",
        "stats_columns", "sysobjects", "system_objects", "triggers",
    }
)  # fmt: skip
"""Views of ``sys`` that the real endpoint has and the emulator hasn't, beside the dynamic ones (``dm_…``)."""
