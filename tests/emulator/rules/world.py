"""The whole emulator in this process, driven through its APIs only; its clock moves when a test says so."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from cloud_emulator.core.app import Emulator
from cloud_emulator.core.cloud import Cloud, open_cloud
from cloud_emulator.services import mounts
from cloud_emulator.sql.listener import SqlListener
from tests.emulator import tds
from tests.emulator.observed import observed
from tests.emulator.rules.seed import (
    CONNECTOR,
    DATABRICKS,
    HOST,
    INSTANCE,
    LAKE,
    RUNNER,
    SPACE,
    STORAGE,
    TENANT,
    account_id,
    document,
)  # fmt: skip
from tests.emulator.served import free_port
from tests.emulator.support import Wall, issued, put_keys

FABRIC, POWER_BI = "https://api.fabric.microsoft.com", "https://analysis.windows.net/powerbi/api"
SQL = "https://database.windows.net"
AZURE, BLOBS = "https://management.azure.com", "https://storage.azure.com"
UNITY_CATALOG = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"
CATALOGS = f"/workspaces/{SPACE}/mirroredAzureDatabricksCatalogs"
SCHEMA_URL = (
    "https://developer.microsoft.com/json-schemas/fabric/item/mirroredAzureDatabricksCatalog/definition/"
    "mirroredAzureDatabricksCatalogDefinition/1.0.0/schema.json"
)


class EmulatorFailed(Exception):
    """The emulator itself failed. Not an assertion: a rule that is off must not look kept because of a crash."""


@dataclass(frozen=True)
class Answer:
    """What a service said."""

    status: int
    code: str
    body: Any
    headers: Mapping[str, str]
    text: str

    @property
    def verdict(self) -> tuple[int, str]:
        """Status and error code; the code is empty for a success."""
        return self.status, self.code

    def ok(self) -> Any:
        """The body of a success."""
        assert self.status < 400, (self.status, self.text)
        return self.body


@dataclass
class World:
    """Requests to every service. ``who`` is an object id."""

    cloud: Cloud
    http: httpx.AsyncClient
    sql_port: int
    item: str = ""
    lakehouse: str = ""
    model: str = ""

    async def reset(self, *rules_off: str) -> None:
        """Back to the start, with rules switched off."""
        (await self.control("POST", "reset")).ok()
        if rules_off:
            await self.behave(rules_off=list(rules_off))

    async def behave(self, **settings: Any) -> None:
        """Changes settings."""
        (await self.control("PUT", "settings", settings)).ok()

    async def control(self, method: str, path: str, body: Any = None) -> Answer:
        """The control plane."""
        return await self._send(method, f"/_emulator/{path}", {}, body)

    async def wait(self, seconds: float = 2) -> None:
        """Lets time pass, and what is due happen."""
        (await self.control("POST", "clock", {"advance_seconds": seconds})).ok()

    async def fabric(self, method: str, path: str, body: Any = None, who: str = RUNNER, **headers: str) -> Answer:
        """Fabric; ``path`` is without ``/v1``."""
        return await self._send(method, f"/v1{path}", {**self.token(who, FABRIC), **headers}, body)

    async def power_bi(self, method: str, path: str, body: Any = None, who: str = RUNNER) -> Answer:
        """Power BI; ``path`` is without ``/v1.0/myorg``."""
        return await self._send(method, f"/v1.0/myorg{path}", self.token(who, POWER_BI), body)

    async def unity(
        self, method: str, path: str, body: Any = None, who: str = CONNECTOR, host: str = HOST, token: str = ""
    ) -> Answer:
        """Databricks; ``path`` is whole, or below Unity Catalog's base."""
        path = path if path.startswith("/api/") else f"/api/2.1/unity-catalog{path}"
        header = {"authorization": f"Bearer {token}"} if token else self.token(who, UNITY_CATALOG)
        return await self._send(method, f"/databricks/{host}{path}", header, body)

    async def arm(
        self, method: str, path: str, body: Any = None, who: str = RUNNER, version: str = "2022-04-01"
    ) -> Answer:
        """Azure Resource Manager."""
        query = f"{'&' if '?' in path else '?'}api-version={version}" if version else ""
        return await self._send(method, path + query, self.token(who, AZURE), body)

    async def storage(
        self, method: str, path: str, content: bytes | AsyncIterable[bytes] = b"", who: str = RUNNER, **headers: str
    ) -> Answer:
        """ADLS and OneLake, by the DFS protocol; header names with underscores, empty values leave one out."""
        named = {
            "x-ms-version": "2023-11-03", "accept": "application/json", **self.token(who, BLOBS),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }  # fmt: skip
        kept = {name: value for name, value in named.items() if value}
        return _answer(await self.http.request(method, f"/storage/{path}", headers=kept, content=content))

    async def entra(self, path: str, form: Mapping[str, str] | None = None, **headers: str) -> Answer:
        """Entra ID."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if form is None:
            return _answer(await self.http.get(path, headers=named))
        return _answer(await self.http.post(path, data=dict(form), headers=named))

    async def sql(self, text: str = "", who: str = RUNNER, database: str = "sales", **login: Any) -> list[Any]:
        """The rows of a query, or with no text nothing but the login. Raises ``pytds.DatabaseError``."""
        connection = await self.log_in(who, database, **login)
        try:
            return await self.query(connection, text) if text else []
        finally:
            await asyncio.to_thread(connection.close)

    async def log_in(self, who: str = RUNNER, database: str = "sales", **login: Any) -> Any:
        """A connection to a SQL analytics endpoint; with ``user``, without a token."""
        token = None if "user" in login else self.token(who, SQL)["authorization"].removeprefix("Bearer ")
        authority = self.cloud.folder / "tls" / "ca.pem"
        return await asyncio.to_thread(tds.connect, self.sql_port, authority, database, token, **login)

    async def query(self, connection: Any, text: str) -> list[Any]:
        """The rows of a query over a connection."""

        def ask() -> list[Any]:
            with connection.cursor() as cursor:
                cursor.execute(text)
                return list(cursor.fetchall()) if cursor.description else []

        return await asyncio.to_thread(ask)

    def token(self, who: str, audience: str, **changes: str) -> dict[str, str]:
        """The header of whoever signed in."""
        principal = {**(self.cloud.directory.by_object_id(who) or {}), **changes}
        return {"authorization": f"Bearer {issued(self.cloud, principal, audience)}"}

    async def ended(self, answer: Answer) -> Any:
        """The state of a long-running operation once its time has come."""
        assert answer.status == 202, (answer.status, answer.text)
        await self.wait()
        return (await self.fabric("GET", "/operations/" + answer.headers["x-ms-operation-id"])).ok()

    async def done(self, answer: Answer) -> Any:
        """The result of a long-running operation that succeeds, if it has one."""
        state = await self.ended(answer)
        assert state["status"] == "Succeeded", state
        result = await self.fabric("GET", f"/operations/{answer.headers['x-ms-operation-id']}/result")
        return result.body if result.status == 200 else None

    async def failure(self, answer: Answer) -> str:
        """The error code of a long-running operation that fails."""
        state = await self.ended(answer)
        assert state["status"] == "Failed", state
        return str(state["error"]["errorCode"])

    async def every(self, path: str, who: str = RUNNER) -> list[Any]:
        """All entries of a list of Fabric's."""
        found: list[Any] = []
        token = ""
        while True:
            query = f"{'&' if '?' in path else '?'}continuationToken={token}" if token else ""
            body = (await self.fabric("GET", path + query, None, who)).ok()
            found += body["value"]
            token = body.get("continuationToken", "")
            if not token:
                return found

    async def names(self, path: str, who: str = RUNNER) -> list[str]:
        """The names in a folder of OneLake or ADLS."""
        place, _, directory = path.partition("//")
        found: list[str] = []
        query = f"resource=filesystem&recursive=false&directory={directory}"
        token = ""
        while True:
            answer = await self.storage("GET", f"{place}?{query}{f'&continuation={token}' if token else ''}", who=who)
            found += [each["name"].rpartition("/")[2] for each in answer.ok()["paths"]]
            token = answer.headers.get("x-ms-continuation", "")
            if not token:
                return found

    async def tables(self, item: str = "", schema: str = "orders", who: str = RUNNER) -> list[str]:
        """The tables of a mirrored catalog's schema as OneLake shows them."""
        return await self.names(f"onelake/{SPACE}//{item or self.item}/Tables/{schema}", who)

    async def read(self, item: str, path: str = "Tables/orders/lines", who: str = RUNNER) -> Answer:
        """Whether the Delta log of a table can be listed through OneLake."""
        where = f"onelake/{SPACE}?resource=filesystem&recursive=false&directory={item}/{path}/_delta_log"
        return await self.storage("GET", where, who=who)

    async def mirror(self, body: Any = None) -> str:
        """A mirrored catalog after its first sync; its id."""
        made = await self.done(await self.fabric("POST", CATALOGS, body or payload("hr", "hr", storage=False)))
        for _ in range(2):
            await self.wait()
        return str(made["id"])

    async def _send(self, method: str, path: str, headers: Mapping[str, str], body: Any) -> Answer:
        content, named = b"", dict(headers)
        if body is not None:
            content = json.dumps(body).encode()
            named.setdefault("content-type", "application/json")
        return _answer(await self.http.request(method, path, headers=named, content=content))


