"""The composition root: from settings to clients that are signed in, and everything closed at the end."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import httpx

from unity_mirror import credentials
from unity_mirror.clients.arm import ArmClient
from unity_mirror.clients.bundle import Clients
from unity_mirror.clients.databricks import DatabricksClient
from unity_mirror.clients.fabric import FabricClient
from unity_mirror.clients.onelake import OneLakeClient
from unity_mirror.clients.power_bi import PowerBIClient
from unity_mirror.clients.sql import SqlClient
from unity_mirror.clients.storage import StorageClient
from unity_mirror.clients.unity_catalog import UnityCatalogClient
from unity_mirror.clock import Clock, SystemClock
from unity_mirror.credentials import SecretResolver, TokenSource, WithDatabricksToken
from unity_mirror.http.client import open_wire, sign_in_client
from unity_mirror.http.failures import DATABRICKS
from unity_mirror.http.meter import CallMeter
from unity_mirror.http.transport import Transport
from unity_mirror.models.identity import Identity
from unity_mirror.redaction import Redactor
from unity_mirror.settings import Settings


@dataclass(frozen=True)
class Clouds:
    """The clients, and what goes with them."""

    clients: Clients
    meter: CallMeter
    secrets: SecretResolver
    settings: Settings
    clock: Clock


@asynccontextmanager
async def connect(
    settings: Settings,
    token_source: TokenSource | None = None,
    *,
    clock: Clock | None = None,
    secrets: SecretResolver | None = None,
    wire: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[Clouds]:
    """Give clients of all clouds over one transport, and so one budget; nothing is sent before it is asked for.

    ``token_source`` and ``secrets`` default to what the settings say. ``wire`` stands in for the network, in tests.
    """
    clock = clock or SystemClock()
    secrets = secrets or SecretResolver(settings.environ)
    redactor = secrets.redactor
    redactor.learn(*settings.sign_in.secrets)
    meter = CallMeter()
    async with AsyncExitStack() as stack:
        wire = await stack.enter_async_context(wire or open_wire(settings))
        entra = await _entra_transport(stack, settings, clock, meter, wire)
        tokens = token_source or _sign_in(stack, settings, clock, entra, redactor)
        transport = Transport(
            wire,
            tokens,
            clock=clock,
            meter=meter,
            timeouts=settings.timeouts,
            limits=settings.limits,
            redact=redactor.redact,
        )
        clients = _clients(settings, transport, tokens, entra)
        stack.push_async_callback(clients.storage.close)
        yield Clouds(clients, meter, secrets, settings, clock)


async def _entra_transport(
    stack: AsyncExitStack, settings: Settings, clock: Clock, meter: CallMeter, wire: httpx.AsyncBaseTransport
) -> Callable[[], object]:
    """What azure-identity sends its requests through; imported when first needed."""
    client = await stack.enter_async_context(sign_in_client(settings, meter, wire))

    def transport() -> object:
        from unity_mirror.http.azure_core import HttpxTransport, through_client

        return HttpxTransport(through_client(client), clock)

    return transport


def _sign_in(
    stack: AsyncExitStack, settings: Settings, clock: Clock, entra: Callable[[], object], redactor: Redactor
) -> TokenSource:
    tokens = credentials.token_source(settings, clock, entra, redactor.redact)
    stack.push_async_callback(tokens.close)
    return tokens


@dataclass(frozen=True)
class _Workspaces:
    """Clients of Databricks workspaces, each by the workspace's public URL."""

    settings: Settings
    transport: Transport
    tokens: TokenSource

    def unity_catalog(self, workspace_url: str) -> UnityCatalogClient:
        return UnityCatalogClient(self.transport, *self._place(workspace_url))

    def databricks(self, workspace_url: str) -> DatabricksClient:
        return DatabricksClient(self.transport, *self._place(workspace_url))

    def databricks_by(self, workspace_url: str, token: str) -> DatabricksClient:
        theirs = WithDatabricksToken(self.tokens, self.settings.scopes.databricks, lambda: token)
        return DatabricksClient(self.transport.signed_in_by(theirs), *self._place(workspace_url))

    def _place(self, workspace_url: str) -> tuple[str, str, str]:
        """Address, scope, and what is throttled together."""
        url = self.settings.endpoints.databricks_url(workspace_url)
        return url, self.settings.scopes.databricks, _budget(workspace_url)


def _clients(settings: Settings, transport: Transport, tokens: TokenSource, entra: Callable[[], object]) -> Clients:
    endpoints, scopes = settings.endpoints, settings.scopes
    workspaces = _Workspaces(settings, transport, tokens)

    async def identity_of(tenant_id: str, client_id: str, secret: str) -> Identity:
        return await credentials.identity_as(settings, transport.clock, entra(), tenant_id, client_id, secret)

    return Clients(
        fabric=FabricClient(transport, endpoints.fabric, scopes.fabric),
        powerbi=PowerBIClient(transport, endpoints.powerbi, scopes.powerbi),
        arm=ArmClient(transport, endpoints.arm, scopes.arm),
        storage=StorageClient(transport, endpoints.dfs_url, scopes.storage),
        onelake=OneLakeClient(transport, endpoints.onelake, scopes.storage),
        sql=SqlClient(partial(tokens.token, scopes.sql), endpoints.sql_server),
        unity_catalog=workspaces.unity_catalog,
        databricks=workspaces.databricks,
        databricks_by=workspaces.databricks_by,
        clock=transport.clock,
        whoami=tokens.identity,
        identity_of=identity_of,
    )


def _budget(workspace_url: str) -> str:
    return f"{DATABRICKS} {urlsplit(workspace_url).netloc or workspace_url}"
