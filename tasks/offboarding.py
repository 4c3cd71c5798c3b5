"""Taking a catalog out of Fabric again: the plan that people approve, and carrying it out."""

from __future__ import annotations

import hashlib

from tasks.options import step_task
from unity_mirror.clouds import Clouds
from unity_mirror.errors import PlanOutgrown, UnityMirrorError
from unity_mirror.plan.model import Plan
from unity_mirror.plan.render_markdown import counts_text, done_text
from unity_mirror.redaction import Redactor
from unity_mirror.spec import CatalogSpec
from unity_mirror.steps.context import Context, Reads
from unity_mirror.steps.offboard import Offboarding, apply_offboarding, plan_offboarding


class OffboardSession:
    """One catalog's offboarding. Not a dataclass, as ``Session`` isn't."""

    def __init__(self, clouds: Clouds, spec: CatalogSpec, *, keep_lakehouse: bool) -> None:
        self._clouds, self._spec, self._keep = clouds, spec, keep_lakehouse
        self._offboarding: Offboarding | None = None
        self.approved: str | None = None
        self.metastore_id: str | None = None

    @property
    def redactor(self) -> Redactor:
        """Takes the secrets out of texts."""
        return self._clouds.secrets.redactor

    def __repr__(self) -> str:
        return f"OffboardSession({self._spec.catalog!r})"

    @property
    def plan(self) -> Plan:
        """The plan. Raises RuntimeError before it is made."""
        if self._offboarding is None:
            raise RuntimeError("there is no plan yet")
        return self._offboarding.plan

    @property
    def fingerprint(self) -> str:
        """Tells this plan from another: what would be changed, and nothing else."""
        changes = sorted(f"{each.step} {each.action} {each.kind} {each.name}" for each in self.plan.changes)
        return hashlib.sha256("\n".join(changes).encode()).hexdigest()[:16]

    async def make_plan(self) -> Plan:
        """Read what is there. Writes nothing."""
        self.metastore_id = await self._find_metastore()
        self._offboarding = await plan_offboarding(self._context(), keep_lakehouse=self._keep)
        return self._offboarding.plan

    async def _find_metastore(self) -> str | None:
        """For events, which name it. A catalog can be taken out when Databricks no longer answers, too."""
        try:
            client = self._clouds.clients.unity_catalog(self._spec.databricks.workspace)
            return (await client.metastore_summary()).metastore_id
        except UnityMirrorError:
            return None

    async def apply(self) -> Plan:
        """Plan again, and remove. Raises PlanOutgrown when that is no longer what was approved."""
        context = self._context()
        fresh = await plan_offboarding(context, keep_lakehouse=self._keep)
        self._offboarding = fresh
        if self.fingerprint != self.approved:
            remedy = "Nothing was changed. Start the offboarding again and look at the new plan."
            raise PlanOutgrown("what would be removed is no longer what was approved", remedy=remedy)
        await apply_offboarding(context, fresh)
        return fresh.plan

    def _context(self) -> Context:
        clouds = self._clouds
        deadline = clouds.settings.timeouts.operation
        return Context(self._spec, clouds.clients, clouds.secrets, deadline_seconds=deadline, reads=Reads())


@step_task("Plan the offboarding", minutes=60)
async def plan_removal(session: OffboardSession) -> str:
    """Find what of the catalog is ours, and who else needs it."""
    return counts_text((await session.make_plan()).counts())


@step_task("Remove what is ours", minutes=120, writes_to={"fabric"})
async def remove_catalog(session: OffboardSession) -> str:
    """Remove what the approved plan names, in an order that survives a kill."""
    return done_text((await session.apply()).changes)
