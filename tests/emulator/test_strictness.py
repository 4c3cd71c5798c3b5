"""What a request may not be, whoever asks and whatever it is for: the sample cloud, attacked."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from cloud_emulator.core.app import Emulator
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.seeds.contoso.azure import GROUP, HR_ACCOUNT, SUBSCRIPTION, account_id
from cloud_emulator.seeds.contoso.fabric import SALES_WORKSPACE
from cloud_emulator.seeds.contoso.identities import HR_READER, PLATFORM, RUNNER, TENANT
from cloud_emulator.services import mounts
from tests.emulator.support import AUDIENCES, token

UC = "/api/2.1/unity-catalog"
ACCOUNT = account_id(HR_ACCOUNT)
DFS, BLOB = (f"/storage/{HR_ACCOUNT}.{protocol}.core.windows.net" for protocol in ("dfs", "blob"))
OWNER_ROLE = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
READER_ROLE = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
ROLE_DEFINITIONS = "/providers/Microsoft.Authorization/roleDefinitions"
REFRESHES = f"/v1.0/myorg/groups/{SALES_WORKSPACE}/datasets/{{model}}/refreshes"


@dataclass
class World:
    cloud: Cloud
    http: httpx.AsyncClient

    async def ask(self, service: str, method: str, path: str, **more: Any) -> httpx.Response:
        """As the data platform's automation, which may do everything."""
        headers = {"Authorization": token(self.cloud, PLATFORM.object_id, AUDIENCES[service])}
        if service == "storage":
            headers |= {"x-ms-version": "2023-11-03", "accept": "application/json"}
        return await self.http.request(method, path, headers=headers | more.pop("headers", {}), **more)

    async def verdict(self, service: str, method: str, path: str, **more: Any) -> tuple[int, str]:
        """Status and error code."""
        answer = await self.ask(service, method, path, **more)
        return answer.status_code, code_of(answer)


def code_of(answer: httpx.Response) -> str:
    if answer.status_code < 400:
        return ""
    if "x-ms-error-code" in answer.headers:
        return answer.headers["x-ms-error-code"]
    body = answer.json()
    error = body.get("error")
    return str(body.get("errorCode") or body.get("error_code") or (error["code"] if isinstance(error, dict) else error))


def assign(role: str, **changes: Any) -> dict[str, Any]:
    """The body of a role assignment to the HR reader."""
    return {
        "properties": {
            "roleDefinitionId": f"{ROLE_DEFINITIONS}/{role}", "principalId": HR_READER.object_id,
            "principalType": "ServicePrincipal", **changes,
        }
    }  # fmt: skip


def assignment(name: object) -> str:
    return f"{ACCOUNT}/providers/Microsoft.Authorization/roleAssignments/{name}?api-version=2022-04-01"


@pytest_asyncio.fixture
async def world(sample: Cloud) -> AsyncIterator[World]:
    """The platform's automation owns the HR account's data as well, with a file in it."""
    sample.reset()
    transport = httpx.ASGITransport(app=Emulator(sample, mounts()))
    async with httpx.AsyncClient(transport=transport, base_url="https://cloud.test") as http:
        found = World(sample, http)
        owner = assign(OWNER_ROLE, principalId=PLATFORM.object_id)
        assert (await found.ask("arm", "PUT", assignment(uuid.uuid4()), json=owner)).status_code == 201
        for path in ("probe?resource=filesystem", "probe/a/b/file?resource=file", "probe/z?resource=directory"):
            assert (await found.ask("storage", "PUT", f"{DFS}/{path}")).status_code == 201
        yield found


LISTS = {
    "fabric": "/v1/workspaces",
    "unity_catalog": f"{UC}/catalogs",
    "arm": f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Storage/storageAccounts?api-version=2023-05-01",
    "storage": f"{DFS}/probe?resource=filesystem&recursive=true",
}
INVALID = {
    "fabric": (400, "InvalidParameter"),
    "unity_catalog": (400, "INVALID_PARAMETER_VALUE"),
    "arm": (400, "InvalidQueryParameter"),
    "storage": (400, "UnsupportedQueryParameter"),
}
TOKENS = {
    "fabric": "continuationToken", "unity_catalog": "page_token", "arm": "$skiptoken", "storage": "continuation",
}  # fmt: skip


