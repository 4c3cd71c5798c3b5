"""What was noted as ours ahead of a run that then failed, and wasn't made: the note is corrected.

Otherwise what an administrator makes by hand in our stead, as the failure's remedy says, would be taken for ours, and
go with us one day. A run that goes well, or is killed, never comes here.
"""

from __future__ import annotations

from contextlib import suppress

from unity_mirror.errors import (
    CloudError,
    CredentialError,
    OperationFailed,
    PlanOutgrown,
    PrerequisiteFailed,
    SpecError,
    Throttled,
    UnityMirrorError,
)
from unity_mirror.plan.ownership import Made, Memory, Spared
from unity_mirror.steps.connections import Connections
from unity_mirror.steps.context import Context, Known, Step, side_by_side
from unity_mirror.steps.identity import Identity
from unity_mirror.steps.record import unsay
from unity_mirror.steps.storage_access import StorageAccess, has_begun_below
from unity_mirror.steps.trusted_access import TrustedAccess

_TIMED_OUT = 408
_STAGES: tuple[tuple[Step, ...], ...] = ((Identity(),), (StorageAccess(), TrustedAccess()), (Connections(),))
"""The steps that make what can't carry a mark."""


async def take_back(context: Context, known: Known, error: UnityMirrorError) -> None:
    """Looks what is still to be made, and says of that no more that it is ours. Where we may not look or write, the
    note stays: what it says too much is the smaller harm. ``known`` is what the plan found out."""
    if not _is_final(error):
        return
    with suppress(UnityMirrorError):
        context.reads.forget()
        unmade = await _still_to_make(context, known)
        if unmade:
            await unsay(context, known.surveyed.workspace.id, unmade)


def _is_final(error: UnityMirrorError) -> bool:
    """Whether nothing is under way any more: a request that was refused has no effect later on."""
    if isinstance(error, CloudError):
        waits = isinstance(error, Throttled | OperationFailed) or error.status == _TIMED_OUT
        return 400 <= error.status < 500 and not waits
    return isinstance(error, PlanOutgrown | PrerequisiteFailed | SpecError | CredentialError)


async def _still_to_make(context: Context, planned: Known) -> frozenset[Memory]:
    known, unmade = Known(survey=planned.survey, made=planned.made), set[Memory]()
    for steps in _STAGES:
        looks = await side_by_side(step.plan(context, known) for step in steps)
        changes = [change for look in looks for change in look.plan.changes]
        unmade |= {change.makes for change in changes if change.makes}
        if any(has_begun_below(context, look, planned.made) for look in looks):
            unmade.discard(Made.ACL)
        known = known.learn(look.facts for look in looks)
    spared = {each for each in planned.made if isinstance(each, Spared)}
    return frozenset(unmade | (spared if Made.ACL in unmade else set()))
