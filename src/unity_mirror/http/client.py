"""The httpx client under the transport: TLS, connections, counting."""

import ssl
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx

from unity_mirror.errors import SettingsError
from unity_mirror.http.calls import Effect
from unity_mirror.http.connections import Connections
from unity_mirror.http.meter import CallMeter
from unity_mirror.settings import Settings

USER_AGENT = "unity-mirror"
_KEPT_SECONDS = 30.0


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that trusts the given bundle alone, or the usual authorities when there is none.

    Raises SettingsError for a file that is no bundle.
    """
    if ca_file is not None:
        try:
            return ssl.create_default_context(cafile=str(ca_file))
        except OSError as error:  # ssl.SSLError is one
            message, remedy = "SSL_CERT_FILE can't be used", "point it at a PEM bundle, or unset it"
            raise SettingsError(message, where=str(ca_file), why=error.strerror or str(error), remedy=remedy) from error
    return httpx.create_ssl_context(verify=True, trust_env=False)


def _has_proxies() -> bool:
    """Tell whether the environment names proxies. Raises SettingsError, without the address, for one that can't be."""
    proxies = getproxies()
    for kind in ("http", "https", "all"):
        address = proxies.get(kind, "")
        parts = urlsplit(address if "://" in address else f"http://{address}")
        if address and (parts.scheme not in {"http", "https"} or not parts.hostname):
            remedy = "set it to http://host:port, or unset it"
            raise SettingsError(f"{kind.upper()}_PROXY is not the address of an HTTP proxy", remedy=remedy)
    return bool(proxies)


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
    Raises SettingsError for a proxy or a bundle of authorities that can't be used.
    HTTP/1.1, with as many kept-alive connections as several services at full concurrency need.
    """
    verify = tls_context(settings.ca_file)
    if transport is None and not _has_proxies():  # through a proxy, httpx's own connections
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