def with_query(path: str, more: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}{more}"


@pytest.mark.parametrize("service", LISTS)
async def test_a_query_parameter_given_twice_is_refused(world: World, service: str) -> None:
    assert (await world.ask(service, "GET", LISTS[service])).status_code == 200
    name = {"unity_catalog": "max_results", "storage": "maxResults"}.get(service, TOKENS[service])
    twice = with_query(LISTS[service], f"{name}=1&{name}=2")
    assert await world.verdict(service, "GET", twice) == INVALID[service]


@pytest.mark.parametrize("service", ["fabric", "unity_catalog", "arm"])
async def test_a_slash_at_the_end_makes_another_path(world: World, service: str) -> None:
    path, _, query = LISTS[service].partition("?")
    assert (await world.ask(service, "GET", f"{path}/?{query}")).status_code == 501


OTHER_LISTS = {
    "fabric": f"/v1/workspaces/{SALES_WORKSPACE}/items",
    "unity_catalog": f"{UC}/schemas?catalog_name=sales",
    "arm": f"/subscriptions/{SUBSCRIPTION}/resourceGroups?api-version=2021-04-01",
    "storage": f"{DFS}/probe?resource=filesystem&recursive=true&directory=a",
}


async def continuation(world: World, service: str, path: str) -> str:
    answer = await world.ask(service, "GET", path)
    if service == "storage":
        return answer.headers["x-ms-continuation"]
    body = answer.json()
    if service == "arm":
        return httpx.URL(body["nextLink"]).params["$skiptoken"]
    return str(body["continuationToken" if service == "fabric" else "next_page_token"])


@pytest.mark.parametrize("service", LISTS)
async def test_a_continuation_is_good_only_for_the_list_that_gave_it(world: World, service: str) -> None:
    await world.http.put("/_emulator/settings", json={"page_size": 1})
    held = await continuation(world, service, LISTS[service])
    encoded = f"{TOKENS[service]}={httpx.QueryParams({'t': held})!s}".replace("=t=", "=")
    assert (await world.ask(service, "GET", with_query(LISTS[service], encoded))).status_code == 200
    for wrong in (with_query(OTHER_LISTS[service], encoded), with_query(LISTS[service], f"{TOKENS[service]}=cGFnZTox")):
        assert (await world.ask(service, "GET", wrong)).status_code == 400


async def test_a_recursive_change_continues_only_where_it_began(world: World) -> None:
    acl = {"x-ms-acl": f"user:{HR_READER.object_id}:r-x"}
    change = f"{DFS}/probe/{{}}?action=setAccessControlRecursive&mode=modify&maxRecords=1"
    begun = await world.ask("storage", "PATCH", change.format("a"), headers=acl)
    more = f"&continuation={begun.headers['x-ms-continuation']}"
    elsewhere = await world.verdict("storage", "PATCH", change.format("z") + more, headers=acl)
    assert elsewhere == (400, "InvalidQueryParameterValue")
    assert (await world.ask("storage", "PATCH", change.format("a") + more, headers=acl)).status_code == 200


