"""What a data access role may say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.core.store import Document
from cloud_emulator.fabric.errors import invalid_input, not_found
from cloud_emulator.fabric.onelake import MIRRORED, ROOTS
from cloud_emulator.fabric.validation import Body, Guid

ROLE_LIMIT = 250
MEMBER_LIMIT = 500
PERMISSION_LIMIT = 500
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}")
_SOURCE = r"^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}/[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$"


class PermissionScope(Body):
    """One of the two attributes of a permission."""

    attribute_name: Literal["Path", "Action"]
    attribute_value_included_in: list[str] = Field(min_length=1)


class ColumnConstraint(Body):
    """Columns of a table that a role shows."""

    table_path: str
    column_names: list[str] = Field(min_length=1)
    column_effect: Literal["Permit"]
    column_action: list[Literal["Read"]] = Field(min_length=1)


class RowConstraint(Body):
    """Rows of a table that a role shows."""

    table_path: str
    value: str = Field(min_length=1)


class Constraints(Body):
    """What narrows a rule."""

    columns: list[ColumnConstraint] | None = None
    rows: list[RowConstraint] | None = None


class DecisionRule(Body):
    """What a role permits, and where."""

    effect: Literal["Permit"] = "Permit"
    permission: list[PermissionScope] = Field(min_length=2, max_length=2)
    constraints: Constraints | None = None


class FabricItemMember(Body):
    """Everyone who holds these permissions on an item."""

    item_access: list[Literal["Read", "Write", "Reshare", "Explore", "Execute", "ReadAll"]] = Field(min_length=1)
    source_path: str = Field(pattern=_SOURCE)


class EntraMember(Body):
    """A user, group or service principal, by object id."""

    tenant_id: Guid
    object_id: Guid
    object_type: Literal["Group", "User", "ServicePrincipal", "ManagedIdentity"] | None = None


class Members(Body):
    """Who has a role."""

    fabric_item_members: list[FabricItemMember] = Field(default_factory=list)
    microsoft_entra_members: list[EntraMember] = Field(default_factory=list)


class RoleBody(Body):
    """A role; its id and entity tag are the service's to give."""

    name: str
    kind: Literal["Policy"] = "Policy"
    decision_rules: list[DecisionRule] = Field(min_length=1)
    members: Members = Field(default_factory=Members)


class RolesBody(Body):
    """The whole set of an item's roles."""

    value: list[RoleBody]


def check_roles(cloud: Cloud, item: Document, roles: Sequence[RoleBody]) -> None:
    """Checks a whole set. Raises 400 or 404."""
    names = [role.name.lower() for role in roles]
    if len(set(names)) < len(names) and cloud.rules.on("fabric.access_roles.unique_name"):
        raise invalid_input("Two roles have the same name.")
    for role in roles:
        check_role(cloud, item, role, others=len(roles) - 1)


def check_role(cloud: Cloud, item: Document, role: RoleBody, *, others: int) -> None:
    """Checks one role beside ``others``. Raises 400 ``InvalidInput``, 404 ``PrincipalNotFound``."""
    if others + 1 > ROLE_LIMIT:
        raise invalid_input(f"An item can have {ROLE_LIMIT} roles.")
    if not _NAME.fullmatch(role.name) and cloud.rules.on("fabric.access_roles.name"):
        raise invalid_input(
            f"The role name {role.name!r} is not valid: letters, digits and underscores, a letter first."
        )
    if len(role.members.fabric_item_members) + len(role.members.microsoft_entra_members) > MEMBER_LIMIT:
        raise invalid_input(f"A role can have {MEMBER_LIMIT} members.")
    paths = sum(len(_scopes(rule)["Path"]) for rule in role.decision_rules)
    if paths > PERMISSION_LIMIT:
        raise invalid_input(f"A role can have {PERMISSION_LIMIT} permissions.")
    for rule in role.decision_rules:
        _check_rule(cloud, item, rule)
    for member in role.members.fabric_item_members:
        if member.source_path.lower() != f"{item['workspaceId']}/{item['id']}":
            raise invalid_input("The sourcePath of a fabricItemMember must be that of this very item.")
    for entra in role.members.microsoft_entra_members:
        _check_member(cloud, entra)


def _check_rule(cloud: Cloud, item: Document, rule: DecisionRule) -> None:
    scopes = _scopes(rule)
    reads_only = item["type"] == MIRRORED and cloud.rules.on("fabric.access_roles.read_only")
    allowed = {"Read"} if reads_only else {"Read", "ReadWrite"}
    if not allowed.issuperset(scopes["Action"]):
        raise invalid_input(f"Roles on a {item['type']} permit {' or '.join(sorted(allowed))} only.")
    paths = [path.strip("/") for path in scopes["Path"]]
    for path in paths:
        within = path == "*" or path.split("/")[0] in ROOTS[item["type"]]
        if not within and cloud.rules.on("fabric.access_roles.paths"):
            raise invalid_input(f"The path {path!r} must be * or begin with {' or '.join(ROOTS[item['type']])}.")
    constraints = rule.constraints or Constraints()
    for constraint in (*(constraints.columns or ()), *(constraints.rows or ())):
        table = constraint.table_path.strip("/")
        if not any(path == "*" or f"{table}/".startswith(f"{path}/") for path in paths):
            raise invalid_input(f"The constraint's table {table!r} is not in the permission's paths.")


def _scopes(rule: DecisionRule) -> dict[str, list[str]]:
    scopes = {scope.attribute_name: scope.attribute_value_included_in for scope in rule.permission}
    if len(scopes) != 2:
        raise invalid_input("A permission consists of exactly one Path and one Action.")
    return {str(name): values for name, values in scopes.items()}


def _check_member(cloud: Cloud, member: EntraMember) -> None:
    """An application id is nobody's object id."""
    foreign = member.tenant_id != cloud.directory.tenant_id.lower()
    if foreign and cloud.rules.on("fabric.access_roles.tenant"):
        raise invalid_input(f"The member {member.object_id} is of another tenant.")
    found = cloud.directory.by_object_id(member.object_id)
    if found is None:
        if not cloud.rules.on("fabric.access_roles.object_id"):
            return
        raise not_found("Principal", member.object_id)
    wanted = "ServicePrincipal" if member.object_type == "ManagedIdentity" else member.object_type
    if wanted not in (None, found["type"]):
        raise invalid_input(f"The member {member.object_id} is not of type {member.object_type}.")
