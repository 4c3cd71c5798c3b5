"""The httpx client under the transport: TLS, connections, counting."""

import ssl
from pathlib import Path
from urllib.request import getproxies

import httpx

from unity_mirror.http.calls import Effect
from unity_mirror.http.connections import Connections
from unity_mirror.http.meter import CallMeter
from unity_mirror.settings import Settings

USER_AGENT = "unity-mirror"
_KEPT_SECONDS = 30.0


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that trusts the given bundle alone, or the usual authorities when there is none."""
    if ca_file is not None:
        return ssl.create_default_context(cafile=str(ca_file))
    return httpx.create_ssl_context(verify=True, trust_env=False)


def http_client(
    settings: Settings,
    meter: CallMeter,
    *,
    effect: Effect = "read",
    service: str = "",
    transport: httpx.AsyncBaseTransport | None = None,
) -> httpx.AsyncClient:
    """Return a client that counts every request that goes out, second attempts at signing in included.

    ``service`` and ``effect`` are counted for requests that don't name their own. Proxies come from the environment.
    HTTP/1.1, with as many kept-alive connections as several services at full concurrency need.
    """
    verify = tls_context(settings.ca_file)
    if transport is None and not getproxies():  # through a proxy, httpx's own connections
        transport = Connections(verify, _KEPT_SECONDS)

    async def count(request: httpx.Request) -> None:
        extensions = request.extensions
        meter.count(extensions.get("service", service), request.method, extensions.get("effect", effect))

    connections = max(100, settings.limits.max_concurrency * 12)
    return httpx.AsyncClient(
        verify=verify,
        transport=transport,
        headers={"User-Agent": USER_AGENT},
        timeout=httpx.Timeout(settings.timeouts.read, connect=settings.timeouts.connect, pool=None),
        limits=httpx.Limits(
            max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=_KEPT_SECONDS
        ),
        event_hooks={"request": [count]},
        follow_redirects=False,
    )
