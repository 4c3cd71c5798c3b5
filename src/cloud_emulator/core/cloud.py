"""The whole emulated cloud: what every handler is given."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cloud_emulator.core.behaviour import Behaviour
from cloud_emulator.core.blobs import BlobStore
from cloud_emulator.core.clock import Clock
from cloud_emulator.core.faults import Faults
from cloud_emulator.core.identity import Directory, Tokens, load_signing_key
from cloud_emulator.core.jobs import Jobs
from cloud_emulator.core.pressure import Throttle
from cloud_emulator.core.rules import Rules
from cloud_emulator.core.store import Document, Store, Table


@dataclass(slots=True)
class Cloud:
    """State, time, identity and work to come. Services keep nothing of their own: their state is in ``store``."""

    folder: Path
    store: Store
    blobs: BlobStore
    clock: Clock
    jobs: Jobs
    directory: Directory
    tokens: Tokens
    faults: Faults
    throttle: Throttle
    rules: Rules
    new_id: Callable[[], str]
    requests: list[dict[str, Any]] = field(default_factory=list)
    _behaviour: tuple[Document | None, Behaviour] | None = field(default=None, repr=False)

    def table(self, name: str) -> Table:
        """A table of the store; names are ``service.kind``, such as ``fabric.items``."""
        return self.store.table(name)

    @property
    def behaviour(self) -> Behaviour:
        """The behaviour in force."""
        kept = self.store.table("settings").get("behaviour")
        if self._behaviour is None or self._behaviour[0] is not kept:  # documents are replaced, never changed
            self._behaviour = (kept, Behaviour.model_validate(kept or {}))
        return self._behaviour[1]

    @behaviour.setter
    def behaviour(self, value: Behaviour) -> None:
        self.store.table("settings")["behaviour"] = value.model_dump(mode="json")

    def save_seed(self) -> None:
        """Remembers the present state as the one that ``reset`` goes back to."""
        self.store.commit()
        self.store.save_copy(self.folder / "seed.sqlite")

    def ensure_seed(self) -> None:
        """Remembers the present state as the seed's, if an emulator was killed before it could."""
        if not (self.folder / "seed.sqlite").exists():
            self.save_seed()

    def reset(self) -> None:
        """Goes back to right after the seed: state, faults, requests and clock."""
        self.store.rollback()
        self.store.restore_copy(self.folder / "seed.sqlite")
        self.jobs.reload()
        self.faults.set([])
        self.throttle.clear()
        self.requests.clear()

    def close(self) -> None:
        """Closes the files."""
        self.store.close()


def _guid() -> str:
    return str(uuid.uuid4())


def open_cloud(folder: Path, *, wall: Callable[[], float] = time.time, new_id: Callable[[], str] = _guid) -> Cloud:
    """The cloud kept in a folder, made when it isn't there; ``wall`` tells the time, ``new_id`` makes GUIDs."""
    folder.mkdir(parents=True, exist_ok=True)
    store = Store(folder / "state.sqlite")
    clock = Clock(store.table("settings"), wall)
    rules = Rules(store.table("settings"))
    directory = Directory(store.table("entra.principals"), store.table("entra.tenants"))
    tokens = Tokens(load_signing_key(folder / "tls" / "signing.key"), directory, clock, rules)
    return Cloud(
        folder=folder,
        store=store,
        blobs=BlobStore(folder / "blobs"),
        clock=clock,
        jobs=Jobs(store, clock),
        directory=directory,
        tokens=tokens,
        faults=Faults(),
        throttle=Throttle(clock),
        rules=rules,
        new_id=new_id,
    )
