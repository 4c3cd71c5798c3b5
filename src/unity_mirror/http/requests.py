"""A call as the request that goes out."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx

from unity_mirror.http.calls import Call
from unity_mirror.http.client import USER_AGENT

_ALWAYS = {
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
    "Connection": "keep-alive",
    "User-Agent": USER_AGENT,
}


def to_request(call: Call, token: str | None, extensions: Mapping[str, Any]) -> httpx.Request:
    """Return the request that a call makes. ``extensions`` are httpx's: timeouts."""
    authorization = {} if token is None else {"Authorization": f"Bearer {token}"}
    target = {} if call.target is None else {"target": call.target.encode()}
    return httpx.Request(
        call.method,
        _address(call),
        json=call.json,
        content=call.content,
        headers=httpx.Headers(
            {**_ALWAYS, **call.headers, **authorization}, encoding="utf-8"
        ),  # a token may be anything
        extensions={**extensions, **target},
    )


def _address(call: Call) -> str:
    """The URL with its parameters, put together before httpx parses it, which takes long: once is enough."""
    if not call.params:
        return call.url
    return f"{call.url}{'&' if '?' in call.url else '?'}{urlencode(call.params)}"
