"""Rules of Entra ID and of its tokens, broken."""

from __future__ import annotations

import jwt

from tests.emulator.rules.registry import breaks
from tests.emulator.rules.seed import CONNECTOR, HOST, OPEN, RUNNER, RUNNER_APP, SUBSCRIPTION_ID, TENANT
from tests.emulator.rules.world import BLOBS, FABRIC, UNITY_CATALOG, World

FORM = {
    "grant_type": "client_credentials", "client_id": RUNNER_APP, "client_secret": "runner-secret",
    "scope": "https://storage.azure.com/.default",
}  # fmt: skip


STORAGE_VERSION = {"x-ms-version": "2023-11-03"}


async def sign_in(world: World, tenant: str = TENANT, **changes: str) -> tuple[int, str]:
    return (await world.entra(f"/{tenant}/oauth2/v2.0/token", {**FORM, **changes})).verdict


@breaks("entra.client.secret")
async def test_a_wrong_secret(world: World) -> None:
    assert await sign_in(world) == (200, "")
    assert await sign_in(world, client_secret="wrong") == (401, "7000215")


@breaks("entra.client.known")
async def test_an_object_id_as_client(world: World) -> None:
    assert await sign_in(world, client_id=RUNNER) == (400, "700038")


@breaks("entra.resource.known")
async def test_an_unknown_resource(world: World) -> None:
    assert await sign_in(world, scope="https://nobody.example/.default") == (400, "500011")


@breaks("entra.tenant.known")
async def test_another_tenant(world: World) -> None:
    assert await sign_in(world, tenant="contoso.example") == (200, "")
    assert await sign_in(world, tenant="11111111-1111-4111-8111-111111111111") == (400, "90002")


@breaks("entra.tenant.named")
async def test_a_token_asked_for_at_no_tenant(world: World) -> None:
    for tenant in ("common", "organizations"):
        assert await sign_in(world, tenant=tenant) == (400, "50059")


@breaks("entra.request.complete")
async def test_a_request_that_lacks_something(world: World) -> None:
    for name in ("grant_type", "client_id", "scope"):
        assert await sign_in(world, **{name: ""}) == (400, "900144")
    assert await sign_in(world, client_secret="") == (401, "7000216")


@breaks("entra.request.resource")
async def test_a_resource_in_place_of_a_scope(world: World) -> None:
    assert await sign_in(world, resource="https://storage.azure.com") == (400, "901002")


@breaks("entra.scope.default")
async def test_a_scope_of_one_permission(world: World) -> None:
    assert await sign_in(world, scope="https://storage.azure.com/user_impersonation") == (400, "1002012")
    assert await sign_in(world, scope="https://storage.azure.com") == (400, "1002012")


@breaks("entra.msi.header")
async def test_the_managed_identity_endpoint_without_its_header(world: World) -> None:
    path = "/msi/token?resource=https://storage.azure.com&api-version=2019-08-01"
    assert (await world.entra(path, x_identity_header="known")).status == 200
    assert (await world.entra(path, x_identity_header="guessed")).status == 401


async def everywhere(world: World, token: dict[str, str]) -> list[int]:
    """What Fabric, Azure Resource Manager, Databricks and storage say to a token."""
    answers = [
        await world.http.get("/v1/workspaces", headers=token),
        await world.http.get(f"/subscriptions/{SUBSCRIPTION_ID}?api-version=2022-12-01", headers=token),
        await world.http.get(f"/databricks/{HOST}/api/2.1/unity-catalog/metastore_summary", headers=token),
        await world.http.head(f"/storage/{OPEN}/lake?resource=filesystem", headers={**token, **STORAGE_VERSION}),
    ]
    return [each.status_code for each in answers]


@breaks("entra.token.audience")
async def test_a_token_for_another_service(world: World) -> None:
    assert await everywhere(world, world.token(CONNECTOR, "https://vault.azure.net")) == [401] * 4
    assert (await world.fabric("GET", "/workspaces", **world.token(RUNNER, BLOBS))).verdict == (401, "InvalidToken")


@breaks("entra.token.expires")
async def test_an_expired_token(world: World) -> None:
    tokens = [world.token(RUNNER, audience) for audience in (FABRIC, UNITY_CATALOG)]
    await world.wait(3600)
    assert (await world.fabric("GET", "/workspaces", **tokens[0])).verdict == (401, "TokenExpired")


@breaks("entra.token.signature")
async def test_a_token_that_entra_did_not_sign(world: World) -> None:
    token = world.token(RUNNER, FABRIC)["authorization"]
    forged = {"authorization": token[:-40] + "A" * 38 + token[-2:]}
    assert (await world.fabric("GET", "/workspaces", **forged)).verdict == (401, "InvalidToken")


@breaks("entra.token.tenant")
async def test_a_token_of_another_tenant(world: World) -> None:
    token = world.token(RUNNER, FABRIC, tenantId="11111111-1111-4111-8111-111111111111")
    assert (await world.fabric("GET", "/workspaces", **token)).verdict == (401, "UserNotLicensed")


@breaks("entra.errors.fields")
async def test_what_a_refusal_tells(world: World) -> None:
    refused = await world.entra(f"/{TENANT}/oauth2/v2.0/token", {**FORM, "client_secret": "wrong"})
    told = {"error", "error_description", "error_codes", "timestamp", "trace_id", "correlation_id"}
    assert set(refused.body) == told


@breaks("entra.token.claims")
async def test_whom_a_token_names(world: World) -> None:
    token = (await world.entra(f"/{TENANT}/oauth2/v2.0/token", FORM)).ok()["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["oid"], claims["sub"], claims["azp"]) == (RUNNER, RUNNER, RUNNER_APP)
    assert RUNNER != RUNNER_APP
