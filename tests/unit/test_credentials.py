"""Tokens are kept, refreshed in time and replaced when refused; secrets are found and never shown."""

import asyncio
import base64
import json
from typing import Any

import httpx
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from tests.unit.cloud_fakes import Wire, answer
from unity_mirror.clock import ManualClock
from unity_mirror.credentials import (
    EntraTokenSource,
    SecretResolver,
    TokenSource,
    WithDatabricksToken,
    azure_credential,
    identity_of,
    token_source,
)
from unity_mirror.errors import CredentialError
from unity_mirror.http.azure_core import HttpxTransport, through_client
from unity_mirror.models.identity import Identity
from unity_mirror.settings import Settings
from unity_mirror.spec.secrets import BlockSecret, EnvSecret, KeyVaultReference, KeyVaultSecret


def jwt(**claims: Any) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"head.{payload}.signature"


class Credential:
    """Hands out numbered tokens that live for an hour; ``fault`` is raised instead when set."""

    def __init__(self, clock: ManualClock, made: list["Credential"]) -> None:
        self._clock = clock
        self.asked: list[str] = []
        self.closed = False
        self.refused = 0
        self.fault: Exception | None = None
        made.append(self)

    async def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        await asyncio.sleep(0)
        if self.fault:
            self.refused += 1
            raise self.fault
        self.asked.append(scopes[0])
        ends = int(self._clock.now().timestamp()) + 3600
        return AccessToken(f"{scopes[0]}-{len(self.asked)}", ends)

    async def close(self) -> None:
        self.closed = True


class TestEntraTokenSource:
    def setup_method(self) -> None:
        self.clock = ManualClock()
        self.made: list[Credential] = []
        self.source = EntraTokenSource(lambda: Credential(self.clock, self.made), self.clock, "fabric")

    async def test_keeps_one_token_for_each_scope(self) -> None:
        assert await self.source.token("arm") == "arm-1"
        assert await self.source.token("arm") == "arm-1"
        assert await self.source.token("storage") == "storage-2"
        assert len(self.made) == 1

    async def test_renews_a_token_before_it_ends(self) -> None:
        await self.source.token("arm")
        self.clock.advance(3600 - 299)
        assert await self.source.token("arm") == "arm-2"

    async def test_a_refused_token_is_not_handed_out_again(self) -> None:
        await self.source.token("arm")
        self.source.invalidate("arm", "arm-1")
        assert await self.source.token("arm") == "arm-1"  # a new credential counts from one
        assert [credential.closed for credential in self.made] == [True, False]

    async def test_a_token_that_was_replaced_already_is_not_thrown_away(self) -> None:
        await self.source.token("arm")
        self.source.invalidate("arm", "an older one")
        await self.source.token("arm")
        assert len(self.made) == 1

    async def test_a_refusal_says_what_to_do(self) -> None:
        await self.source.token("arm")
        self.made[0].fault = ClientAuthenticationError("AADSTS7000215: Invalid client secret provided.\nTrace: x")
        with pytest.raises(CredentialError, match="AZURE_CLIENT_SECRET is not the secret's value"):
            await self.source.token("storage")

    async def test_all_who_wait_for_a_token_share_the_answer(self) -> None:
        assert await asyncio.gather(*(self.source.token("arm") for _ in range(9))) == ["arm-1"] * 9
        self.made[0].fault = ClientAuthenticationError("AADSTS7000215: Invalid client secret provided.")
        told = await asyncio.gather(*(self.source.token("storage") for _ in range(9)), return_exceptions=True)
        assert len({id(each) for each in told}) == 1
        assert self.made[0].refused == 1
        self.made[0].fault = None
        assert await self.source.token("storage") == "storage-2"

    async def test_closing_closes_the_credential(self) -> None:
        await self.source.token("arm")
        await self.source.close()
        await self.source.close()
        assert self.made[0].closed


