"""Principals as Fabric's API names and shows them: always by object id."""

from __future__ import annotations

from typing import Any, Literal

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.store import Document
from cloud_emulator.fabric.errors import invalid_input, not_found
from cloud_emulator.fabric.validation import Body, Guid


class GroupDetails(Body):
    """What a request may say about a group."""

    group_type: Literal["Unknown", "SecurityGroup", "DistributionList"] | None = None


class PrincipalBody(Body):
    """A principal in a request; what the API only answers is refused."""

    id: Guid
    type: Literal["User", "ServicePrincipal", "Group"]
    group_details: GroupDetails | None = None


def find(cloud: Cloud, named: PrincipalBody, rule: str) -> Document:
    """The principal that a request names. An application id names nobody, which is the rule ``rule``.

    Raises 404 ``PrincipalNotFound``, 400 ``InvalidInput`` for details of another type.
    """
    if named.group_details is not None and named.type != "Group":
        raise invalid_input(f"groupDetails don't belong to a principal of type {named.type}.")
    found = cloud.directory.by_object_id(named.id)
    if found is None and not cloud.rules.on(rule):
        found = cloud.directory.by_app_id(named.id)
    if found is None or found["type"] != named.type:
        raise not_found("Principal", named.id)
    return found


def view(cloud: Cloud, object_id: str, kind: str) -> dict[str, Any]:
    """A principal in an answer; one that is gone from the directory shows its id and type only."""
    shown: dict[str, Any] = {"id": object_id, "type": kind}
    found = cloud.directory.by_object_id(object_id)
    if found is None:
        return shown
    shown["displayName"] = found["displayName"]
    if kind == "User":
        shown["userDetails"] = {"userPrincipalName": found.get("userPrincipalName", "")}
    elif kind == "ServicePrincipal":
        shown["servicePrincipalDetails"] = {"aadAppId": found["appId"]}
    elif kind == "Group":
        shown["groupDetails"] = {"groupType": "SecurityGroup"}
    return shown
