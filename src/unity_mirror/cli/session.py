"""What every command is given: the clouds, the options, and where words go."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from unity_mirror.cli.documents import failure_document
from unity_mirror.cli.output import Output
from unity_mirror.cli.pulse import Pulse
from unity_mirror.cli.reporting import Effort, write_report
from unity_mirror.cli.sources import Source
from unity_mirror.clouds import Clouds
from unity_mirror.errors import UnityMirrorError
from unity_mirror.plan.model import StepName
from unity_mirror.spec import CatalogSpec, Member
from unity_mirror.steps.context import Context, Reads
from unity_mirror.steps.fleet import resolve

DONE, FAILED, PENDING = 0, 1, 2


@dataclass
class Session:
    """One run of the command line."""

    clouds: Clouds
    output: Output
    options: argparse.Namespace
    source: Source
    started: float = field(init=False)
    pulse: Pulse = field(init=False)
    so_far: Mapping[str, Any] = field(default_factory=dict)
    """What is known of a single catalog, for the report of a run that fails."""

    def __post_init__(self) -> None:
        self.started = self.clouds.clock.monotonic()
        self.pulse = Pulse(sys.stderr, self.clouds.clock)

    async def members(self) -> tuple[Member, ...]:
        """The catalogs that SPEC names. Raises the error of a single one that has no spec."""
        if self.source.fleet is not None:
            return await resolve(self.source.fleet, self.clouds.clients)
        return self.source.members

    def context_for(self, prune: Mapping[str, bool] | None = None) -> Callable[[CatalogSpec, Reads], Context]:
        """Makes the context of a catalog's run. A saved plan says itself whether it prunes."""
        asked = bool(getattr(self.options, "prune", False))
        deadline = self.clouds.settings.timeouts.operation

        def make(spec: CatalogSpec, reads: Reads) -> Context:
            pruned = asked or bool(prune and prune.get(spec.catalog))
            return Context(
                spec,
                self.clouds.clients,
                self.clouds.secrets,
                deadline_seconds=deadline,
                prune=pruned,
                reads=reads,
                progress=self.pulse.progress,
                at_work=lambda step: self.pulse.at_work(self._named(spec.catalog, step)),
            )

        return make

    def _named(self, catalog: str, step: StepName) -> str:
        return step.label if self.source.is_single else f"{catalog}: {step.label}"

    def require_consent(self, question: str) -> None:
        """Raises UnityMirrorError unless the person at the terminal says yes, or ``--yes`` did before."""
        message, remedy = "nothing was changed", "Add --yes to go on without asking."
        if not self.options.yes and not sys.stdin.isatty():
            raise UnityMirrorError(message, why="there is no terminal to ask at", remedy=remedy)
        if not self.options.yes and not self.output.ask(question):
            raise UnityMirrorError(message, why="the answer wasn't yes")
        self.options.agreed = True

    def finish(self, document: Mapping[str, Any], code: int) -> int:
        """Writes the report, prints the document where one is wanted, and gives the exit code back."""
        self._report(document, code)
        self.output.document(document)
        return code

    def failed(self, error: UnityMirrorError) -> None:
        """Writes the report of a run that ends with this error."""
        names = [member.name for member in self.source.members] if self.source.is_single else []
        catalog = {"catalog": names[0]} if names else {}
        self._report({**catalog, **self.so_far, **failure_document(error)}, FAILED)

    def _report(self, document: Mapping[str, Any], code: int) -> None:
        folder = getattr(self.options, "report", None)
        if folder is not None:
            write_report(folder, self.options.command, document, Effort.of(self.clouds, self.started), code)