BODIES = {
    "fabric": ("POST", "/v1/workspaces", b'{"displayName": "x", "displayName": "y"}', (400, "InvalidInput")),
    "powerbi": ("POST", REFRESHES, b'{"type": "Full", "type": "Full"}', (400, "BadRequest")),
    "unity_catalog": (
        "POST", f"{UC}/schemas", b'{"name": "x", "name": "y", "catalog_name": "sales"}', (400, "MALFORMED_REQUEST"),
    ),
    "arm": (
        "PATCH", f"{ACCOUNT}?api-version=2023-05-01", b'{"tags": {"a": "1", "a": "2"}}', (400, "InvalidRequestContent"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("service", BODIES)
async def test_a_field_given_twice_is_refused(world: World, service: str) -> None:
    method, path, content, expected = BODIES[service]
    models = (await world.ask("fabric", "GET", f"/v1/workspaces/{SALES_WORKSPACE}/semanticModels")).json()["value"]
    path = path.replace("{model}", models[0]["id"])
    headers = {"content-type": "application/json"}
    assert await world.verdict(service, method, path, content=content, headers=headers) == expected


async def test_a_body_that_is_nested_too_deeply_is_refused(world: World) -> None:
    content = b'{"displayName": ' + b"[" * 1000 + b"]" * 1000 + b"}"
    headers = {"content-type": "application/json"}
    assert await world.verdict("fabric", "POST", "/v1/workspaces", content=content, headers=headers) == (
        400, "InvalidInput",
    )  # fmt: skip


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/json; charset=utf-16"])
async def test_fabric_and_azure_read_nothing_but_json(world: World, content_type: str) -> None:
    headers = {"content-type": content_type} if content_type else {}
    made = await world.verdict("fabric", "POST", "/v1/workspaces", content=b'{"displayName": "x"}', headers=headers)
    assert made == (415, "InvalidInput")
    path = f"{ACCOUNT}?api-version=2023-05-01"
    patched = await world.verdict("arm", "PATCH", path, content=b'{"tags": {}}', headers=headers)
    assert patched == ((415, "UnsupportedMediaType") if "utf-16" not in content_type else (200, ""))


@pytest.mark.parametrize("name", [" ", " pad", "pad ", "", "two\nlines"])
async def test_names_of_connections_have_no_blanks_around_them(world: World, name: str) -> None:
    body = {
        "connectivityType": "ShareableCloud", "displayName": name, "privacyLevel": "Organizational",
        "connectionDetails": {
            "type": "AzureDatabricksWorkspace", "creationMethod": "AzureDatabricksWorkspace.Actions",
            "parameters": [
                {"dataType": "Text", "name": "url", "value": "https://adb-1234567890123456.7.azuredatabricks.net"}
            ],
        },
        "credentialDetails": {
            "singleSignOnType": "None", "connectionEncryption": "NotEncrypted", "skipTestConnection": False,
            "credentials": {"credentialType": "Key", "key": "dapi"},
        },
    }  # fmt: skip
    assert await world.verdict("fabric", "POST", "/v1/connections", json=body) == (400, "InvalidInput")


async def test_shortcuts_have_no_dots_in_their_paths(world: World) -> None:
    items = (await world.ask("fabric", "GET", f"/v1/workspaces/{SALES_WORKSPACE}/items?type=Lakehouse")).json()["value"]
    shortcuts = f"/v1/workspaces/{SALES_WORKSPACE}/items/{items[0]['id']}/shortcuts"
    target = {"oneLake": {"workspaceId": SALES_WORKSPACE, "itemId": items[0]["id"], "path": "Files"}}
    body = {"path": "Files/../Tables", "name": "x", "target": target}
    assert await world.verdict("fabric", "POST", shortcuts, json=body) == (400, "InvalidInput")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/permissions/schema/sales.orders", {"changes": [], "omit_permissions_in_response": "yes"}),
        ("PATCH", "/catalogs/sales", {}),
        ("PATCH", "/catalogs/sales", {"comment": None}),
        ("PATCH", "/metastores/{metastore}", {}),
        ("PATCH", "/metastores/{metastore}", {"external_access_enabled": "true"}),
        ("PATCH", "/metastores/{metastore}", {"external_access_enabled": 1}),
        ("PATCH", "/metastores/{metastore}", {"new_name": ""}),
        ("DELETE", "/schemas/sales.orders?force=1", None),
        ("GET", "/catalogs?max_results=%D9%A3", None),
    ],
)
async def test_unity_catalog_takes_no_value_for_another(world: World, method: str, path: str, body: Any) -> None:
    summary = (await world.ask("unity_catalog", "GET", f"{UC}/metastore_summary")).json()
    before = (await world.http.get("/_emulator/state")).content
    place = UC + path.replace("{metastore}", summary["metastore_id"])
    more = {} if body is None else {"json": body}
    assert await world.verdict("unity_catalog", method, place, **more) == (400, "INVALID_PARAMETER_VALUE")
    assert (await world.http.get("/_emulator/state")).content == before


async def test_an_access_token_is_a_bearer_token(world: World) -> None:
    body = {"table_id": "x", "operation": "READ"}
    answer = await world.http.post(
        "/api/2.0/unity-catalog/temporary-table-credentials", json=body, headers={"Authorization": "Basic dapi0"}
    )
    assert (answer.status_code, answer.json()["message"]) == (
        401,
        "Credentials are missing or not valid here (missing).",
    )


async def test_a_path_with_dots_gets_no_credentials(world: World) -> None:
    body = {
        "url": "abfss://lake@contosolake.dfs.core.windows.net/sales/../hr", "operation": "PATH_READ",
    }  # fmt: skip
    path = "/api/2.0/unity-catalog/temporary-path-credentials"
    assert await world.verdict("unity_catalog", "POST", path, json=body) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    "body",
    [
        {"properties": {"allowSharedKeyAccess": "false"}},
        {"properties": {"allowSharedKeyAccess": 0}},
        {"tags": {str(number): "x" for number in range(16)}},
        {"tags": {"x" * 129: "x"}},
    ],
)
async def test_azure_takes_no_value_for_another(world: World, body: Any) -> None:
    path = f"{ACCOUNT}?api-version=2023-05-01"
    assert await world.verdict("arm", "PATCH", path, json=body) == (400, "InvalidRequestContent")


