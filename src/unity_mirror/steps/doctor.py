"""All the prerequisite checks alone, those of the access steps and of our own rights included. Reads only."""

from __future__ import annotations

from unity_mirror.errors import SpecError
from unity_mirror.plan.model import Check, Outcome, Remedy, Scope, ScopeKind
from unity_mirror.steps.connections import Connections
from unity_mirror.steps.context import Context, Known
from unity_mirror.steps.identity import Identity
from unity_mirror.steps.permissions import runner_checks
from unity_mirror.steps.prerequisites import Prerequisites
from unity_mirror.steps.storage_access import StorageAccess
from unity_mirror.steps.surroundings import ip_access_lists
from unity_mirror.steps.trusted_access import TrustedAccess


async def diagnose(context: Context) -> tuple[Check, ...]:
    """Every check, in the order of the steps. Raises what reading the clouds raises; writes nothing.

    A change that a step would make isn't a failed check: ``plan`` shows those.
    """
    known, checks = Known(), list[Check]()
    for step in (Prerequisites(), Identity(), StorageAccess(), TrustedAccess(), Connections()):
        try:
            found = await step.plan(context, known)
        except SpecError as error:
            if known.survey is None:
                raise
            checks += [_refused(context, step.name.label, problem.message, problem.hint) for problem in error.problems]
            continue
        checks += found.plan.checks
        known = known.learn([found.facts])
    if not any(check.id == "ip_access_lists" for check in checks):
        # Left out of every plan where we can't look, since most who run us can't; doctor says so.
        checks.append(ip_access_lists(context.spec, None))
    return (*checks, *await runner_checks(context, known))


def _refused(context: Context, title: str, message: str, hint: str) -> Check:
    scope = Scope(ScopeKind.CATALOG, context.spec.catalog)
    return Check("spec", f"{title}: what the spec asks can be done", scope, Outcome.FAILED, message, Remedy(hint))
