"""What a spec may hold, and each refusal with its path, its reason and its hint."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.unit.spec_samples import (
    ACCOUNT_ID,
    CLIENT,
    OBJECT,
    STORAGE_URL,
    TENANT,
    WORKSPACE_ID,
    WORKSPACE_URL,
    minimal,
    only_problem,
    problems,
    service_principal,
    with_databricks_auth,
    with_storage,
)
from unity_mirror.models.table_ref import TableRef
from unity_mirror.spec import (
    CatalogSpec,
    KeyVaultSecret,
    ServicePrincipalAuth,
    WorkspaceIdentityAuth,
    load_spec,
    matches,
    spec_json_schema,
)


def test_three_settings_are_enough_and_the_rest_has_defaults() -> None:
    spec = load_spec(minimal())
    assert spec.kind == "catalog"
    assert spec.item_name == "sales"
    assert spec.auto_sync
    assert spec.select.include == ("*",)
    assert spec.databricks.connection.auth is None
    assert (spec.storage, spec.lakehouse, spec.semantic_model) == (None, None, None)


def test_what_is_required_is_told_by_path() -> None:
    found = {problem.path: problem.message for problem in problems({})}
    assert found == dict.fromkeys(["catalog", "databricks", "fabric"], "this is required")


def test_storage_signs_in_as_the_workspace_by_default() -> None:
    storage = load_spec(with_storage()).storage
    assert storage is not None
    assert isinstance(storage.auth, WorkspaceIdentityAuth)
    assert (storage.location.account, storage.location.container, storage.location.folder) == (
        "contosolake",
        "lake",
        "sales",
    )


def test_a_spec_does_not_change() -> None:
    spec = load_spec(minimal())
    with pytest.raises(ValidationError):
        spec.__setattr__("catalog", "other")


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://ADB-1234567890123456.7.azuredatabricks.net/", WORKSPACE_URL),
        ("https://adb-12.0.databricks.azure.us", "https://adb-12.0.databricks.azure.us"),
        ("https://adb-12.3.databricks.azure.cn", "https://adb-12.3.databricks.azure.cn"),
    ],
)
def test_workspace_urls_are_brought_to_one_form(url: str, kept: str) -> None:
    assert load_spec(minimal(databricks={"workspace": url})).databricks.workspace == kept


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("adb-1234567890123456.7.azuredatabricks.net", "https://"),
        ("http://adb-1234567890123456.7.azuredatabricks.net", "https://"),
        (f"{WORKSPACE_URL}/browse", "has a path"),
        (f"{WORKSPACE_URL}/?o=1", "query"),
        (f"{WORKSPACE_URL}#setting", "fragment"),
        (f"{WORKSPACE_URL}:8443", "port"),
        ("https://me:pass@adb-1.7.azuredatabricks.net", "user"),
        ("https://westeurope.azuredatabricks.net", "region"),
        ("https://dbc-1234.cloud.databricks.com", "not an Azure Databricks workspace"),
        ("https://adb-1.7.azuredatabricks.net.evil.example", "not an Azure Databricks workspace"),
        ("https://[::1", "not a URL"),
    ],
)
def test_other_workspace_urls_are_refused(url: str, message: str) -> None:
    problem = only_problem(minimal(databricks={"workspace": url}))
    assert problem.path == "databricks.workspace"
    assert message in problem.message
    assert problem.hint


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        (f"{STORAGE_URL}/", STORAGE_URL),
        ("https://ContosoLake.DFS.core.windows.net", "https://contosolake.dfs.core.windows.net"),
        ("https://contosolake.dfs.core.windows.net/lake", "https://contosolake.dfs.core.windows.net/lake"),
        ("https://contosolake.dfs.core.windows.net/lake/a b", "https://contosolake.dfs.core.windows.net/lake/a%20b"),
    ],
)
def test_storage_urls_are_brought_to_one_form(url: str, kept: str) -> None:
    storage = load_spec(minimal(storage={"url": url})).storage
    assert storage is not None
    assert storage.url == kept


@pytest.mark.parametrize(
    ("url", "message", "hint"),
    [
        ("https://contosolake.blob.core.windows.net/lake", "blob endpoint", "dfs"),
        ("https://contosolake.file.core.windows.net/lake", "Data Lake endpoint", "dfs"),
        ("abfss://lake@contosolake.dfs.core.windows.net/sales", "abfss", "https://"),
        ("http://contosolake.dfs.core.windows.net/lake", "https://", "https://"),
        ("https://contosolake.dfs.core.windows.net/lake?sig=hunter2", "query", "token"),
        ("https://onelake.dfs.fabric.microsoft.com/ws/item", "not an Azure storage account", "contosolake"),
        ("https://contosolake.dfs.core.windows.net/Lake_1", "container", "lower-case"),
        ("https://contosolake.dfs.core.windows.net/lake//sales", "empty part", "single slashes"),
        ("https://contosolake.dfs.core.windows.net/lake/../other", "empty part", "single slashes"),
    ],
)
def test_other_storage_urls_are_refused(url: str, message: str, hint: str) -> None:
    problem = only_problem(minimal(storage={"url": url}))
    assert problem.path == "storage.url"
    assert message in problem.message
    assert hint in problem.hint
    assert "hunter2" not in str(problem)


def test_sovereign_clouds_are_allowed_but_not_mixed() -> None:
    chinese = minimal(
        databricks={"workspace": "https://adb-12.3.databricks.azure.cn"},
        storage={"url": "https://contosolake.dfs.core.chinacloudapi.cn/lake"},
    )
    assert not problems(chinese)
    mixed = only_problem(minimal(storage={"url": "https://contosolake.dfs.core.usgovcloudapi.net/lake"}))
    assert mixed.path == "storage.url"
    assert "different Azure clouds" in mixed.message


@pytest.mark.parametrize(
    ("resource_id", "message"),
    [
        ("contosolake", "not the id of an Azure resource"),
        (WORKSPACE_ID, "Microsoft.Databricks/workspaces"),
        (f"{ACCOUNT_ID}/blobServices/default", "not the id of an Azure resource"),
        (ACCOUNT_ID.replace("5b1f0000-", ""), "not the id of an Azure resource"),
    ],
)
def test_a_storage_account_is_given_by_its_own_id(resource_id: str, message: str) -> None:
    problem = only_problem(with_storage(resource_id=resource_id))
    assert problem.path == "storage.resource_id"
    assert message in problem.message


def test_a_databricks_workspace_is_given_by_its_own_id() -> None:
    assert not problems(minimal(databricks={"workspace": WORKSPACE_URL, "resource_id": WORKSPACE_ID}))
    problem = only_problem(minimal(databricks={"workspace": WORKSPACE_URL, "resource_id": ACCOUNT_ID}))
    assert problem.path == "databricks.resource_id"
    assert "Microsoft.Storage/storageAccounts" in problem.message


def test_the_url_and_the_resource_id_name_one_account() -> None:
    problem = only_problem(with_storage(resource_id=ACCOUNT_ID.replace("contosolake", "otherlake")))
    assert problem.path == "storage.url"
    assert "otherlake" in problem.message


def test_resource_ids_compare_without_case() -> None:
    assert not problems(with_storage(resource_id=ACCOUNT_ID.replace("resourceGroups", "resourcegroups").upper()))


def test_trusted_access_needs_the_account() -> None:
    assert not problems(with_storage(trusted_access=True, resource_id=ACCOUNT_ID))
    assert only_problem(with_storage(trusted_access=True)).path == "storage.resource_id"


@pytest.mark.parametrize(
    "guid",
    [
        "",
        "x",
        TENANT[:-1],
        f"{{{TENANT}}}",
        TENANT.replace("-", ""),
        "00000000-0000-0000-0000-000000000000",
        f"{TENANT}\n",
    ],
)
def test_only_guids_are_guids(guid: str) -> None:
    problem = only_problem(with_databricks_auth(service_principal(tenant_id=guid)))
    assert problem.path == "databricks.connection.auth.tenant_id"
    assert "GUID" in problem.message


def test_guids_are_kept_in_lower_case() -> None:
    auth = load_spec(with_databricks_auth(service_principal(client_id=CLIENT.upper()))).databricks.connection.auth
    assert isinstance(auth, ServicePrincipalAuth)
    assert auth.client_id == CLIENT


def test_an_object_id_is_not_a_client_id() -> None:
    assert not problems(with_databricks_auth(service_principal(object_id=OBJECT)))
    problem = only_problem(with_databricks_auth(service_principal(object_id=CLIENT)))
    assert problem.path == "databricks.connection.auth.object_id"
    assert "Enterprise applications" in problem.hint


@pytest.mark.parametrize("kind", ["workspace_identity", "sas", "organizational_account"])
def test_databricks_refuses_some_kinds_with_the_reason(kind: str) -> None:
    problem = only_problem(with_databricks_auth({"kind": kind}))
    assert problem.path == "databricks.connection.auth.kind"
    assert "existing" in problem.hint
    assert "kind" not in problem.message


@pytest.mark.parametrize("kind", ["personal_access_token", "account_key", "organizational_account"])
def test_storage_refuses_some_kinds_with_the_reason(kind: str) -> None:
    problem = only_problem(with_storage(auth={"kind": kind}))
    assert problem.path == "storage.auth.kind"
    assert "existing" in problem.hint


def test_an_unknown_kind_is_told_with_the_nearest() -> None:
    problem = only_problem(with_storage(auth={"kind": "workspaceidentity"}))
    assert (problem.path, problem.hint) == ("storage.auth", "did you mean workspace_identity?")
    assert "one of" in only_problem(with_storage(auth={"kind": "zzz"})).hint
    assert "one of" in only_problem(with_storage(auth={})).hint


@pytest.mark.parametrize(
    "auth",
    [
        {"kind": "existing"},
        {"kind": "existing", "principal": "etl@contoso.com", "object_id": OBJECT},
        {"kind": "personal_access_token", "secret": {"block": "sales-databricks"}},
        service_principal(secret={"key_vault": {"connection": "vault", "secret_name": "sales"}}),
    ],
)
def test_databricks_can_sign_in_so(auth: dict[str, Any]) -> None:
    connection = load_spec(with_databricks_auth(auth)).databricks.connection
    assert connection.auth is not None
    assert connection.auth.kind == auth["kind"]


def test_who_unity_catalog_sees() -> None:
    assert load_spec(with_databricks_auth(service_principal())).databricks.connection.principal == CLIENT
    existing = load_spec(with_databricks_auth({"kind": "existing", "principal": "etl@contoso.com"}))
    assert existing.databricks.connection.principal == "etl@contoso.com"
    assert load_spec(minimal()).databricks.connection.principal is None


def test_a_key_vault_secret_is_kept_as_a_reference() -> None:
    reference = {"key_vault": {"connection": "vault", "secret_name": "sales"}}
    auth = load_spec(with_databricks_auth(service_principal(secret=reference))).databricks.connection.auth
    assert isinstance(auth, ServicePrincipalAuth)
    assert isinstance(auth.secret, KeyVaultSecret)
    assert auth.secret.key_vault.secret_name == "sales"


LITERALS = [
    "hunter2-literal",
    12345678901,
    ["hunter2-literal"],
    {"value": "hunter2-literal"},
    True,
    None,
    "${hunter2-literal}",
]


@pytest.mark.parametrize("secret", LITERALS)
def test_a_literal_secret_is_refused_and_never_repeated(secret: Any) -> None:
    problem = only_problem(with_databricks_auth(service_principal(secret=secret)))
    assert problem.path == "databricks.connection.auth.secret"
    assert "{env: NAME}" in problem.hint
    assert "hunter2" not in str(problem)
    assert "12345678901" not in str(problem)


@pytest.mark.parametrize(
    "secret",
    [
        {"env": "hunter2-literal"},
        {"env": "dapi" + "0123456789abcdef" * 2},
        {"block": "Hunter2 Literal"},
        {"block": "dapi" + "0123456789abcdef" * 2},
        {"key_vault": {"connection": "vault", "secret_name": "hunter2_literal~"}},
        {"env": "A", "block": "hunter2-literal"},
        {"env": "A", "value": "hunter2-literal"},
        {"key_vault": "hunter2-literal"},
        {"env": {"value": "hunter2-literal"}},
        {},
    ],
)
def test_a_secret_in_the_place_of_its_name_is_not_repeated(secret: Any) -> None:
    found = problems(with_databricks_auth(service_principal(secret=secret)))
    assert found
    text = "\n".join(map(str, found)).lower()
    assert "hunter2" not in text
    assert "0123456789abcdef" not in text
    assert all(problem.path.startswith("databricks.connection.auth.secret") for problem in found)


@given(st.text(min_size=6).filter(lambda text: text.strip() and not text.isalpha()))
def test_no_message_repeats_a_literal_secret(secret: str) -> None:
    message = str(only_problem(with_databricks_auth(service_principal(secret=secret))))
    own_words = str(only_problem(with_databricks_auth(service_principal(secret="hunter2-literal"))))
    assert message == own_words


def test_a_variable_as_secret_is_told_how_to_write_it() -> None:
    problem = only_problem(with_databricks_auth(service_principal(secret="${MY_SECRET}")), environ={"MY_SECRET": "x"})
    assert problem.hint == "write {env: MY_SECRET}"


def test_pydantics_own_error_hides_what_was_given() -> None:
    with pytest.raises(ValidationError) as refused:
        CatalogSpec.model_validate(with_databricks_auth(service_principal(secret="hunter2-literal")))
    assert "hunter2" not in str(refused.value)


def test_a_connection_is_named_once() -> None:
    both = {"workspace": WORKSPACE_URL, "connection": {"name": "a", "id": OBJECT}}
    assert only_problem(minimal(databricks=both)).path == "databricks.connection.id"


@pytest.mark.parametrize("name", ["", " a", "a ", "a\nb", "x" * 257, "a/b", 'a"b', "a|b", "a\\b"])
def test_items_have_possible_names(name: str) -> None:
    assert only_problem(minimal(fabric={"workspace": "W", "item_name": name})).path == "fabric.item_name"
    assert only_problem(minimal(semantic_model={"name": name})).path == "semantic_model.name"


@pytest.mark.parametrize("name", ["", "1lake", "my lake", "sales-lake", "x" * 124, "läke"])
def test_lakehouses_have_stricter_names(name: str) -> None:
    assert only_problem(minimal(lakehouse={"name": name})).path == "lakehouse.name"


@pytest.mark.parametrize("name", ["", "a.b", "a b", "a/b", "x" * 256])
def test_catalogs_have_possible_names(name: str) -> None:
    assert only_problem(minimal(catalog=name)).path == "catalog"


def test_a_catalog_whose_name_no_item_can_have_needs_another() -> None:
    assert only_problem(minimal(catalog="a:b")).path == "fabric.item_name"
    assert load_spec(minimal(catalog="a:b", fabric={"workspace": "W", "item_name": "ab"})).item_name == "ab"


def test_workspaces_and_connections_have_possible_names() -> None:
    assert only_problem(minimal(fabric={"workspace": " W"})).path == "fabric.workspace"
    long = {"workspace": WORKSPACE_URL, "connection": {"name": "x" * 201}}
    assert only_problem(minimal(databricks=long)).path == "databricks.connection.name"


@pytest.mark.parametrize("pattern", ["", "orders", "tmp_*", "sales.orders.fact", ".x", "x.", "a b.c", "a/b.c"])
@pytest.mark.parametrize("key", ["include", "exclude"])
def test_patterns_are_over_schema_and_table(pattern: str, key: str) -> None:
    problem = only_problem(minimal(select={key: ["*", pattern]}))
    assert problem.path == f"select.{key}[1]"
    assert problem.hint


def test_a_selection_of_nothing_is_refused() -> None:
    assert only_problem(minimal(select={"include": []})).path == "select.include"
    assert only_problem(minimal(lakehouse={"name": "l", "tables": []})).path == "lakehouse.tables"


@pytest.mark.parametrize(
    ("pattern", "table", "expected"),
    [
        ("*", "orders.fact_sales", True),
        ("orders.*", "orders.fact_sales", True),
        ("ORDERS.Fact_*", "orders.fact_sales", True),
        ("orders.fact_sale?", "orders.fact_sales", True),
        ("orders.fact_sales?", "orders.fact_sales", False),
        ("*.fact_sales", "orders.fact_sales", True),
        ("order.*", "orders.fact_sales", False),
        ("orders.[f]act_sales", "orders.fact_sales", False),
        ("orders.[f]*", "orders.[F]act", True),
        ("orders.a+b", "orders.a+b", True),
        ("orders.a+b", "orders.aab", False),
    ],
)
def test_patterns_match(pattern: str, table: str, expected: bool) -> None:
    assert matches(pattern, TableRef.parse(table)) is expected


def test_exclude_wins_over_include() -> None:
    select = load_spec(minimal(select={"include": ["orders.*"], "exclude": ["orders.tmp_*"]})).select
    assert select.selects(TableRef("orders", "fact_sales"))
    assert not select.selects(TableRef("orders", "tmp_1"))
    assert not select.selects(TableRef("finance", "ledger"))


@pytest.mark.parametrize(
    ("spec", "path", "hint"),
    [
        (minimal(databrick={}), "databrick", "did you mean databricks?"),
        (minimal(autoSync=True), "autoSync", "did you mean auto_sync?"),
        (minimal(lakehouse={"name": "l", "table": []}), "lakehouse.table", "did you mean tables?"),
        (
            with_storage(auth={"kind": "sas", "secret": {"env": "A"}, "sekret": 1}),
            "storage.auth.sekret",
            "did you mean secret?",
        ),
        (with_storage(auth={"kind": "workspace_identity", "secret": 1}), "storage.auth.secret", "possible here: kind"),
        (
            minimal(semantic_model={"name": "M", "relationships": "from_unity"}),
            "semantic_model.relationships",
            "from_unity_catalog",
        ),
        (minimal(prerequisites={"fix": ["external_use_schemas"]}), "prerequisites.fix[0]", "external_use_schema?"),
        (minimal(kind="catalogue"), "kind", "catalog"),
        (minimal(fabric={"workspace": 7}), "fabric.workspace", "quotes"),
        (minimal(fabric={"workspace": None}), "fabric.workspace", "leave the key out"),
        (minimal(fabric="W"), "fabric", "possible keys: item_name, workspace"),
        (minimal(select={"include": "orders.*"}), "select.include", "brackets"),
        (minimal(auto_sync="perhaps"), "auto_sync", "true or false"),
        (minimal(fabric=None), "fabric", "possible keys: item_name, workspace"),
        (minimal(sql_endpoint={"rows": 5000}), "sql_endpoint.rows", "at most 1000"),
        (minimal(freshness={"max_lag_minutes": -1}), "freshness.max_lag_minutes", "at least 0"),
        (minimal(freshness={"max_lag_minutes": "soon"}), "freshness.max_lag_minutes", "in digits"),
        (with_databricks_auth({"principal": "x"}), "databricks.connection.auth", "personal_access_token, existing"),
    ],
)
def test_other_faults_are_told_with_path_and_hint(spec: dict[str, Any], path: str, hint: str) -> None:
    problem = only_problem(spec)
    assert problem.path == path
    assert hint in problem.hint


def _fields(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, part in {"CatalogSpec": schema, **schema["$defs"]}.items():
        yield from ((f"{name}.{key}", field) for key, field in part["properties"].items())


def test_every_field_is_explained() -> None:
    """Prefect's forms and editors show them."""
    for name, field in _fields(spec_json_schema()):
        missing = {"title", "description", "examples"} - set(field)
        assert not missing, f"{name} lacks {missing}"


def test_the_schema_requires_only_three_keys() -> None:
    schema = spec_json_schema()
    assert schema["required"] == ["catalog", "databricks", "fabric"]
    assert schema["additionalProperties"] is False
    assert all(part.get("additionalProperties") is False for part in schema["$defs"].values())


def test_the_lakehouse_and_the_item_have_names_of_their_own_in_a_workspace() -> None:
    """Each has a SQL database of its name at the workspace's server."""
    problem = only_problem(minimal(lakehouse={"name": "Sales"}))
    assert (problem.path, "same name in the same workspace" in problem.message) == ("lakehouse.name", True)
    load_spec(minimal(lakehouse={"name": "Sales", "workspace": "Lab"}))
    load_spec(minimal(lakehouse={"name": "Sales"}, fabric={"workspace": "Sales Analytics", "item_name": "mirror"}))
