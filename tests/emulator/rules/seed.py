"""The cloud in which rules are broken: one of everything that a rule speaks of."""

from __future__ import annotations

import json
from typing import Any

from tests.emulator import support

TENANT = "72f988bf-0000-4000-8000-00000000c0de"
SUBSCRIPTION_ID = "5b1f0000-0000-4000-8000-000000000001"


def _app(number: int) -> tuple[str, str]:
    return f"22220000-0000-4000-8000-0000000000{number:02}", f"11110000-0000-4000-8000-0000000000{number:02}"


RUNNER, RUNNER_APP = _app(1)
MEMBER, MEMBER_APP = _app(2)
EDITOR, EDITOR_APP = _app(3)
VIEWER, VIEWER_APP = _app(4)
OUTSIDER, OUTSIDER_APP = _app(5)
CONNECTOR, CONNECTOR_APP = _app(6)
OWNER, OWNER_APP = _app(7)
ADMIN, ADMIN_APP = _app(8)
IDENTITY, IDENTITY_APP = _app(9)
AUDITOR, AUDITOR_APP = _app(10)
ALICE, BOB = "33330000-0000-4000-8000-000000000001", "33330000-0000-4000-8000-000000000002"
TEAM = "33330000-0000-4000-8000-000000000010"
NOBODY = "99990000-0000-4000-8000-000000000099"

CAPACITY, TRIAL, PAUSED, FAR, CLOSED, OWN_TRIAL = (f"44440000-0000-4000-8000-00000000000{n}" for n in range(1, 7))
SPACE, BARE, PERSONAL, STALLED, TRIED = (f"55550000-0000-4000-8000-00000000000{n}" for n in range(1, 6))
CONNECTIONS = [f"66660000-0000-4000-8000-00000000000{n}" for n in range(1, 7)]
DATABRICKS, STORAGE, PRIVATE, VAULT, OTHER_VAULT, SPENT = CONNECTIONS
GATEWAY = "77770000-0000-4000-8000-000000000001"
METASTORE = "88880000-0000-4000-8000-000000000001"

HOST = "adb-1234567890123456.7.azuredatabricks.net"
LISTED_HOST = "adb-2234567890123456.16.azuredatabricks.net"
BARE_HOST = "adb-3234567890123456.1.azuredatabricks.net"
CLOSED_HOST = "adb-4234567890123456.2.azuredatabricks.net"
REMOTE_HOST = "adb-5234567890123456.3.azuredatabricks.net"
TOKEN, OTHER_TOKEN, SPENT_TOKEN = (f"dapi{digit * 32}" for digit in "123")
LAKE, OPEN, FLAT = "lakeone", "openlake", "flatone"
GROUP = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/contoso-data"
NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet"
ADDRESS = "203.0.113.10"
INSTANCE = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/Fabric/providers/Microsoft.Fabric/workspaces/"
)
DELTA = "sales/orders/headers"
"""The one of the tables that has a Delta log."""
TABLES = ("sales/orders/lines", DELTA, "sales/customers/people")

HARDER = {**support.HARDER, "page_size": 1, "sync_interval_seconds": 900}
"""Where reality has two outcomes, the harder one."""


def account_id(name: str) -> str:
    """The resource id of a storage account."""
    return f"{GROUP}/providers/Microsoft.Storage/storageAccounts/{name}"


def document() -> dict[str, Any]:
    """The seed."""
    return {
        "tenant": {"id": TENANT, "domain": "contoso.example", "principals": _principals(), "machine_identity":
                   {"object_id": RUNNER, "header": "known"}},
        "behaviour": HARDER,
        "azure": _azure(),
        "unity_catalog": _unity_catalog(),
        "storage": {"accounts": [_account(LAKE), _account(OPEN), {"name": FLAT, "containers": [{"name": "lake"}]}]},
        "fabric": _fabric(),
    }  # fmt: skip


