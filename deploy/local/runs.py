"""Starts a deployment's run, waits for it, and reads what it shows, over Prefect's REST API."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from deploy.local.processes import StackError

DEPLOYMENT = "onboard-catalog/onboard-catalog"
_POLL = 1.0
_TRIES_WHEN_UNAVAILABLE = 15
_FINAL = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Run:
    """A flow run that is through: its state's type and message, how long it took, and its artifacts."""

    id: str
    state: str
    message: str
    seconds: float
    tables: Mapping[str, Rows]
    links: tuple[tuple[str, str], ...]


class Runs:
    """The runs of one Prefect server, at its API's address."""

    def __init__(self, api: str) -> None:
        self._client = httpx.Client(base_url=api, trust_env=False, timeout=30)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def start(self, parameters: Mapping[str, Any], name: str = DEPLOYMENT) -> str:
        """Start a deployment; returns the run's id. Raises StackError for parameters that it refuses."""
        deployment = self._answer("GET", f"/deployments/name/{name}")
        created = self._answer("POST", f"/deployments/{deployment['id']}/create_flow_run", {"parameters": parameters})
        return str(created["id"])

    def wait(self, run_id: str, seconds: float, tell: Callable[[str], None]) -> Run:
        """Wait for a run's end, telling which tasks are at work. Raises StackError when it takes longer."""
        deadline = time.monotonic() + seconds
        while (run := self._answer("GET", f"/flow_runs/{run_id}"))["state_type"] not in _FINAL:
            if time.monotonic() > deadline:
                raise StackError(f"the run didn't end within {seconds:.0f} s: it is {run['state_name']}")
            tell(", ".join(self._at_work(run_id)) or run["state_name"].lower())
            time.sleep(_POLL)
        artifacts = self._answer("POST", "/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run_id]}}})
        return Run(
            id=run_id,
            state=run["state_type"],
            message=run["state"]["message"] or "",
            seconds=float(run["total_run_time"]),
            tables=_tables(artifacts),
            links=tuple(_links(artifacts)),
        )

    def artifact(self, run_id: str, key: str) -> str:
        """Id of a run's artifact with this key. Raises StackError when there is none."""
        found = self._answer("POST", "/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run_id]}}})
        ids = [each["id"] for each in found if each["key"] == key]
        if not ids:
            raise StackError(f"the run has no artifact {key}")
        return str(ids[0])

    def block(self, slug: str, name: str) -> str:
        """Id of the block with this name, of the type with this slug."""
        return str(self._answer("GET", f"/block_types/slug/{slug}/block_documents/name/{name}")["id"])

    def _at_work(self, run_id: str) -> Iterator[str]:
        tasks = self._answer("POST", "/task_runs/filter", {"flow_runs": {"id": {"any_": [run_id]}}})
        return (task["name"].rpartition("-")[0] for task in tasks if task["state_type"] == "RUNNING")

    def _answer(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        try:
            response = patiently(lambda: self._client.request(method, path, json=body))
        except httpx.HTTPError as error:
            raise StackError(f"Prefect's server doesn't answer: {error}") from error
        if response.is_error:
            raise StackError(f"Prefect's server refused {method} {path}: {response.text}")
        return response.json()


def patiently(send: Callable[[], httpx.Response]) -> httpx.Response:
    """Sends again while the server is unavailable: so it says, before any effect, when its SQLite database is locked.

    Prefect's own client does the same.
    """
    for _ in range(_TRIES_WHEN_UNAVAILABLE):
        response = send()
        if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            break
        time.sleep(_POLL)
    return response


def _tables(artifacts: list[dict[str, Any]]) -> dict[str, Rows]:
    """Table artifacts by their key."""
    return {each["key"]: json.loads(each["data"]) for each in artifacts if each["type"] == "table"}


def _links(artifacts: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Text and address of the link artifacts, in the order in which they were made; Prefect holds them as Markdown."""
    for each in sorted(artifacts, key=lambda artifact: str(artifact["created"])):
        found = (
            re.fullmatch(r"\[(.*)\]\((.*)\)", each["data"]) if each["key"] and isinstance(each["data"], str) else None
        )
        if found:
            yield found[1], found[2]
