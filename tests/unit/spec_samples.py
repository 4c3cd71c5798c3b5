"""A small valid spec and ways to bend it, for the tests of the spec."""

from collections.abc import Mapping
from typing import Any

from unity_mirror.errors import SpecError, SpecProblem
from unity_mirror.spec import load_spec

TENANT = "72f988bf-0000-4000-8000-00000000c0de"
CLIENT = "11110000-0000-4000-8000-00000000a001"
OBJECT = "22220000-0000-4000-8000-00000000b001"
GROUP = "/subscriptions/5b1f0000-0000-4000-8000-000000000001/resourceGroups/contoso-data"
ACCOUNT_ID = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/contosolake"
WORKSPACE_ID = f"{GROUP}/providers/Microsoft.Databricks/workspaces/contoso-sales"
WORKSPACE_URL = "https://adb-1234567890123456.7.azuredatabricks.net"
STORAGE_URL = "https://contosolake.dfs.core.windows.net/lake/sales"


def minimal(**changes: Any) -> dict[str, Any]:
    """The three required settings, with top-level keys added or replaced."""
    required = {
        "catalog": "sales",
        "databricks": {"workspace": WORKSPACE_URL},
        "fabric": {"workspace": "Sales Analytics"},
    }
    return {**required, **changes}


def service_principal(**changes: Any) -> dict[str, Any]:
    """A complete sign-in by service principal."""
    auth = {"kind": "service_principal", "tenant_id": TENANT, "client_id": CLIENT, "secret": {"env": "A_SECRET"}}
    return {**auth, **changes}


def with_databricks_auth(auth: Any) -> dict[str, Any]:
    """A spec whose Databricks connection signs in so."""
    return minimal(databricks={"workspace": WORKSPACE_URL, "connection": {"auth": auth}})


def with_storage(**storage: Any) -> dict[str, Any]:
    """A spec with storage behind a firewall."""
    return minimal(storage={"url": STORAGE_URL, **storage})


def problems(spec: Mapping[str, Any] | str, **options: Any) -> tuple[SpecProblem, ...]:
    """What is wrong with a spec; empty when nothing is."""
    try:
        load_spec(spec, **options)
    except SpecError as error:
        return error.problems
    return ()


def only_problem(spec: Mapping[str, Any] | str, **options: Any) -> SpecProblem:
    """The one thing that is wrong with a spec."""
    found = problems(spec, **options)
    assert len(found) == 1, found
    return found[0]
