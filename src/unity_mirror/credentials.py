"""Who we are to the clouds, and where secrets come from. azure-identity is imported when first needed."""

import asyncio
import base64
import binascii
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from unity_mirror.clock import Clock
from unity_mirror.errors import CredentialError
from unity_mirror.models.identity import Identity
from unity_mirror.redaction import Redactor
from unity_mirror.settings import ONE_LINE, Settings, SignIn, holds_control
from unity_mirror.spec.secrets import BlockSecret, EnvSecret, KeyVaultSecret

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken

REFRESH_MARGIN = 300.0
"""Seconds before its end at which a token is replaced."""


class TokenSource(Protocol):
    """Gives bearer tokens."""

    async def token(self, scope: str) -> str:
        """Return a token for the scope, valid for minutes at least. Raises CredentialError."""

    def invalidate(self, scope: str, token: str | None = None) -> None:
        """Forget the scope's token (only this one, when given), since a service refused it."""

    async def identity(self) -> Identity:
        """Return who the tokens are for. Raises CredentialError."""

    async def close(self) -> None:
        """Let go of connections."""


class AzureCredential(Protocol):
    """What we use of azure-identity's asynchronous credentials."""

    async def get_token(self, *scopes: str, **kwargs: Any) -> "AccessToken": ...

    async def close(self) -> None: ...


