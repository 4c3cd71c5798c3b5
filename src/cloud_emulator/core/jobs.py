"""Work that the cloud does later: long-running operations, syncs, replication.

Kept in the store, so a restart loses none.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from cloud_emulator.core.clock import Clock
from cloud_emulator.core.store import Store

if TYPE_CHECKING:
    from cloud_emulator.core.cloud import Cloud

Job = Callable[["Cloud", Mapping[str, Any]], None]


class Jobs:
    """Runs each job once its time has come; whoever looks at the cloud afterwards sees its effect."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._table = store.table("jobs")
        self._clock = clock
        self._kinds: dict[str, Job] = {}
        self._heap: list[tuple[float, str]] = []
        self.reload()

    def register(self, kind: str, job: Job) -> None:
        """Names the function behind a kind of job."""
        self._kinds[kind] = job

    def schedule(self, key: str, kind: str, arguments: Mapping[str, Any], *, seconds: float) -> None:
        """Runs ``kind`` in ``seconds``; a job with the same ``key`` is replaced."""
        due = self._clock.time() + seconds
        self._table[key] = {"key": key, "kind": kind, "due": due, "arguments": dict(arguments)}
        heapq.heappush(self._heap, (due, key))

    def cancel(self, key: str) -> None:
        """Forgets a job, if it is there."""
        self._table.pop(key, None)

    def run_now(self, cloud: Cloud, key: str) -> None:
        """Runs a job before its time, if it is still there."""
        job = self._table.pop(key, None)
        if job is not None:
            self._kinds[job["kind"]](cloud, job["arguments"])

    def any_due(self) -> bool:
        """Whether the time of some job has come; quick."""
        return bool(self._heap) and self._heap[0][0] <= self._clock.time()

    def run_due(self, cloud: Cloud) -> None:
        """Runs all jobs whose time has come, earliest first, including those that they schedule in turn."""
        while self.any_due():
            due, key = heapq.heappop(self._heap)
            job = self._table.get(key)
            if job is not None and job["due"] == due:
                self.run_now(cloud, key)

    def reload(self) -> None:
        """Rebuilds the queue from the store."""
        self._heap = [(job["due"], key) for key, job in self._table.items()]
        heapq.heapify(self._heap)
