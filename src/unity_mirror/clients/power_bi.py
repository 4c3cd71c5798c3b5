"""Power BI's REST API: refreshes of semantic models. https://learn.microsoft.com/rest/api/power-bi/datasets."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx

from unity_mirror.errors import CloudError, DeadlineExceeded, OperationFailed
from unity_mirror.http.calls import Call
from unity_mirror.http.failures import POWER_BI
from unity_mirror.http.paging import json_object
from unity_mirror.http.patience import moment
from unity_mirror.http.transport import Transport
from unity_mirror.models.power_bi import Refresh

_CLOCKS_DIFFER = timedelta(seconds=2)
"""What is left of a difference between two clocks once the answer's date, in whole seconds, is reckoned with."""


class PowerBIClient:
    """Refreshes (framing, for Direct Lake) of semantic models. ``base_url`` includes /v1.0/myorg."""

    def __init__(self, transport: Transport, base_url: str, scope: str) -> None:
        self._transport = transport
        self._base_url = base_url
        self._scope = scope

    async def refresh(self, workspace_id: str, model_id: str, body: Mapping[str, Any]) -> str:
        """Start a refresh and return its id. ``body`` e.g. {"type": "full"}.

        After a doubtful attempt a refresh that runs, or that began since, is taken for the one asked for: only one can
        run, and another would do no more.
        """
        call = self._call("POST", workspace_id, model_id, "", "start a refresh of the semantic model", json=body)
        asked_at = self._transport.clock.now()

        async def found() -> str | None:
            listed, ahead = await self._listed(workspace_id, model_id)
            since = asked_at + ahead - _CLOCKS_DIFFER
            return next((each.request_id for each in listed if each.is_running or _began(each, since)), None)

        async def read(response: httpx.Response) -> str:
            return _refresh_id(call, response)

        return await self._transport.create(call, found=found, read=read)

    async def refreshes(self, workspace_id: str, model_id: str) -> list[Refresh]:
        """List the refreshes that are remembered, newest first."""
        return (await self._listed(workspace_id, model_id))[0]

    async def _listed(self, workspace_id: str, model_id: str) -> tuple[list[Refresh], timedelta]:
        """The refreshes, and how far the service's clock is ahead of ours."""
        call = self._call("GET", workspace_id, model_id, "", "list the refreshes of the semantic model")
        response = await self._transport.send(call)
        now = self._transport.clock.now()
        ahead = (moment(response.headers.get("date", "")) or now) - now
        listed = json_object(call, response).get("value") or ()
        return [Refresh.model_validate(entry) for entry in listed], ahead

    async def refresh_status(self, workspace_id: str, model_id: str, refresh_id: str) -> Refresh:
        """Read one refresh."""
        path = f"/{quote(refresh_id, safe='')}"
        call = self._call("GET", workspace_id, model_id, path, "read the refresh of the semantic model")
        body = json_object(call, await self._transport.send(call))
        return Refresh.model_validate({"requestId": refresh_id, **body})

    async def wait_for_refresh(self, workspace_id: str, model_id: str, refresh_id: str) -> Refresh:
        """Wait until a refresh has completed, and return it.

        Raises OperationFailed when it ended otherwise, DeadlineExceeded when it took too long.
        """
        deadline = self._transport.deadline(self._transport.timeouts.operation)
        while True:
            refresh = await self.refresh_status(workspace_id, model_id, refresh_id)
            if not refresh.is_running:
                return _completed(refresh)
            if deadline.remaining < self._transport.limits.poll_floor:
                status = refresh.extended_status or refresh.status
                raise DeadlineExceeded("the semantic model's refresh", status, deadline.elapsed, where=POWER_BI)
            await self._transport.clock.sleep(self._transport.limits.poll_floor)

    def _call(self, method: str, workspace_id: str, model_id: str, path: str, operation: str, json: Any = None) -> Call:
        groups = f"{self._base_url}/groups/{quote(workspace_id, safe='')}"
        url = f"{groups}/datasets/{quote(model_id, safe='')}/refreshes{path}"
        return Call(service=POWER_BI, operation=operation, method=method, url=url, scope=self._scope, json=json)


def _began(refresh: Refresh, since: datetime) -> bool:
    """Whether a refresh began at that time or later; one that doesn't say when didn't."""
    try:
        started = datetime.fromisoformat(refresh.start_time or "")
    except ValueError:
        return False
    return started.replace(tzinfo=started.tzinfo or UTC) >= since


def _refresh_id(call: Call, response: httpx.Response) -> str:
    location = response.headers.get("location", "").partition("?")[0].rstrip("/")
    named = location.rsplit("/", 1)[-1] or response.headers.get("x-ms-request-id") or response.headers.get("requestid")
    if not named:
        raise CloudError(f"could not {call.operation}", service=POWER_BI, why="the answer doesn't name the refresh")
    return str(named)


def _completed(refresh: Refresh) -> Refresh:
    if refresh.status == "Completed":
        return refresh
    raise OperationFailed(
        "could not refresh the semantic model",
        service=POWER_BI,
        operation="refresh",
        code=refresh.status,
        request_id=refresh.request_id,
        why=": ".join(part for part in (f"it ended as {refresh.status}", refresh.why) if part),
    )