def _principals() -> list[dict[str, Any]]:
    names = {
        "runner": RUNNER, "member": MEMBER, "editor": EDITOR, "viewer": VIEWER, "outsider": OUTSIDER,
        "connector": CONNECTOR, "owner": OWNER, "admin": ADMIN, "auditor": AUDITOR,
    }  # fmt: skip
    apps = [
        {
            "type": "ServicePrincipal", "object_id": object_id, "app_id": object_id.replace("2222", "1111", 1),
            "display_name": name, "secret": f"{name}-secret",
        }
        for name, object_id in names.items()
    ]  # fmt: skip
    people = [
        {"type": "User", "object_id": who, "display_name": name, "user_principal_name": f"{name}@contoso.example"}
        for who, name in ((ALICE, "alice"), (BOB, "bob"))
    ]
    return [*apps, *people, {"type": "Group", "object_id": TEAM, "display_name": "team", "members": [BOB, AUDITOR]}]


def _azure() -> dict[str, Any]:
    place = {"subscription_id": SUBSCRIPTION_ID, "resource_group": "contoso-data"}
    rule = {"tenant_id": TENANT, "resource_id": INSTANCE + SPACE}
    closed = {"default_action": "Deny", "resource_access_rules": [rule]}
    subscription = f"/subscriptions/{SUBSCRIPTION_ID}"
    roles = [
        (subscription, RUNNER, "Owner"),
        (subscription, VIEWER, "Reader"),
        (account_id(OPEN), RUNNER, "Storage Blob Data Owner"),
        (account_id(FLAT), RUNNER, "Storage Blob Data Owner"),
        (account_id(LAKE), RUNNER, "Storage Blob Data Owner"),
        (account_id(OPEN), MEMBER, "Storage Blob Data Reader"),
    ]
    return {
        "subscriptions": [{"subscription_id": SUBSCRIPTION_ID, "display_name": "contoso"}],
        "resource_groups": [{"subscription_id": SUBSCRIPTION_ID, "name": "contoso-data"}],
        "storage_accounts": [
            {**place, "name": LAKE, "network_rules": closed},
            {**place, "name": OPEN},
            {**place, "name": FLAT, "is_hns_enabled": False},
        ],
        "databricks_workspaces": [
            {**place, "name": "closed", "host": CLOSED_HOST, "workspace_id": 4234567890123456,
             "public_network_access": "Disabled",
             "private_endpoints": [{"name": "ui-api", "virtual_network": NETWORK}]},
            {**place, "name": "remote", "host": REMOTE_HOST, "workspace_id": 5234567890123456,
             "public_network_access": "Disabled",
             "private_endpoints": [{"name": "afar", "virtual_network": f"{NETWORK}-afar"}]},
        ],
        "role_assignments": [
            *({"scope": scope, "principal_id": who, "role": role} for scope, who, role in roles),
        ],
    }  # fmt: skip


def _account(name: str) -> dict[str, Any]:
    folder = {"path": "sales", "acl": "user::rwx,group::r-x,other::---"}
    tables = (*TABLES, "hr/staff/people")
    logs = [
        {"path": f"{table}/_delta_log/{0:020}.json", "text": _log() if table == DELTA else "{}"} for table in tables
    ]
    return {"name": name, "containers": [{"name": "lake", "paths": [folder, *logs]}, {"name": "other"}]}


def _log() -> str:
    """The first commit of a Delta table without rows; one of its columns is an array."""
    array = {"type": "array", "elementType": "string", "containsNull": True}
    columns: tuple[tuple[str, Any], ...] = (("id", "long"), ("name", "string"), ("tags", array))
    fields = [{"name": name, "type": kind, "nullable": True, "metadata": {}} for name, kind in columns]
    schema = json.dumps({"type": "struct", "fields": fields})
    metadata = {
        "id": "1c000000-0000-4000-8000-000000000001", "format": {"provider": "parquet", "options": {}},
        "schemaString": schema, "partitionColumns": [], "configuration": {}, "createdTime": 1_790_000_000_000,
    }  # fmt: skip
    actions = ({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}, {"metaData": metadata})
    return "\n".join(map(json.dumps, actions))


def _table(path: str, account: str = LAKE, **fields: Any) -> dict[str, Any]:
    location = f"abfss://lake@{account}.dfs.core.windows.net/{path}"
    columns = [{"name": "id", "type": "bigint"}, {"name": "name", "type": "string"}]
    name = path.rpartition("/")[2]
    return {"name": name, "table_type": "MANAGED", "storage_location": location, "columns": columns, **fields}