class TestServicePrincipal:
    """azure-identity, unmodified, over our httpx client."""

    def source(self, wire: Wire) -> tuple[TokenSource, httpx.AsyncClient]:
        settings = Settings.from_environment(
            {
                "AZURE_TENANT_ID": "00000000-0000-0000-0000-000000000001",
                "AZURE_CLIENT_ID": "00000000-0000-0000-0000-000000000002",
                "AZURE_CLIENT_SECRET": "hush",
                "AZURE_AUTHORITY_HOST": "https://localhost:9",
            }
        )
        client = httpx.AsyncClient(transport=httpx.MockTransport(wire))
        clock = ManualClock()
        return token_source(settings, clock, lambda: HttpxTransport(through_client(client), clock)), client

    async def test_signs_in_at_the_authority_of_the_settings(self) -> None:
        token = jwt(oid="o", azp="a", tid="t")
        wire = Wire(
            handler=lambda _: answer(200, {"access_token": token, "expires_in": 3600, "token_type": "Bearer"}),
        )
        source, client = self.source(wire)
        async with client:
            assert await source.token("https://api.fabric.microsoft.com/.default") == token
            assert await source.identity() == Identity("o", "a", "t")
            await source.close()
        assert wire.sent == ["POST /00000000-0000-0000-0000-000000000001/oauth2/v2.0/token"]
        assert b"grant_type=client_credentials" in wire.requests[0].content

    async def test_a_refusal_never_shows_the_secret(self) -> None:
        refusal = {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."}
        source, client = self.source(Wire(handler=lambda _: answer(401, refusal)))
        async with client:
            with pytest.raises(CredentialError, match="could not sign in") as caught:
                await source.token("https://api.fabric.microsoft.com/.default")
            await source.close()
        assert "hush" not in str(caught.value)
        assert "AADSTS7000215" in str(caught.value)

    @pytest.mark.parametrize(
        ("fault", "told"),
        [
            ("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed", "SSL_CERT_FILE"),
            ("All connection attempts failed", r"no answer from localhost: All.*HTTPS_PROXY and NO_PROXY are heeded"),
        ],
    )
    async def test_an_authority_that_is_not_reached_is_no_matter_of_credentials(self, fault: str, told: str) -> None:
        source, client = self.source(Wire(handler=lambda _: httpx.ConnectError(fault)))
        async with client:
            with pytest.raises(CredentialError, match=told):
                await source.token("https://api.fabric.microsoft.com/.default")
            await source.close()

    async def test_without_a_service_principal_azure_identity_looks_around(self) -> None:
        client = httpx.AsyncClient(transport=httpx.MockTransport(Wire()))
        async with client:
            credential = azure_credential(Settings(), HttpxTransport(through_client(client), ManualClock()))
            assert type(credential).__name__ == "DefaultAzureCredential"
            await credential.close()


class TestWithDatabricksToken:
    async def test_serves_databricks_and_nothing_else(self) -> None:
        clock = ManualClock()
        made: list[Credential] = []
        entra = EntraTokenSource(lambda: Credential(clock, made), clock, "fabric")
        source = WithDatabricksToken(entra, "databricks", lambda: "dapi-hush")
        assert await source.token("databricks") == "dapi-hush"
        assert await source.token("arm") == "arm-1"
        source.invalidate("databricks")
        assert "hush" not in repr(source)


class TestIdentity:
    def test_reads_both_forms_of_the_application_id(self) -> None:
        assert identity_of(jwt(oid="o", azp="a", tid="t")) == Identity("o", "a", "t")
        assert identity_of(jwt(oid="o", appid="b", tid="t")) == Identity("o", "b", "t")

    @pytest.mark.parametrize("token", ["dapi123", "a.b.c", "", jwt(sub="x"), "a.W10.c"])
    def test_refuses_what_names_nobody(self, token: str) -> None:
        with pytest.raises(CredentialError):
            identity_of(token)


class TestSecretResolver:
    def test_finds_environment_variables_and_blocks(self) -> None:
        resolver = SecretResolver({"NAME": "hush"}, {"sales": "quiet"})
        assert resolver.resolve(EnvSecret(env="NAME")) == "hush"
        assert resolver.resolve(BlockSecret(block="sales")) == "quiet"
        assert "hush" not in repr(resolver)

    @pytest.mark.parametrize("value", [{}, {"NAME": ""}])
    def test_names_the_variable_that_is_missing(self, value: dict[str, str]) -> None:
        with pytest.raises(CredentialError, match="environment variable NAME"):
            SecretResolver(value).resolve(EnvSecret(env="NAME"))

    def test_the_end_of_a_line_is_no_part_of_a_secret(self) -> None:
        with pytest.raises(CredentialError, match="environment variable NAME holds a line break") as caught:
            SecretResolver({"NAME": "hush-hush\r"}).resolve(EnvSecret(env="NAME"))
        assert "hush" not in str(caught.value)

    def test_a_block_outside_a_flow_says_so(self) -> None:
        with pytest.raises(CredentialError, match="only flows can read"):
            SecretResolver({}).resolve(BlockSecret(block="sales"))
        with pytest.raises(CredentialError, match="no Prefect block"):
            SecretResolver({}, {}).resolve(BlockSecret(block="sales"))

    def test_a_key_vault_secret_has_no_value_here(self) -> None:
        secret = KeyVaultSecret(key_vault=KeyVaultReference(connection="vault", secret_name="sales"))
        with pytest.raises(CredentialError, match="Fabric reads it itself"):
            SecretResolver({}).resolve(secret)
