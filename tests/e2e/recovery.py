"""Catalogs onboarded through two workers while things are killed. Each step prints how long it took to recover."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx

from cloud_emulator.seeds.contoso.catalogs import SALES_HOST
from tasks.lease import lease_seconds, limit_name
from tasks.lease_holder import LOST, NEVER_BEGAN
from tests.coverage_rows import ROOT
from tests.e2e.driver import Driver, command_and_environment, flow_process, kill, parent
from tests.e2e.many_catalogs import TOLD_BY_HAND
from tests.onboarding.sizes import spec_of

_ORPHAN = "orphan"
_MIRRORS = "mirroredAzureDatabricksCatalogs"
_TRIES = 4
_TAKE = """
import asyncio, tasks.lease
async def take():
    async with tasks.lease.catalog_lease("{catalog}"):
        print("held", flush=True)
        await asyncio.sleep(600)
asyncio.run(take())
"""


@dataclass
class Recovery:
    """The scenario. What is killed is told with the time that it took until all was well again."""

    driver: Driver
    fleet: str
    catalogs: list[str]
    took: list[str] = field(default_factory=list)
    event_ids: dict[str, str] = field(default_factory=dict)

    def tell(self, what: str, seconds: float) -> None:
        """Keep a figure, which is what the test is for."""
        self.took.append(f"{what} {seconds:.1f} s")

    def play(self) -> None:
        """All of it. What takes long to be noticed goes on while the next is killed."""
        lease_is_free = self.orphan_a_lease()
        runs_recover = self.kill_runs()
        taken_run_recovers = self.take_and_never_begin()
        self.kill_watch()
        with self.held_up():
            self.watch()
            self.driver.until("runs are under way", lambda: self._running() > 1)
            self.kill_replica()
        runs_recover()
        taken_run_recovers()
        self.all_onboarded(30 * len(self.catalogs) + 120)
        self.tell_again()
        lease_is_free()

    def _running(self) -> int:
        return sum(run["state_type"] == "RUNNING" for run in self.driver.runs("onboard-catalog"))

    @contextmanager
    def held_up(self) -> Iterator[None]:
        """The runs of catalogs that the watch finds get no further than to the list of their tables: until the end, the
        workspace throttles who asks for it."""
        lists = f"{SALES_HOST}/api/2.1/unity-catalog/tables$"
        rule = {"path": lists, "action": "status", "status": 429, "headers": {"Retry-After": "1"}}
        self.driver.emulator("PUT", "/faults", [rule])
        yield
        self.driver.emulator("PUT", "/faults", [])

    def orphan_a_lease(self) -> Callable[[], None]:
        """A process that is no flow run takes a lease and is killed: only its expiry can free it. Gives what checks
        that later on."""
        _, environment = command_and_environment(self.driver.process("worker-1").pid)
        argv = [sys.executable, "-c", _TAKE.format(catalog=_ORPHAN)]
        lasts = lease_seconds(environment)
        with subprocess.Popen(argv, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            killed = kill(process.pid)
        assert self._slots() == 1
        waiting = ThreadPoolExecutor(1)
        freed = waiting.submit(
            self.driver.until, "the orphaned lease is free", lambda: self._slots() == 0 and time.time(), lasts + 180
        )
        waiting.shutdown(wait=False)

        def check() -> None:
            seconds = freed.result() - killed
            self.tell(f"a lease of {lasts:.0f} s whose holder nobody knows: free after", seconds)
            assert seconds < lasts + 60

        return check

    def _slots(self) -> int:
        found: int = self.driver.api("GET", f"/v2/concurrency_limits/{limit_name(_ORPHAN)}")["active_slots"]
        return found

    def kill_runs(self) -> Callable[[], None]:
        """Kill two runs amid the creation of their mirrored catalogs: one whose worker lives, and one together with its
        worker, so that nobody is left to tell of it. Gives what waits for their catalogs."""
        lost_answer = {"path": f"{_MIRRORS}$", "method": "POST", "action": "hang", "nth": 1, "when": "after"}
        lost_request = {"path": f"{_MIRRORS}$", "method": "POST", "action": "hang"}
        self.driver.emulator("PUT", "/faults", [lost_answer, lost_request])
        for name in self.catalogs[:2]:
            self.event_ids[name] = str(uuid4())
            self.driver.discovered(self.event_ids[name], spec_of(name))
        self.driver.until("two creations hang", lambda: self.driver.struck(0) and self.driver.struck(1))
        first, second = (self.driver.onboardings(name)[0] for name in self.catalogs[:2])
        seen = self._kill(first)
        crashed = self.driver.reached(first["id"], frozenset({"CRASHED"}))
        # Its worker may be the next to be killed: what it has taken and not begun by then would never begin.
        self.driver.until("the run that follows has begun", lambda: self._begun(self.catalogs[0], 1))
        unseen = self._kill_with_worker(second)
        self.driver.emulator("PUT", "/faults", [])

        def check() -> None:
            self._recovered("flow process killed", first, crashed, seen)
            lost = self.driver.reached(second["id"], frozenset({"CRASHED"}), 300)
            assert lost["state"]["message"] == LOST
            self._recovered("flow process killed with its worker", second, lost, unseen)

        return check

    def _begun(self, catalog: str, after: int) -> list[dict[str, Any]]:
        """Runs of a catalog that have begun, without so many first ones."""
        runs = self.driver.onboardings(catalog)[after:]
        return [each for each in runs if each["state_type"] not in ("SCHEDULED", "PENDING")]

    def take_and_never_begin(self) -> Callable[[], None]:
        """What a worker leaves that is killed between its taking a run and the run's begin: nobody else takes it."""
        run = self.driver.run("onboard-catalog", {"spec": spec_of(self.catalogs[2])}, "PENDING")
        taken = time.time()

        def check() -> None:
            lost = self.driver.reached(run["id"], frozenset({"CRASHED"}), 300)
            assert lost["state"]["message"] == NEVER_BEGAN
            self._recovered("worker killed before a run that it took began", run, lost, taken)

        return check

    def _kill(self, run: dict[str, Any]) -> float:
        pid = flow_process(run["id"])
        assert pid is not None
        return kill(pid)

    def _kill_with_worker(self, run: dict[str, Any]) -> float:
        pid = flow_process(run["id"])
        assert pid is not None
        worker = next(each for each in self.driver.stack.processes if each.pid == parent(pid))
        command, environment = command_and_environment(worker.pid)
        kill(worker.pid)
        killed = kill(pid)
        self.driver.until("the worker is gone", lambda: not worker.is_running())
        name = "worker-3"
        self.driver.start_again(name, [name if part == worker.name else part for part in command], environment)
        return killed

    def _recovered(self, what: str, run: dict[str, Any], crashed: dict[str, Any], killed: float) -> None:
        """Its catalog is onboarded by one run that took its place, and that one only."""
        self.tell(f"{what}: marked Crashed after", when(crashed) - killed)
        catalog = run["parameters"]["spec"]["catalog"]
        after = self.driver.until(f"{catalog} is taken up again", lambda: self.driver.onboardings(catalog)[1:])
        ended = self.driver.ended(after[0]["id"])
        self.tell(f"{what}: catalog onboarded after", when(ended) - killed)
        assert ended["state_type"] == "COMPLETED", ended["state"]
        assert ended["parameters"]["start"] == 2
        assert len(self.driver.onboardings(catalog)) == 2

    def kill_watch(self) -> None:
        """Kill the watch that a schedule started, after it has seen the catalogs and before it has told of any."""
        rule = {"path": f"{SALES_HOST}.*metastore_summary", "method": "GET", "action": "hang"}
        self.driver.emulator("PUT", "/faults", [rule])
        off = self.driver.schedule_every_minute("watch-metastore", {"fleet": self.fleet})
        self.driver.until("the schedule has started the watch", self._watching)
        off()
        self.driver.until("the watch hangs", lambda: 0 < len(self._watching()) == self.driver.struck())
        asked = [each["path"] for each in self.driver.emulator("GET", "/requests")]
        assert [path for path in asked if f"{SALES_HOST}/api/2.1/unity-catalog/catalogs" in path]
        for run in self._watching():
            assert run["auto_scheduled"]
            killed = self._kill(run)
            crashed = self.driver.reached(run["id"], frozenset({"CRASHED"}))
            seconds = when(crashed) - killed
            self.tell("watch-metastore killed between discovery and event: marked Crashed after", seconds)
        assert not any(self.driver.onboardings(name) for name in self.catalogs[TOLD_BY_HAND:])

    def _watching(self) -> list[dict[str, Any]]:
        """Runs of the watch that have begun, or are about to. (A slow machine may be late for two minutes' at once.)"""
        runs = self.driver.runs("watch-metastore")
        return [each for each in runs if each["state_type"] in ("PENDING", "RUNNING")]

    def watch(self) -> None:
        """Look for new catalogs again: none was lost."""
        run = self.driver.run("watch-metastore", {"fleet": self.fleet})
        ended = self.driver.ended(run["id"])
        assert f"{len(self.catalogs) - TOLD_BY_HAND} new: " in ended["state"]["message"], ended["state"]

    def kill_replica(self) -> None:
        """Kill one of the two API replicas, while runs need them; the other is left for all that comes."""
        killed = kill(self.driver.process("api-1").pid)
        self.tell("API replica killed: last refused request after", self._steady() - killed)

    def _steady(self, seconds: float = 5.0) -> float:
        """When requests were refused for the last time, if any were."""
        last = end = time.time()
        while time.time() < end + seconds:
            try:
                fine = httpx.get(f"{self.driver.stack.prefect}/api/health", trust_env=False, timeout=10).is_success
            except httpx.HTTPError:
                fine = False
            last = last if fine else time.time()
            time.sleep(0.05)
        return last

    def all_onboarded(self, seconds: float) -> None:
        """Every catalog is onboarded, and its mirrored catalog was made once."""

        def done() -> bool:
            runs = self.driver.runs("onboard-catalog")
            ended = Counter(run["parameters"]["spec"]["catalog"] for run in runs if run["state_type"] == "COMPLETED")
            assert not [run["state"] for run in runs if run["state_type"] == "FAILED"]
            return set(ended) == set(self.catalogs)

        self.driver.until("all catalogs are onboarded", done, seconds)
        asked = [each for each in self.driver.writes() if each["method"] == "POST" and each["path"].endswith(_MIRRORS)]
        answered = [each for each in asked if each["status"]]
        held = Counter(each["displayName"] for each in self._mirrored())
        assert held == Counter(self.catalogs)
        # Of those that were never answered the first had its effect all the same, the others had none.
        assert len(answered) == len(self.catalogs) - 1, asked

    def _mirrored(self) -> list[dict[str, Any]]:
        items = self.driver.emulator("GET", "/state")["fabric.items"].values()
        return [each for each in items if each["type"] == "MirroredAzureDatabricksCatalog"]

    def tell_again(self) -> None:
        """The same event again, and a run for it whoever starts that, lead to no second onboarding."""
        name = self.catalogs[0]
        event_id, next_id = self.event_ids[name], str(uuid4())
        before, known = self.driver.writes(), {run["id"] for run in self.driver.onboardings(name)}
        self.driver.discovered(event_id, spec_of(name))
        self._do_nothing_quickly(name, event_id)
        self.driver.discovered(next_id, spec_of(name))
        self.driver.until("the next event has led to a run", lambda: self._runs_for(name, next_id))
        for run in (each for each in self.driver.onboardings(name) if each["id"] not in known):
            ended = self.driver.ended(run["id"])
            assert run["parameters"]["event_id"] == next_id or event_id in ended["state"]["message"]
        assert self.driver.writes() == before

    def _do_nothing_quickly(self, name: str, event_id: str) -> None:
        """A run for an event that was dealt with ends within 5 s. On a busy machine it may take several to see that."""
        for _ in range(_TRIES):
            run = self.driver.run("onboard-catalog", {"spec": spec_of(name), "event_id": event_id})
            seconds = self.driver.ended(run["id"])["total_run_time"]
            self.tell("the same event again: its run took", seconds)
            if seconds < 5:
                return
        raise AssertionError(self.took[-_TRIES:])

    def _runs_for(self, name: str, event_id: str) -> list[dict[str, Any]]:
        return [run for run in self.driver.onboardings(name) if run["parameters"].get("event_id") == event_id]


def when(run: dict[str, Any]) -> float:
    """When a run got its state."""
    return datetime.fromisoformat(run["state"]["timestamp"]).timestamp()