def _orders() -> list[dict[str, Any]]:
    masked = [{"name": "id", "type": "bigint", "mask": {"function_name": "f", "using_column_names": []}}]
    key = {"primary_key_constraint": {"name": "pk", "child_columns": ["id"], "rely": True}}
    return [
        _table("sales/orders/lines", table_constraints=[key]),
        _table("sales/orders/headers"),
        _table("sales/orders/external", OPEN, table_type="EXTERNAL"),
        _table("sales/orders/filtered", row_filter={"function_name": "f", "input_column_names": ["id"]}),
        _table("sales/orders/masked", columns=masked),
        _table("sales/orders/policied"),
        _table("sales/orders/csv", data_source_format="CSV", table_type="EXTERNAL"),
        _table("sales/orders/streamed", table_type="STREAMING_TABLE"),
    ]


def _catalogs() -> list[dict[str, Any]]:
    use = ("USE_CATALOG", "USE_SCHEMA", "SELECT", "EXTERNAL_USE_SCHEMA")
    sales = {
        "name": "sales", "owner": OWNER_APP, "grants": {CONNECTOR_APP: use[:1]},
        "schemas": [
            {"name": "orders", "tables": _orders(), "grants": {CONNECTOR_APP: use[1:]}},
            {"name": "customers", "tables": [_table("sales/customers/people")], "grants": {CONNECTOR_APP: use[1:]}},
            {"name": "empty", "grants": {CONNECTOR_APP: use[1:]}},
            {"name": "secret", "tables": [_table("sales/secret/hidden")]},
        ],
    }  # fmt: skip
    people = {"name": "staff", "tables": [_table("hr/staff/people", OPEN)]}
    return [
        sales,
        {"name": "hr", "owner": OWNER_APP, "grants": {CONNECTOR_APP: use}, "schemas": [people]},
        {"name": "lent", "owner": OWNER_APP, "catalog_type": "FOREIGN_CATALOG", "grants": {CONNECTOR_APP: use}},
        {"name": "bound", "owner": OWNER_APP, "isolation_mode": "ISOLATED", "bound_hosts": [LISTED_HOST],
         "grants": {CONNECTOR_APP: use}},
        {"name": "private", "owner": OWNER_APP},
    ]  # fmt: skip


def _unity_catalog() -> dict[str, Any]:
    apps = {"connector": CONNECTOR, "owner": OWNER, "admin": ADMIN, "auditor": AUDITOR, "viewer": VIEWER}
    return {
        "users": [{"user_name": "alice@contoso.example", "external_id": ALICE}],
        "service_principals": [
            {"application_id": who.replace("2222", "1111", 1), "display_name": name, "external_id": who}
            for name, who in apps.items()
        ],
        "groups": [{"name": "admins", "members": [ADMIN_APP]}, {"name": "auditors", "members": [AUDITOR_APP]}],
        "metastores": [
            {
                "metastore_id": METASTORE, "name": "main", "owner": "admins", "external_access_enabled": True,
                "catalogs": _catalogs(),
                "external_locations": [
                    {"name": "open", "url": f"abfss://lake@{OPEN}.dfs.core.windows.net/", "owner": OWNER_APP,
                     "credential_name": "key"}
                ],
                "storage_credentials": [{"name": "key", "owner": OWNER_APP, "access_connector_id": "/connector"}],
                "policies": [
                    {"name": "rows", "on_securable_type": "TABLE", "on_securable_fullname": "sales.orders.policied",
                     "policy_type": "POLICY_TYPE_ROW_FILTER", "to_principals": ["account users"],
                     "function_name": "sales.orders.filter"}
                ],
            }
        ],
        "workspaces": [
            _workspace(HOST, admins=["admins"], tokens=_tokens(TOKEN, CONNECTOR_APP, SPENT_TOKEN, VIEWER_APP)),
            _workspace(
                LISTED_HOST, ip_access_lists_enabled=True,
                ip_access_lists=[{"label": "office", "list_type": "ALLOW", "ip_addresses": ["198.51.100.0/24"]}],
                tokens=_tokens(OTHER_TOKEN, CONNECTOR_APP),
            ),
            _workspace(BARE_HOST, metastore_id=None),
            _workspace(CLOSED_HOST),
            _workspace(REMOTE_HOST),
        ],
    }  # fmt: skip


def _tokens(*pairs: str) -> list[dict[str, str]]:
    return [{"token": token, "principal": who} for token, who in zip(pairs[::2], pairs[1::2], strict=True)]