@pytest.mark.parametrize("address", ["0.0.0.1", "127.0.0.1", "169.254.1.1", "224.0.0.1", "203.0.113.9/24"])
async def test_addresses_that_are_nowhere_on_the_internet_are_let_in_by_no_rule(world: World, address: str) -> None:
    body = {"properties": {"networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": address}]}}}
    path = f"{ACCOUNT}?api-version=2023-05-01"
    assert await world.verdict("arm", "PATCH", path, json=body) == (400, "InvalidValuesForRequestParameters")


async def test_role_assignments_are_named_by_a_guid_as_it_is_usually_written(world: World) -> None:
    guid = uuid.uuid4()
    for name in (guid.hex, f"{{{guid}}}", f"urn:uuid:{guid}"):
        assert await world.verdict("arm", "PUT", assignment(name), json=assign(READER_ROLE)) == (
            400, "InvalidRoleAssignmentId",
        )  # fmt: skip


async def test_roles_are_the_tenants_or_the_subscriptions(world: World) -> None:
    foreign = f"/subscriptions/{uuid.uuid4()}{ROLE_DEFINITIONS}/{READER_ROLE}"
    body = assign(READER_ROLE, roleDefinitionId=foreign)
    assert await world.verdict("arm", "PUT", assignment(uuid.uuid4()), json=body) == (400, "InvalidRoleDefinitionId")
    oldest = assignment(uuid.uuid4()).replace("2022-04-01", "2015-07-01")
    assert await world.verdict("arm", "PUT", oldest, json=assign(READER_ROLE)) == (400, "InvalidRequestContent")


@pytest.mark.parametrize("expression", ["atScope() and ", "atScope()principalId eq 'a'", "principalId", "name eq 'x'"])
async def test_a_filter_that_is_none_is_refused(world: World, expression: str) -> None:
    path = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Authorization/roleAssignments"
    query = httpx.QueryParams({"api-version": "2022-04-01", "$filter": expression})
    assert await world.verdict("arm", "GET", f"{path}?{query}") == (400, "InvalidFilter")


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        ("{form}", "text/plain", 400),
        ("{form}", "", 400),
        ("{form}&client_id=other", "application/x-www-form-urlencoded", 400),
        ("{form}&client_assertion=x", "application/x-www-form-urlencoded", 501),
        ("{form}", "application/x-www-form-urlencoded; charset=utf-8", 200),
    ],
)
async def test_entra_takes_a_form(world: World, content: str, content_type: str, status: int) -> None:
    fields = {
        "grant_type": "client_credentials", "client_id": RUNNER.app_id, "client_secret": RUNNER.secret or "",
        "scope": "https://storage.azure.com/.default",
    }  # fmt: skip
    text = content.replace("{form}", str(httpx.QueryParams(fields)))
    headers = {"content-type": content_type} if content_type else {}
    answer = await world.http.post(f"/{TENANT}/oauth2/v2.0/token", content=text.encode(), headers=headers)
    assert answer.status_code == status, answer.text
    assert status == 200 or answer.json()["error"] == "invalid_request"


