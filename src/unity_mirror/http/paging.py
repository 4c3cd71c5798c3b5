"""All pages of a list, in each API's style. A page may be empty while there is a next one."""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import httpx
from pydantic_core import from_json

from unity_mirror.errors import CloudError, DeadlineExceeded
from unity_mirror.http.calls import Call
from unity_mirror.http.transport import Transport

_DANGLING_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_RESERVED = "%:/?#[]@!$&'()*+,;=-._~"


def rebased(call: Call, address: str) -> Call:
    """Return the call for an absolute address that the service gave, on the origin that we reach it at.

    A token is never sent to a host that an answer names, nor to one that a path without its slash would become part of.
    The rest of the address is used as it came, a dangling percent included: Fabric's continuation URIs have them.
    """
    base, given = urlsplit(call.url), urlsplit(urljoin(call.url, address))
    target = given.path + (f"?{given.query}" if given.query else "")
    raw = target if _DANGLING_PERCENT.search(target) else None
    return call.at(f"{base.scheme}://{base.netloc}{target}", target=raw)


async def fabric_pages(transport: Transport, call: Call) -> AsyncIterator[httpx.Response]:
    """Yield the pages of a Fabric list: ``continuationUri`` when given, else ``continuationToken``.

    The token comes percent-encoded already, so it isn't encoded again.
    """
    bounds = _Bounds(transport, call)
    following: Call | None = call
    while following is not None:
        response = await transport.send(following)
        body = json_object(call, response)
        yield response
        uri, token = body.get("continuationUri"), body.get("continuationToken")
        bounds.check(uri or token)
        following = _following(call, uri, token)


def _following(call: Call, uri: Any, token: Any) -> Call | None:
    if uri:
        return rebased(call, str(uri))
    return _with_token(call, str(token)) if token else None


def _with_token(call: Call, token: str) -> Call:
    given = httpx.QueryParams(dict(call.params))
    query = "&".join(part for part in (str(given), f"continuationToken={quote(token, safe=_RESERVED)}") if part)
    return call.at(f"{call.url}?{query}")


def unity_catalog_pages(transport: Transport, call: Call) -> AsyncIterator[Mapping[str, Any]]:
    """Yield the pages of a Unity Catalog list: the last one's ``next_page_token`` is absent, null or empty."""
    return _pages(transport, call, lambda _, body: body.get("next_page_token"), partial(_asking, call, "page_token"))


def arm_pages(transport: Transport, call: Call) -> AsyncIterator[Mapping[str, Any]]:
    """Yield the pages of an Azure Resource Manager list, following ``nextLink``."""
    return _pages(transport, call, lambda _, body: body.get("nextLink"), partial(rebased, call))


def storage_pages(transport: Transport, call: Call) -> AsyncIterator[Mapping[str, Any]]:
    """Yield the pages of a Data Lake path list: the continuation is in the header ``x-ms-continuation``."""
    return _pages(
        transport, call, lambda page, _: page.headers.get("x-ms-continuation"), partial(_asking, call, "continuation")
    )


async def _pages(
    transport: Transport,
    call: Call,
    token_of: Callable[[httpx.Response, Mapping[str, Any]], Any],
    following: Callable[[str], Call],
) -> AsyncIterator[Mapping[str, Any]]:
    bounds = _Bounds(transport, call)
    this = call
    while True:
        response = await transport.send(this)
        body = json_object(call, response)
        yield body
        token = token_of(response, body)
        if not token:
            return
        bounds.check(token)
        this = following(str(token))


def _asking(call: Call, name: str, token: str) -> Call:
    return replace(call, params={**call.params, name: token})


async def scim_pages(transport: Transport, call: Call, size: int = 100) -> AsyncIterator[Mapping[str, Any]]:
    """Yield the pages of a SCIM list: ``startIndex`` counts from 1, ``totalResults`` says when to stop."""
    start = 1
    while True:
        params = {**call.params, "startIndex": str(start), "count": str(size)}
        body = json_object(call, await transport.send(replace(call, params=params)))
        yield body
        found = len(body.get("Resources") or ())
        start += found
        if not found or start > int(body.get("totalResults") or 0):
            return


def json_object(call: Call, response: httpx.Response) -> Mapping[str, Any]:
    """Return a successful answer's JSON object. Raises CloudError when it isn't one (a proxy's page, say)."""
    try:
        body = _parsed(response)
    except ValueError:
        body = None
    if not isinstance(body, Mapping):
        raise CloudError(
            f"could not {call.operation}",
            service=call.service,
            operation=f"{call.method} {call.url.partition('?')[0]}",
            status=response.status_code,
            why="the answer isn't a JSON object, so it isn't from this service",
            remedy="check the address in the settings, and any proxy on the way",
        )
    return body


def _parsed(response: httpx.Response) -> Any:
    """pydantic's parser is the faster one, and makes one string of all short ones that are equal."""
    try:
        return from_json(response.content)
    except ValueError:
        return response.json()  # which knows other encodings and byte-order marks


class _Bounds:
    """What ends a list that doesn't end by itself: a page that comes round again, and time."""

    def __init__(self, transport: Transport, call: Call) -> None:
        self._call = call
        self._seen: set[str] = set()
        self._deadline = transport.deadline(transport.timeouts.operation)

    def check(self, token: object) -> None:
        """Note where the next page is. Raises CloudError when it was there before, DeadlineExceeded after too long."""
        if not token:
            return
        if str(token) in self._seen:
            raise CloudError(
                f"could not {self._call.operation}",
                service=self._call.service,
                why="the list's pages go round in circles",
            )
        if self._deadline.remaining < 0:
            status, where = f"page {len(self._seen) + 1:,}, and more to come", self._call.service
            raise DeadlineExceeded(self._call.operation, status, self._deadline.elapsed, where=where)
        self._seen.add(str(token))
