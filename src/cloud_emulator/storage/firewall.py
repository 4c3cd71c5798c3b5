"""A storage account's network rules: who gets as far as signing in."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cloud_emulator.core.rules import Rules

FABRIC_WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/fabric/providers/microsoft.fabric/workspaces/"
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a request comes from: a public address, or a Fabric workspace that Azure vouches for.

    Neither for Fabric's own machines when nobody vouches for them.
    """

    address: str | None
    fabric_workspace_id: str | None = None


def is_public(properties: Mapping[str, Any]) -> bool:
    """Whether an account's network rules let everybody through."""
    return _network(properties) == "Enabled" and _rules(properties).get("defaultAction", "Allow") == "Allow"


def lets_in(rules_on: Rules, properties: Mapping[str, Any], source: Source, tenant_id: str) -> bool:
    """Whether a request passes the account's rules.

    With public access off, addresses don't count any more, but resource instance rules still do (trusted workspace
    access documentation) [D]. A network security perimeter lets nobody in here.
    """
    if is_public(properties):
        return True
    rules, network = _rules(properties), _network(properties)
    if network not in ("Enabled", "Disabled"):
        return False
    if source.fabric_workspace_id is not None:
        named = _names_workspace(rules, source.fabric_workspace_id, tenant_id)
        if named or not rules_on.on("storage.firewall.instance"):
            return True
    if source.address is None:
        return not rules_on.on("storage.firewall.fabric")
    if network == "Disabled" and rules_on.on("storage.firewall.disabled"):
        return False
    named = any(_matches(rule, source.address) for rule in rules.get("ipRules") or ())
    return named or not rules_on.on("storage.firewall.default")


def _network(properties: Mapping[str, Any]) -> str:
    return str(properties.get("publicNetworkAccess") or "Enabled")


def _rules(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    return properties.get("networkAcls") or {}


def _names_workspace(rules: Mapping[str, Any], workspace_id: str, tenant_id: str) -> bool:
    wanted = FABRIC_WORKSPACE + workspace_id.lower()
    return any(
        rule["resourceId"].lower() == wanted and rule["tenantId"].lower() == tenant_id.lower()
        for rule in rules.get("resourceAccessRules") or ()
    )


def _matches(rule: Mapping[str, Any], address: str) -> bool:
    try:
        return rule.get("action", "Allow") == "Allow" and ipaddress.ip_address(address) in ipaddress.ip_network(
            rule["value"], strict=False
        )
    except ValueError:
        return False