def payload(catalog: str = "sales", name: str = "again", *, storage: bool = True, **fields: Any) -> dict[str, Any]:
    """The body that creates a mirrored catalog by payload."""
    creation = {
        "catalogName": catalog, "databricksWorkspaceConnectionId": DATABRICKS, "mirroringMode": "Full",
        **({"storageConnectionId": STORAGE} if storage else {}), **fields,
    }  # fmt: skip
    return {"displayName": name, "creationPayload": creation}


def definition(mode: str = "Full", schemas: Any = (), **fields: Any) -> dict[str, Any]:
    """A ``definition.json`` of the catalog ``sales``."""
    return {
        "$schema": SCHEMA_URL, "catalogName": "sales", "databricksWorkspaceConnectionId": DATABRICKS,
        "mirroringMode": mode, "storageConnectionId": STORAGE, "mirrorConfiguration": {"schemas": list(schemas)},
        **fields,
    }  # fmt: skip


def parts(**contents: Any) -> dict[str, Any]:
    """A definition of parts; ``__`` in a name stands for a slash or period."""
    return {
        "parts": [
            {"path": path, "payloadType": "InlineBase64", "payload": base64.b64encode(_text(each)).decode()}
            for path, each in contents.items()
        ]
    }


def _text(content: Any) -> bytes:
    return (content if isinstance(content, str) else json.dumps(content)).encode()