def _workspace(host: str, **fields: Any) -> dict[str, Any]:
    members = [CONNECTOR_APP, OWNER_APP, "auditors", "alice@contoso.example"]
    number = int(host.split("-")[1].split(".")[0])
    return {"host": host, "workspace_id": number, "metastore_id": METASTORE, "members": members, **fields}


def _fabric() -> dict[str, Any]:
    principal = {"type": "ServicePrincipal", "client_id": CONNECTOR_APP, "secret": "connector-secret"}
    url = {"url": f"https://{HOST}"}
    folder = {"server": f"https://{LAKE}.dfs.core.windows.net", "path": "lake/sales"}
    vault = {"accountName": "contoso-secrets"}
    return {
        "capacities": [
            {"id": CAPACITY, "display_name": "main", "sku": "F64", "contributors": [RUNNER]},
            {"id": TRIAL, "display_name": "trial", "sku": "FT1", "admins": [ALICE], "contributors": [RUNNER]},
            {"id": PAUSED, "display_name": "paused", "sku": "F2", "state": "Inactive", "contributors": [RUNNER]},
            {"id": FAR, "display_name": "far", "sku": "F2", "region": "Japan East", "contributors": [RUNNER]},
            {"id": CLOSED, "display_name": "closed", "sku": "F2", "admins": [ALICE]},
            {"id": OWN_TRIAL, "display_name": "own trial", "sku": "FT1", "admins": [RUNNER]},
        ],
        "workspaces": [
            {"id": SPACE, "display_name": "Sales", "capacity_id": CAPACITY,
             "identity": {"object_id": IDENTITY, "app_id": IDENTITY_APP},
             "roles": _roles(RUNNER, "Admin", MEMBER, "Member", EDITOR, "Contributor", VIEWER, "Viewer",
                             ALICE, "Viewer", TEAM, "Viewer", IDENTITY, "Contributor")},
            {"id": BARE, "display_name": "Bare", "roles": _roles(RUNNER, "Admin")},
            {"id": PERSONAL, "display_name": "My workspace", "type": "Personal", "capacity_id": CAPACITY,
             "roles": _roles(ALICE, "Admin")},
            {"id": STALLED, "display_name": "Stalled", "capacity_id": PAUSED, "roles": _roles(RUNNER, "Admin")},
            {"id": TRIED, "display_name": "Tried", "capacity_id": CAPACITY, "roles": _roles(RUNNER, "Admin")},
        ],
        "key_vaults": [{"name": "contoso-secrets", "secrets": {"connector": "connector-secret"}, "readers": [OWNER]}],
        "storage_secrets": [{"account": OPEN, "keys": ["good-key"]}],
        "gateways": [
            {"id": GATEWAY, "display_name": "vnet", "capacity_id": CAPACITY, "subscription_id": SUBSCRIPTION_ID,
             "resource_group": "contoso-data", "virtual_network": "vnet", "subnet": "gateways", "users": [RUNNER]}
        ],
        "connections": [
            _connection(DATABRICKS, "databricks", "AzureDatabricksWorkspace", url, principal, RUNNER),
            _connection(STORAGE, "lake", "AzureDataLakeStorage", folder, {"type": "WorkspaceIdentity"}, RUNNER),
            _connection(PRIVATE, "private", "AzureDatabricksWorkspace", url, principal, ALICE),
            _connection(VAULT, "vault", "AzureKeyVault", vault,
                        {"type": "ServicePrincipal", "client_id": OWNER_APP, "secret": "owner-secret"}, RUNNER),
            _connection(OTHER_VAULT, "other vault", "AzureKeyVault", vault, principal, RUNNER),
            _connection(SPENT, "spent", "AzureDatabricksWorkspace", url,
                        {"type": "Key", "secret": SPENT_TOKEN}, RUNNER),
        ],
    }  # fmt: skip


def _roles(*pairs: str) -> list[dict[str, str]]:
    return [{"principal": who, "role": role} for who, role in zip(pairs[::2], pairs[1::2], strict=True)]


def _connection(
    connection_id: str, name: str, kind: str, parameters: dict[str, str], credential: dict[str, str], owner: str
) -> dict[str, Any]:
    return {
        "id": connection_id, "display_name": name, "type": kind, "parameters": parameters, "credential": credential,
        "roles": _roles(owner, "Owner"),
    }  # fmt: skip
