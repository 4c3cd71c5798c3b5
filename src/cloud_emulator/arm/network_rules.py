"""A storage account's network rules: what may be written, and what each api-version shows of them."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Network, IPv6Network, NetmaskValueError
from typing import Any, Literal

from pydantic import Field

from cloud_emulator.arm.errors import refuse
from cloud_emulator.arm.requests import Body
from cloud_emulator.arm.versions import IPV6_RULES_SINCE, PUBLIC_ACCESS_SINCE, RESOURCE_ACCESS_RULES_SINCE
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.store import Document

MOST_RESOURCE_ACCESS_RULES = 200
_MOST_RULES = 400
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_RESOURCE_ID = re.compile(
    r"/subscriptions/[0-9a-f-]{36}/resourcegroups/[^/]+/providers/[A-Za-z.]+(/[A-Za-z]+/[^/]+)+", re.IGNORECASE
)
_SUBNET_ID = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Network/virtualNetworks/[^/]+/subnets/[^/]+",
    re.IGNORECASE,
)
_NOT_PUBLIC = (
    "0.0.0.0/8", "10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3",
)  # fmt: skip
"""This host, private networks, loopback, link-local, multicast and reserved."""
_BYPASS = ("None", "Logging", "Metrics", "AzureServices")


class IpRule(Body):
    """An address or a range that is let in."""

    value: str
    action: Literal["Allow"] = "Allow"


class VirtualNetworkRule(Body):
    """A subnet that is let in."""

    id: str
    action: Literal["Allow"] = "Allow"
    state: Literal["Provisioning", "Deprovisioning", "Succeeded", "Failed", "NetworkSourceDeleted"] = "Succeeded"


class ResourceAccessRule(Body):
    """A resource instance that is let in."""

    tenant_id: str
    resource_id: str


_SINCE = {
    "ipv6Rules": IPV6_RULES_SINCE,
    "resourceAccessRules": RESOURCE_ACCESS_RULES_SINCE,
    "publicNetworkAccess": PUBLIC_ACCESS_SINCE,
}
"""What older api-versions don't know."""


class NetworkAcls(Body):
    """The whole set. Writing it replaces the whole set: what the body leaves out is gone."""

    default_action: Literal["Allow", "Deny"]
    bypass: str = "AzureServices"
    ip_rules: list[IpRule] = Field(default_factory=list)
    ipv6_rules: list[IpRule] | None = Field(None, alias="ipv6Rules")
    virtual_network_rules: list[VirtualNetworkRule] = Field(default_factory=list)
    resource_access_rules: list[ResourceAccessRule] | None = None


def written(cloud: Cloud, acls: NetworkAcls, api_version: str) -> dict[str, Any]:
    """The document to store. Refused with ``InvalidValuesForRequestParameters`` when a rule isn't valid."""
    strict = cloud.rules.on("arm.network.old_versions")
    if acls.ipv6_rules is not None and api_version < IPV6_RULES_SINCE and strict:
        raise _invalid("ipv6Rules")
    if acls.resource_access_rules is not None and api_version < RESOURCE_ACCESS_RULES_SINCE and strict:
        raise _invalid("resourceAccessRules")
    if cloud.rules.on("arm.network.bypass"):
        _check_bypass(acls.bypass)
    if cloud.rules.on("arm.network.addresses"):
        _check_addresses(acls)
    _check_resources(cloud, acls.resource_access_rules or [])
    for rule in acls.virtual_network_rules:
        if not _SUBNET_ID.fullmatch(rule.id):
            raise _invalid("virtualNetworkRules[*].id")
    return {
        "resourceAccessRules": [],
        "ipv6Rules": [],
        **acls.model_dump(mode="json", by_alias=True, exclude_none=True),
    }


def shown(cloud: Cloud, account: Document, api_version: str) -> Document:
    """An account as an api-version shows it: older ones don't know the newer rules."""
    hidden = {name for name, since in _SINCE.items() if api_version < since}
    if not hidden or not cloud.rules.on("arm.network.old_versions"):
        return account
    properties = {name: value for name, value in account["properties"].items() if name not in hidden}
    acls = {name: value for name, value in properties["networkAcls"].items() if name not in hidden}
    return {**account, "properties": {**properties, "networkAcls": acls}}


def check_public_access(cloud: Cloud, api_version: str) -> None:
    """Refuses publicNetworkAccess in a body of an api-version that doesn't know it."""
    if api_version < PUBLIC_ACCESS_SINCE and cloud.rules.on("arm.network.old_versions"):
        raise refuse(400, "InvalidRequestPropertyName", "The api-version has no property publicNetworkAccess.")


def _check_bypass(bypass: str) -> None:
    parts = [part.strip() for part in bypass.split(",")]
    if any(part not in _BYPASS for part in parts) or ("None" in parts and len(parts) > 1):
        raise _invalid("bypass")


def _check_addresses(acls: NetworkAcls) -> None:
    if len(acls.ip_rules) > _MOST_RULES or len(acls.virtual_network_rules) > _MOST_RULES:
        raise _invalid("ipRules[]")
    for rule in acls.ip_rules:
        if not _is_public_ipv4(rule.value):
            raise _invalid("ipRule[*].value")
    for rule in acls.ipv6_rules or ():
        try:
            IPv6Network(rule.value)
        except (AddressValueError, NetmaskValueError, ValueError) as error:
            raise _invalid("ipv6Rules[*].value") from error


def _is_public_ipv4(value: str) -> bool:
    """A public address, or a range of them of /30 or wider."""
    try:
        network = IPv4Network(value)
    except (AddressValueError, NetmaskValueError, ValueError):
        return False
    prefix = value.partition("/")[2]
    private = any(network.overlaps(IPv4Network(each)) for each in _NOT_PUBLIC)
    return not private and (prefix == "" or network.prefixlen <= 30)


def _check_resources(cloud: Cloud, rules: list[ResourceAccessRule]) -> None:
    if len(rules) > MOST_RESOURCE_ACCESS_RULES and cloud.rules.on("arm.network.most_resources"):
        raise _invalid("resourceAccessRules[]")
    for rule in rules if cloud.rules.on("arm.network.resource_id") else ():
        if not _GUID.fullmatch(rule.tenant_id):
            raise _invalid("resourceAccessRules[*].tenantId")
        if not _RESOURCE_ID.fullmatch(rule.resource_id):
            raise _invalid("resourceAccessRules[*].resourceId")


def _invalid(what: str) -> Exception:
    return refuse(
        400,
        "InvalidValuesForRequestParameters",
        f"Values for request parameters are invalid: networkAcls.{what}. "
        "For more information, see - https://aka.ms/storagenetworkruleset",
    )
