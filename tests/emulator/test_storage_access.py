"""Who gets how far: the firewall, then roles, then access control lists, parents included; trusted Fabric sources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cloud_emulator.core.behaviour import Behaviour
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.storage.access import Source, Want, check
from tests.emulator.storage_world import (
    ACCOUNT,
    CLIENT_ADDRESS,
    CONTAINER,
    CONTRIBUTOR,
    FLAT,
    LETS_US_IN,
    NOBODY,
    OPEN,
    OWNER,
    READER,
    TEAM,
    TEAM_MEMBER,
    directory,
    file,
    grant,
    set_network,
    storage_cloud,
)
from tests.emulator.support import TENANT

WORKSPACE = "f0000000-0000-4000-8000-000000000001"
US = Source(CLIENT_ADDRESS)
FABRIC = Source(None)
TRUSTED = Source(None, WORKSPACE)
ROOT_X = "user::rwx,group::r-x,other::---,user:{0}:--x,mask::r-x"


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    """Both accounts, and a file three levels down."""
    made = storage_cloud(tmp_path)
    file(made, "sales/orders/part.parquet", b"rows")
    return made


def ask(
    cloud: Cloud, object_id: str | None, want: Want, path: str = "sales/orders/part.parquet", *, source: Source = US,
    account: str = ACCOUNT, container: str = CONTAINER,
) -> str | None:  # fmt: skip
    """The code of the denial."""
    denial = check(
        cloud, object_id=object_id, account=account, container=container, path=path, want=want, source=source
    )
    return denial.code if denial else None


@pytest.mark.parametrize("want", ["read", "list", "status", "write", "delete", "manage_acl", "container"])
def test_roles_come_before_lists(cloud: Cloud, want: Want) -> None:
    reads = want in ("read", "list", "status", "container")
    assert ask(cloud, OWNER, want) is None
    assert (ask(cloud, READER, want) is None) is reads
    assert (ask(cloud, CONTRIBUTOR, want) is None) is (want != "manage_acl")
    assert ask(cloud, NOBODY, want) == "AuthorizationPermissionMismatch"


def test_a_role_at_a_container_stops_there(cloud: Cloud) -> None:
    grant(cloud, NOBODY, "Storage Blob Data Reader", container="elsewhere")
    assert ask(cloud, NOBODY, "read") == "AuthorizationPermissionMismatch"
    grant(cloud, NOBODY, "Storage Blob Data Reader", container=CONTAINER)
    assert ask(cloud, NOBODY, "read") is None


def test_a_role_in_the_control_plane_gives_no_data(cloud: Cloud) -> None:
    for role in ("Owner", "Contributor", "Reader", "Storage Account Contributor", "Storage Blob Delegator"):
        grant(cloud, NOBODY, role)
    assert ask(cloud, NOBODY, "read") == "AuthorizationPermissionMismatch"


def open_way(cloud: Cloud, principal: str, *, leave_out: str | None = None, kind: str = "user") -> None:
    """X on the root and every parent, R+X on the folder, R on the file."""
    ways = {"": "--x", "sales": "--x", "sales/orders": "r-x"}
    for path, permissions in ways.items():
        if path != leave_out:
            directory(cloud, path, f"user::rwx,group::---,other::---,{kind}:{principal}:{permissions},mask::r-x")
    if leave_out != "sales/orders/part.parquet":
        grants = f"user::rw-,group::---,other::---,{kind}:{principal}:r--,mask::r--"
        file(cloud, "sales/orders/part.parquet", b"rows", grants)


def test_lists_let_a_principal_in_without_any_role(cloud: Cloud) -> None:
    open_way(cloud, NOBODY)
    assert ask(cloud, NOBODY, "read") is None
    assert ask(cloud, NOBODY, "list", "sales/orders") is None
    assert ask(cloud, NOBODY, "list", "sales") == "AuthorizationPermissionMismatch"
    assert ask(cloud, NOBODY, "write") == "AuthorizationPermissionMismatch"
    assert ask(cloud, NOBODY, "write", "sales/orders/new") == "AuthorizationPermissionMismatch"


@pytest.mark.parametrize("missing", ["", "sales", "sales/orders", "sales/orders/part.parquet"])
def test_every_step_of_the_way_is_needed(cloud: Cloud, missing: str) -> None:
    open_way(cloud, NOBODY, leave_out=missing)
    assert ask(cloud, NOBODY, "read") == "AuthorizationPermissionMismatch"


def test_a_group_lets_its_members_in(cloud: Cloud) -> None:
    open_way(cloud, TEAM, kind="group")
    assert ask(cloud, TEAM_MEMBER, "read") is None
    assert ask(cloud, NOBODY, "read") == "AuthorizationPermissionMismatch"


def test_an_application_id_in_a_list_opens_nothing(cloud: Cloud) -> None:
    application = cloud.directory.principals[NOBODY]["appId"]
    open_way(cloud, application)
    assert ask(cloud, NOBODY, "read") == "AuthorizationPermissionMismatch"


def test_creating_needs_write_and_execute_on_the_parent(cloud: Cloud) -> None:
    directory(cloud, "", ROOT_X.format(NOBODY))
    directory(cloud, "inbox", f"user::rwx,group::---,other::---,user:{NOBODY}:-w-,mask::rwx")
    assert ask(cloud, NOBODY, "write", "inbox/new") == "AuthorizationPermissionMismatch"
    directory(cloud, "inbox", f"user::rwx,group::---,other::---,user:{NOBODY}:-wx,mask::rwx")
    assert ask(cloud, NOBODY, "write", "inbox/new") is None
    assert ask(cloud, NOBODY, "write", "inbox/a/b/new") is None


def test_deleting_a_tree_needs_all_rights_on_each_directory_in_it(cloud: Cloud) -> None:
    everything = f"user::rwx,group::---,other::---,user:{NOBODY}:rwx,mask::rwx"
    for path in ("", "sales"):
        directory(cloud, path, everything)
    assert ask(cloud, NOBODY, "delete", "sales") == "AuthorizationPermissionMismatch"
    directory(cloud, "sales/orders", everything)
    assert ask(cloud, NOBODY, "delete", "sales") is None
    assert ask(cloud, NOBODY, "delete", "") == "AuthorizationPermissionMismatch"


def test_setting_a_list_needs_ownership(cloud: Cloud) -> None:
    directory(cloud, "", ROOT_X.format(NOBODY))
    directory(cloud, "mine", owner=NOBODY)
    assert ask(cloud, NOBODY, "manage_acl", "mine") is None
    assert ask(cloud, NOBODY, "manage_acl", "sales") == "AuthorizationPermissionMismatch"
    assert ask(cloud, CONTRIBUTOR, "manage_acl", "mine") == "AuthorizationPermissionMismatch"


def test_lists_count_for_nothing_where_the_namespace_is_flat(cloud: Cloud) -> None:
    file(cloud, "a.txt", b"x", f"user::rw-,group::---,other::---,user:{NOBODY}:r--,mask::r--", account=FLAT)
    assert ask(cloud, NOBODY, "read", "a.txt", account=FLAT) == "AuthorizationPermissionMismatch"
    assert ask(cloud, READER, "read", "a.txt", account=FLAT) is None


def test_what_is_not_there(cloud: Cloud) -> None:
    assert ask(cloud, OWNER, "read", account="nowhere") == "ResourceNotFound"
    assert ask(cloud, OWNER, "read", container="nothing") == "FilesystemNotFound"
    assert ask(cloud, NOBODY, "read", container="nothing") == "AuthorizationPermissionMismatch"
    assert ask(cloud, OWNER, "read", "not/there") is None


@pytest.mark.parametrize(
    ("rules", "public", "passes"),
    [
        (OPEN, "Enabled", True),
        (LETS_US_IN, "Enabled", True),
        ({**LETS_US_IN, "ipRules": []}, "Enabled", False),
        ({**LETS_US_IN, "ipRules": [{"value": "203.0.113.0/24", "action": "Allow"}]}, "Enabled", True),
        ({**LETS_US_IN, "ipRules": [{"value": "198.51.100.1", "action": "Allow"}]}, "Enabled", False),
        (OPEN, "Disabled", False),
        (LETS_US_IN, "Disabled", False),
        (OPEN, "SecuredByPerimeter", False),
    ],
)
def test_the_firewall_comes_first(cloud: Cloud, rules: dict[str, Any], public: str, passes: bool) -> None:
    set_network(cloud, rules, public=public)
    assert ask(cloud, OWNER, "read") == (None if passes else "AuthorizationFailure")
    assert ask(cloud, None, "read") == (None if passes else "AuthorizationFailure")


def instance_rule(workspace: str = WORKSPACE, tenant: str = TENANT) -> dict[str, Any]:
    """Network rules that let in one Fabric workspace."""
    resource = (
        "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/Fabric/providers/Microsoft.Fabric/"
        f"workspaces/{workspace}"
    )
    return {**LETS_US_IN, "resourceAccessRules": [{"tenantId": tenant, "resourceId": resource}]}


@pytest.mark.parametrize(
    ("rules", "passes"),
    [
        (instance_rule(), True),
        (instance_rule(WORKSPACE.upper()), True),
        (instance_rule("f0000000-0000-4000-8000-000000000002"), False),
        (instance_rule(tenant="99999999-0000-4000-8000-000000000000"), False),
        ({**LETS_US_IN, "bypass": "AzureServices"}, False),
    ],
)
def test_a_resource_instance_rule_lets_its_workspace_in(cloud: Cloud, rules: dict[str, Any], passes: bool) -> None:
    set_network(cloud, rules)
    assert ask(cloud, READER, "read", source=TRUSTED) == (None if passes else "AuthorizationFailure")
    assert ask(cloud, READER, "read", source=FABRIC) == "AuthorizationFailure"


def test_a_resource_instance_rule_works_with_public_access_disabled(cloud: Cloud) -> None:
    set_network(cloud, instance_rule(), public="Disabled")
    assert ask(cloud, READER, "read", source=TRUSTED) is None
    assert ask(cloud, READER, "read", source=FABRIC) == "AuthorizationFailure"
    set_network(cloud, instance_rule(), public="SecuredByPerimeter")
    assert ask(cloud, READER, "read", source=TRUSTED) == "AuthorizationFailure"


def test_trusted_access_by_folder_needs_a_delegator(cloud: Cloud) -> None:
    set_network(cloud, instance_rule())
    open_way(cloud, NOBODY)
    assert ask(cloud, NOBODY, "read", source=TRUSTED) == "AuthorizationPermissionMismatch"
    grant(cloud, NOBODY, "Storage Blob Delegator", container=CONTAINER)
    assert ask(cloud, NOBODY, "read", source=TRUSTED) == "AuthorizationPermissionMismatch"
    grant(cloud, NOBODY, "Storage Blob Delegator")
    assert ask(cloud, NOBODY, "read", source=TRUSTED) is None


def test_trusted_access_by_container_needs_a_delegator_too_unless_the_behaviour_says_otherwise(cloud: Cloud) -> None:
    set_network(cloud, instance_rule())
    grant(cloud, NOBODY, "Storage Blob Data Reader", container=CONTAINER)
    assert ask(cloud, NOBODY, "read", source=TRUSTED) == "AuthorizationPermissionMismatch"
    cloud.behaviour = Behaviour(trusted_access_delegator=False)
    assert ask(cloud, NOBODY, "read", source=TRUSTED) is None


def test_vended_credentials_meet_the_firewall_only(cloud: Cloud) -> None:
    assert ask(cloud, None, "read", source=FABRIC) == "AuthorizationFailure"
    set_network(cloud, OPEN)
    assert ask(cloud, None, "read", source=FABRIC) is None
    assert ask(cloud, None, "read", container="nothing", source=FABRIC) == "FilesystemNotFound"
