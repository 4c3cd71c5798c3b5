"""What is under the transport: TLS, connections, proxies; and the client that signs in."""

import ssl
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx

from unity_mirror.errors import SettingsError
from unity_mirror.http.connections import Connections
from unity_mirror.http.meter import CallMeter
from unity_mirror.settings import Settings, Timeouts

USER_AGENT = "unity-mirror"
_KEPT_SECONDS = 30.0
_PROXIED = ("http", "https", "all")


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
    for kind in _PROXIED:
        address = proxies.get(kind, "")
        parts = urlsplit(address if "://" in address else f"http://{address}")
        if address and (parts.scheme not in {"http", "https"} or not parts.hostname):
            remedy = "set it to http://host:port, or unset it"
            raise SettingsError(f"{kind.upper()}_PROXY is not the address of an HTTP proxy", remedy=remedy)
    return any(proxies.get(kind) for kind in _PROXIED)  # NO_PROXY alone names none


def timeout(timeouts: Timeouts) -> httpx.Timeout:
    """Return how long one request may wait to connect, to write and to read."""
    return httpx.Timeout(timeouts.read, connect=timeouts.connect, pool=None)


def open_wire(settings: Settings) -> httpx.AsyncBaseTransport:
    """Return connections to all services; through the proxies that the environment names, httpx's own.

    Raises SettingsError for a proxy or a bundle of authorities that can't be used.
    """
    verify = tls_context(settings.ca_file)
    if not _has_proxies():
        return Connections(verify, _KEPT_SECONDS)
    connections = max(100, settings.limits.max_concurrency * 12)
    limits = httpx.Limits(
        max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=_KEPT_SECONDS
    )
    return _Proxied(httpx.AsyncClient(verify=verify, limits=limits))


def sign_in_client(settings: Settings, meter: CallMeter, transport: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
    """Return a client for Entra ID that counts every request that goes out, second attempts included."""

    async def count(request: httpx.Request) -> None:
        meter.count("Entra ID", request.method, "auth")

    return httpx.AsyncClient(
        transport=transport,
        headers={"User-Agent": USER_AGENT},
        timeout=timeout(settings.timeouts),
        event_hooks={"request": [count]},
        follow_redirects=False,
    )


class _Proxied(httpx.AsyncBaseTransport):
    """A client used for its proxies alone: it knows which hosts go without."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._client.send(request, auth=None, follow_redirects=False)

    async def aclose(self) -> None:
        await self._client.aclose()
