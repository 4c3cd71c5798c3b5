"""Trusted workspace access: the resource instance rule that lets the Fabric workspace through the firewall (S19).

ARM has no ETag for network rules: they are read, merged, written whole and read again, everything else echoed.
"""

from __future__ import annotations

from unity_mirror.errors import Conflict, PermissionDenied
from unity_mirror.models.arm import ResourceAccessRule, StorageAccount
from unity_mirror.plan.model import Action, Change, Check, Outcome, Remedy, Scope, ScopeKind, StepName, StepPlan
from unity_mirror.plan.ownership import Made
from unity_mirror.steps import remedies, survey
from unity_mirror.steps.context import Context, Done, Found, Known

NETWORK_RULE = "Storage network rule"
_LIMIT = 200
_NO_SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/Fabric/providers"


def workspace_rule(tenant_id: str, workspace_id: str) -> ResourceAccessRule:
    """The rule that admits a Fabric workspace (trusted workspace access documentation)."""
    resource = f"{_NO_SUBSCRIPTION}/Microsoft.Fabric/workspaces/{workspace_id}"
    return ResourceAccessRule(tenant_id=tenant_id, resource_id=resource)


class TrustedAccess:
    """Keeps the rule on the account; never drops or reorders another."""

    name = StepName.TRUSTED_ACCESS

    async def plan(self, context: Context, known: Known) -> Found:
        """The rule, if it is wanted and not there."""
        storage = context.spec.storage
        if storage is None or not storage.trusted_access or storage.resource_id is None:
            return Found(StepPlan(self.name))
        try:
            account = await survey.read_storage_account(context, storage.resource_id)
        except PermissionDenied as error:
            return Found(StepPlan(self.name, checks=(_unseen(context, storage.resource_id, str(error)),)))
        identity = await context.clients.whoami()
        rule = workspace_rule(identity.tenant_id, known.surveyed.workspace.id)
        if account.network_acls.admits(rule):
            return Found(StepPlan(self.name))
        return Found(StepPlan(self.name, (self._change(context, account, rule, known),)), work=rule)

    async def apply(self, context: Context, known: Known, found: Found) -> Done:
        """Merges the rule into what is there right now, and reads it back."""
        del known
        storage = context.spec.storage
        if found.work is None or storage is None or storage.resource_id is None:
            return Done()
        rule: ResourceAccessRule = found.work
        account = await context.clients.arm.storage_account(storage.resource_id)
        if len(account.network_acls.resource_access_rules) >= _LIMIT:
            raise Conflict(
                f"the storage account has {_LIMIT} resource instance rules already, which is the limit",
                where=account.id,
                remedy="Remove rules that nobody needs any more.",
            )
        await context.clients.arm.update_network_acls(storage.resource_id, account.network_acls.with_rule(rule))
        after = await context.clients.arm.storage_account(storage.resource_id)
        if not after.network_acls.admits(rule):
            raise Conflict(
                "the network rule was written and isn't there: someone else wrote the account's rules at the same time",
                where=account.id,
                remedy="Run again.",
            )
        return Done({"rights_changed": True})

    def _change(self, context: Context, account: StorageAccount, rule: ResourceAccessRule, known: Known) -> Change:
        cloud = remedies.cloud_for(context)
        merged = account.network_acls.with_rule(rule)
        held = len(account.network_acls.resource_access_rules)
        return Change(
            self.name,
            Action.CREATE,
            NETWORK_RULE,
            f"{account.name}: workspace {known.surveyed.workspace.display_name}",
            "the account's firewall doesn't admit the Fabric workspace",
            {"resourceAccessRules": f"{held} rules"},
            {"resourceAccessRules": f"{held + 1} rules", "resourceId": rule.resource_id, "tenantId": rule.tenant_id},
            remedies.add_network_rule(account.id, rule.tenant_id, rule.resource_id, merged, cloud),
            Made.NETWORK_RULE,
        )


def _unseen(context: Context, resource_id: str, why: str) -> Check:
    """We may not read the account: whether its firewall admits the Fabric workspace shows when a table is read."""
    account = resource_id.rsplit("/", 1)[-1]
    remedy = Remedy(f"An owner of {account} gives the identity that runs unity-mirror the role Reader on it.")
    scope = Scope(ScopeKind.CATALOG, context.spec.catalog)
    title = "The storage account's firewall can be looked at"
    return Check("trusted_access", title, scope, Outcome.UNKNOWN, why, remedy)