def by_definition(document: Any, name: str = "again") -> dict[str, Any]:
    """The body that creates a mirrored catalog by definition."""
    return {"displayName": name, "definition": parts(**{"definition.json": document})}


def _answer(response: httpx.Response) -> Answer:
    try:
        body = response.json() if response.content else None
    except ValueError:
        body = response.text
    if response.status_code == 500:
        raise EmulatorFailed(f"{response.request.method} {response.request.url}: {response.text}")
    code = _code(response, body) if response.status_code >= 400 else ""
    return Answer(response.status_code, code, body, response.headers, response.text)


def _code(response: httpx.Response, body: Any) -> str:
    if "x-ms-error-code" in response.headers:
        return response.headers["x-ms-error-code"]
    if not isinstance(body, dict):
        return ""
    if "error_codes" in body:
        return str(body["error_codes"][0])
    error = body.get("error")
    inner = error.get("code") if isinstance(error, dict) else None
    return str(body.get("errorCode") or body.get("error_code") or inner or "")


@asynccontextmanager
async def open_world(folder: Path) -> AsyncIterator[World]:
    """The seeded emulator with a mirrored catalog, a lakehouse with shortcuts to it, and a semantic model."""
    put_keys(folder)
    cloud = open_cloud(folder, wall=Wall())
    transport = httpx.ASGITransport(app=Emulator(cloud, observed(mounts())), raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="https://cloud.test") as http:
        listener, port = SqlListener(cloud), free_port()
        await listener.start(host="127.0.0.1", port=port)
        world = World(cloud, http, port)
        (await world.control("POST", "seed", document())).ok()
        await _furnish(world)
        cloud.save_seed()
        yield world
        await listener.stop()
    cloud.close()


async def _furnish(world: World) -> None:
    scope = f"{account_id(LAKE)}/providers/Microsoft.Authorization/roleAssignments/90000000-0000-4000-8000-000000000001"
    reader = "/providers/Microsoft.Authorization/roleDefinitions/2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
    identity = (await world.fabric("GET", f"/workspaces/{SPACE}")).ok()["workspaceIdentity"]["servicePrincipalId"]
    properties = {"roleDefinitionId": reader, "principalId": identity, "principalType": "ServicePrincipal"}
    (await world.arm("PUT", scope, {"properties": properties})).ok()
    await world.wait(301)
    world.item = await world.mirror(payload(name="sales"))
    lakehouse = {"displayName": "lake", "creationPayload": {"enableSchemas": True}}
    made = await world.done(await world.fabric("POST", f"/workspaces/{SPACE}/lakehouses", lakehouse))
    world.lakehouse = made["id"]
    await world.wait()
    target = {"workspaceId": SPACE, "itemId": world.item, "path": "Tables/orders/lines"}
    shortcut = {"path": "Tables/dbo", "name": "lines", "target": {"oneLake": target}}
    (await world.fabric("POST", f"/workspaces/{SPACE}/items/{world.lakehouse}/shortcuts", shortcut)).ok()
    await world.wait(30)


def rule_for(workspace_id: str, tenant: str = TENANT) -> dict[str, str]:
    """A resource instance rule."""
    return {"tenantId": tenant, "resourceId": INSTANCE + workspace_id}
