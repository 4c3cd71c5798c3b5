"""Bearer tokens on requests."""

from collections.abc import AsyncGenerator

import httpx

from unity_mirror.credentials import TokenSource


class TokenAuth(httpx.Auth):
    """Puts the scope's token on a request, and a new one, once, when the service refuses it."""

    def __init__(self, source: TokenSource, scope: str) -> None:
        self._source = source
        self._scope = scope

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        token = await self._source.token(self._scope)
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            self._source.invalidate(self._scope, token)
            fresh = await self._source.token(self._scope)
            if fresh != token:
                request.headers["Authorization"] = f"Bearer {fresh}"
                yield request