BLOCK = {"x-ms-blob-type": "BlockBlob"}
FILE = f"{DFS}/probe/a/b/file"
RECURSIVE = "action=setAccessControlRecursive&mode=modify"


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        ("GET", f"{FILE}?timeout=soon", {}, (400, "InvalidQueryParameterValue")),
        ("GET", FILE, {"x-ms-range-get-content-md5": "true"}, (400, "InvalidHeaderValue")),
        ("PUT", f"{FILE}?resource=file", {"x-ms-proposed-lease-id": str(uuid.UUID(int=1))}, (501, "NotImplemented")),
        ("PUT", f"{BLOB}/probe/new", {**BLOCK, "x-ms-legal-hold": "true"}, (501, "NotImplemented")),
        (
            "PUT", f"{BLOB}/probe/new", {**BLOCK, "x-ms-immutability-policy-mode": "unlocked"}, (501, "NotImplemented"),
        ),
        ("PUT", f"{BLOB}/probe/new", {**BLOCK, "x-ms-content-crc64": "AAAAAAAAAAA="}, (501, "NotImplemented")),
        ("PUT", f"{BLOB}/probe/new", {**BLOCK, "x-ms-access-tier": "Lukewarm"}, (400, "InvalidHeaderValue")),
        ("PUT", f"{BLOB}/probe/new", {**BLOCK, "x-ms-meta-long": "x" * 8200}, (400, "MetadataTooLarge")),
        ("PUT", f"{BLOB}/probe/a%01b", BLOCK, (400, "InvalidUri")),
        ("PUT", f"{BLOB}/probe/a%FFb", BLOCK, (400, "InvalidUri")),
        ("PATCH", f"{FILE}?action=append&position=0&close=maybe", {}, (400, "InvalidQueryParameterValue")),
        ("PATCH", f"{FILE}?action=flush&position=0&close=maybe", {}, (400, "InvalidQueryParameterValue")),
        ("PATCH", f"{FILE}?action=setAccessControl", {"x-ms-permissions": "1755"}, (400, "InvaldAccessControlList")),
        (
            "PATCH", f"{FILE}?{RECURSIVE}", {"x-ms-version": "2019-12-12", "x-ms-acl": "user::rwx"},
            (400, "UnsupportedRestVersion"),
        ),
        ("PUT", f"{DFS}/probe/y?continuation=more", {"x-ms-rename-source": "/probe/z"},
         (400, "InvalidQueryParameterValue")),
        ("DELETE", f"{DFS}/probe/a?recursive=true&continuation=junk", {}, (400, "InvalidQueryParameterValue")),
    ],
)  # fmt: skip
async def test_storage_takes_no_nonsense(
    world: World, method: str, path: str, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    before = (await world.http.get("/_emulator/state")).content
    assert await world.verdict("storage", method, path, headers=headers) == expected
    assert (await world.http.get("/_emulator/state")).content == before


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", FILE, {}),
        ("PUT", f"{FILE}?resource=file", {}),
        ("PUT", f"{DFS}/probe/y", {"x-ms-rename-source": "/probe/z"}),
        ("PATCH", f"{FILE}?action=setAccessControl", {"x-ms-acl": "user::rwx,group::r-x,other::---"}),
        ("PATCH", f"{FILE}?action=flush&position=0", {}),
        ("DELETE", FILE, {}),
    ],
)
async def test_operations_without_a_body_take_none(
    world: World, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = await world.verdict("storage", method, path, headers=headers, content=b"x")
    assert answer == (400, "InvalidInput")