class EntraTokenSource:
    """Tokens from Entra, kept for each scope until shortly before they end.

    ``make`` builds the azure-identity credential. A refused token makes a new credential, because azure-identity keeps
    tokens of its own and would hand the refused one out again.
    """

    def __init__(
        self,
        make: Callable[[], AzureCredential],
        clock: Clock,
        identity_scope: str,
        redact: Callable[[str], str] = str,
    ) -> None:
        self._redact = redact
        self._make = make
        self._clock = clock
        self._identity_scope = identity_scope
        self._credential: AzureCredential | None = None
        self._stale = False
        self._tokens: dict[str, tuple[str, float]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._refusals: dict[str, CredentialError] = {}

    async def token(self, scope: str) -> str:
        held = self._held(scope)
        if held:
            return held
        known = self._refusals.get(scope)
        async with self._locks.setdefault(scope, asyncio.Lock()):
            refusal = self._refusals.get(scope)
            if refusal is not None and refusal is not known:
                raise refusal  # it came while we waited with the one who asked
            return self._held(scope) or await self._fetch(scope)

    def _held(self, scope: str) -> str | None:
        token, ends = self._tokens.get(scope, ("", 0.0))
        return token if token and ends - self._clock.now().timestamp() > REFRESH_MARGIN else None

    async def _fetch(self, scope: str) -> str:
        from azure.core.exceptions import AzureError

        try:
            credential = await self._current()
            fetched = await credential.get_token(scope)
        except (AzureError, ValueError) as error:
            self._refusals[scope] = _refused(scope, error, self._redact)
            raise self._refusals[scope] from error
        # One that ends within the margin already still serves the requests of the next second.
        ends = max(float(fetched.expires_on), self._clock.now().timestamp() + REFRESH_MARGIN + 1)
        self._tokens[scope] = (fetched.token, ends)
        return fetched.token

    async def _current(self) -> AzureCredential:
        if self._stale and self._credential is not None:
            old, self._credential = self._credential, None
            await old.close()
        self._stale = False
        if self._credential is None:
            self._credential = self._make()
        return self._credential

    def invalidate(self, scope: str, token: str | None = None) -> None:
        held = self._tokens.get(scope)
        if held and token in {None, held[0]}:
            del self._tokens[scope]
            self._stale = True

    async def identity(self) -> Identity:
        return identity_of(await self.token(self._identity_scope))

    async def close(self) -> None:
        if self._credential is not None:
            credential, self._credential = self._credential, None
            await credential.close()

    def __repr__(self) -> str:
        return "EntraTokenSource()"


class WithDatabricksToken:
    """Another source, with a Databricks personal access token in place of Entra's for Databricks."""

    def __init__(self, source: TokenSource, scope: str, token: Callable[[], str]) -> None:
        self._source = source
        self._scope = scope
        self._token = token

    async def token(self, scope: str) -> str:
        return self._token() if scope == self._scope else await self._source.token(scope)

    def invalidate(self, scope: str, token: str | None = None) -> None:
        if scope != self._scope:
            self._source.invalidate(scope, token)

    async def identity(self) -> Identity:
        return await self._source.identity()

    async def close(self) -> None:
        await self._source.close()

    def __repr__(self) -> str:
        return f"WithDatabricksToken({self._source!r})"


def token_source(
    settings: Settings, clock: Clock, transport: Callable[[], object], redact: Callable[[str], str] = str
) -> TokenSource:
    """Return the token source that the settings ask for.

    ``transport`` makes the azure-core asynchronous transport that sign-in requests go through; ``redact`` takes secrets
    out of what Entra answers.
    """
    scope = settings.scopes.fabric
    source: TokenSource = EntraTokenSource(lambda: azure_credential(settings, transport()), clock, scope, redact)
    pat = settings.sign_in.databricks_token
    return WithDatabricksToken(source, settings.scopes.databricks, pat.reveal) if pat else source


def azure_credential(settings: Settings, transport: object) -> AzureCredential:
    """Return azure-identity's credential: a service principal when all three variables are there, else a workload
    identity where a federated token is, else its default."""
    from azure.identity.aio import DefaultAzureCredential

    sign_in = settings.sign_in
    if sign_in.tenant_id and sign_in.client_id and sign_in.client_secret:
        secret = sign_in.client_secret.reveal()
        return _service_principal(settings, transport, sign_in.tenant_id, sign_in.client_id, secret)
    federated = settings.environ.get("AZURE_FEDERATED_TOKEN_FILE")
    if federated and sign_in.tenant_id and sign_in.client_id:
        return _workload(settings, transport, sign_in.tenant_id, sign_in.client_id, federated)
    return DefaultAzureCredential(**_options(settings, transport))


def _options(settings: Settings, transport: object) -> dict[str, Any]:
    """Instance discovery asks the public authority about every other one: it is off where that isn't the authority."""
    return {
        "authority": settings.endpoints.authority,
        "disable_instance_discovery": not settings.is_public_authority,
        "transport": transport,
    }


def _service_principal(
    settings: Settings, transport: object, tenant_id: str, client_id: str, secret: str
) -> AzureCredential:
    from azure.identity.aio import ClientSecretCredential

    return ClientSecretCredential(tenant_id, client_id, secret, **_options(settings, transport))


def _workload(settings: Settings, transport: object, tenant_id: str, client_id: str, federated: str) -> AzureCredential:
    """Within the default chain azure-identity doesn't hand the authority on to it, and asks the public cloud's."""
    from azure.identity.aio import ChainedTokenCredential, DefaultAzureCredential, WorkloadIdentityCredential

    options = _options(settings, transport)
    workload = WorkloadIdentityCredential(
        tenant_id=tenant_id, client_id=client_id, token_file_path=federated, **options
    )
    return ChainedTokenCredential(
        workload, DefaultAzureCredential(exclude_workload_identity_credential=True, **options)
    )


async def identity_as(
    settings: Settings, clock: Clock, transport: object, tenant_id: str, client_id: str, secret: str
) -> Identity:
    """Sign in as a service principal and return who it is, from its token. Raises CredentialError."""
    make = partial(_service_principal, settings, transport, tenant_id, client_id, secret)
    source = EntraTokenSource(make, clock, settings.scopes.storage, Redactor([secret]).redact)
    try:
        return await source.identity()
    finally:
        await source.close()


def identity_of(token: str) -> Identity:
    """Read the identity out of a token's claims. The signature isn't checked: that is for those who receive it.

    Raises CredentialError when it isn't a token with an object id.
    """
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        app = claims.get("azp") or claims.get("appid") or ""
        return Identity(object_id=claims["oid"], app_id=app, tenant_id=claims["tid"])
    except (IndexError, KeyError, ValueError, AttributeError, binascii.Error) as error:
        message = "the access token doesn't say whom it is for"
        raise CredentialError(message, remedy="sign in with a user or a service principal of Entra ID") from error


_TOLD = 160
_REACH = "check that it can be reached from here; HTTPS_PROXY and NO_PROXY are heeded"


def _refused(scope: str, error: Exception, redact: Callable[[str], str]) -> CredentialError:
    lines = redact(str(getattr(error, "message", "") or error)).strip().splitlines() or [type(error).__name__]
    # A chain says on lines of their own why each of its credentials didn't do.
    tried = [line.strip()[:_TOLD] for line in lines[1:] if line.strip().partition(":")[0].endswith("Credential")]
    return CredentialError(
        "could not sign in",
        where=scope,
        why=" ".join([lines[0], "; ".join(tried)]).strip(),
        remedy=_sign_in_remedy(error),
    )


def _sign_in_remedy(error: Exception) -> str:
    from azure.core.exceptions import ServiceRequestError, ServiceResponseError

    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "let SSL_CERT_FILE name the authorities that signed its certificate"
    if isinstance(error, (ServiceRequestError, ServiceResponseError)):
        return _REACH
    # AADSTS codes: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
    known = {
        "AADSTS7000215": "AZURE_CLIENT_SECRET is not the secret's value (often its id was copied): make a new one",
        "AADSTS7000222": "the client secret has expired: make a new one and set AZURE_CLIENT_SECRET",
        "AADSTS700016": "AZURE_CLIENT_ID is not an application of this tenant: check it and AZURE_TENANT_ID",
        "AADSTS90002": "AZURE_TENANT_ID names no tenant: check it",
    }
    found = next((remedy for code, remedy in known.items() if code in text), None)
    return found or "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or run: az login"


class SecretResolver:
    """Finds the secrets that a spec names. Blocks are given as a mapping by whoever can read them.

    ``redactor`` learns each value that is given out, so that it can be taken out of what others say.
    """

    def __init__(
        self, environ: Mapping[str, str], blocks: Mapping[str, str] | None = None, redactor: Redactor | None = None
    ) -> None:
        self._environ = environ
        self._blocks = blocks
        self.redactor = redactor or Redactor()
        self.redactor.learn(*(blocks or {}).values())

    def with_blocks(self, blocks: Mapping[str, str]) -> "SecretResolver":
        """Return one that knows these blocks, too, and shares the redactor."""
        return SecretResolver(self._environ, {**(self._blocks or {}), **blocks}, self.redactor)

    def resolve(self, ref: EnvSecret | BlockSecret | KeyVaultSecret) -> str:
        """Return the secret's value. Raises CredentialError, never with a value in it."""
        if isinstance(ref, EnvSecret):
            variable = f"the environment variable {ref.env}"
            return self._found(self._environ.get(ref.env), variable, f"{variable} is not set", "set it")
        if isinstance(ref, KeyVaultSecret):
            raise CredentialError(
                "a Key Vault secret has no value here: Fabric reads it itself", where=ref.key_vault.secret_name
            )
        if self._blocks is None:
            raise CredentialError(
                f"the secret is in the Prefect block {ref.block!r}, which only flows can read",
                remedy="run the flow, or name an environment variable with {env: NAME}",
            )
        remedy = f"create the Secret block {ref.block!r} in Prefect"
        block = f"Prefect block {ref.block!r}"
        return self._found(self._blocks.get(ref.block), f"the {block}", f"there is no {block}", remedy)

    def _found(self, value: str | None, place: str, missing: str, remedy: str) -> str:
        if not value:
            raise CredentialError(missing, remedy=remedy)
        if holds_control(value):
            raise CredentialError(f"{place} holds a line break or another control character", remedy=ONE_LINE)
        self.redactor.learn(value)
        return value

    def __repr__(self) -> str:
        return "SecretResolver()"


__all__ = [
    "AzureCredential",
    "EntraTokenSource",
    "Identity",
    "SecretResolver",
    "SignIn",
    "TokenSource",
    "WithDatabricksToken",
    "azure_credential",
    "identity_of",
    "token_source",
]
