"""For random trees, lists, network rules, role assignments and grants: after onboarding everyone reads exactly what
they should, and everything that others made is as it was, byte for byte.

A tree is made twice, and only one is onboarded: what others may do with it, and with what is made in it later, has to
be the same in both."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cloud_emulator.arm import seed as arm_seed
from cloud_emulator.core.cloud import Cloud
from cloud_emulator.seeds.contoso import azure
from cloud_emulator.seeds.contoso.identities import (
    ANALYST,
    CONTROLLER,
    FINANCE,
    PLATFORM,
    RUNNER,
    SALES_ANALYSTS,
    STEWARD,
)
from cloud_emulator.storage import acl as lists
from cloud_emulator.storage import files
from cloud_emulator.storage import seed as storage_seed
from cloud_emulator.storage.access import Source, check
from tests.onboarding.world import World, example
from unity_mirror.models.unity_catalog import MetastoreSummary
from unity_mirror.plan.model import Outcome
from unity_mirror.plan.selection import Selection
from unity_mirror.steps.context import Context, Known, Survey
from unity_mirror.steps.identity import Identity
from unity_mirror.steps.storage_access import StorageAccess
from unity_mirror.steps.trusted_access import TrustedAccess

WORKSPACE = "55550000-0000-4000-8000-00000000f001"
PEOPLE = (CONTROLLER, ANALYST, STEWARD)
NAMED = [
    *(f"user:{person.object_id}" for person in PEOPLE),
    *(f"group:{team.object_id}" for team in (SALES_ANALYSTS, FINANCE)),
]
KEEP = (RUNNER.object_id, PLATFORM.object_id)
PERMISSIONS = ["".join(letters) for letters in itertools.product("r-", "w-", "x-")]
NUMBERS = itertools.count(1)
FOREIGN_RULE = "/subscriptions/{0:08d}-0000-0000-0000-000000000001/resourcegroups/Theirs/providers/Theirs.Own/things/x"


@dataclass(frozen=True)
class Node:
    """A path to be made below the container, its owner and its whole list."""

    path: str
    is_directory: bool
    owner: str
    group: str
    acl: str


@dataclass(frozen=True)
class Around:
    """What stands around a tree: the firewall's rules, roles that others hold, and what the identity has already."""

    rules: list[int]
    addresses: list[int]
    roles: list[tuple[str, str, str]]
    held: str
    elsewhere: bool


ADDRESSES = st.lists(st.integers(1, 254), max_size=3, unique=True)
ROLES = st.tuples(
    st.sampled_from([*(each.object_id for each in PEOPLE), SALES_ANALYSTS.object_id]),
    st.sampled_from(["Storage Blob Data Reader", "Storage Blob Data Contributor", "Reader"]),
    st.sampled_from(["account", "container"]),
)
AROUND = st.builds(
    Around,
    rules=st.lists(st.integers(0, 99_999_999), max_size=4, unique=True),
    addresses=ADDRESSES,
    roles=st.lists(ROLES, max_size=3, unique=True),
    held=st.sampled_from(["", "", "", "Storage Blob Data Reader", "Storage Blob Delegator", "a part of the entries"]),
    elsewhere=st.booleans(),
)


def entries(*, default: bool) -> st.SearchStrategy[str]:
    """One list's entries: the base, named ones, and a mask that may hide what they say."""
    permissions = st.sampled_from(PERMISSIONS)
    named = st.lists(st.tuples(st.sampled_from(NAMED), permissions), max_size=3, unique_by=lambda each: each[0])
    prefix = "default:" if default else ""

    def render(base: tuple[str, str, str], some: list[tuple[str, str]], mask: str | None) -> str:
        parts = [f"user::{base[0]}", f"group::{base[1]}", f"other::{base[2]}"]
        parts += [f"{who}:{what}" for who, what in some]
        parts += [f"mask::{mask}"] if mask is not None else []
        return ",".join(prefix + part for part in parts)

    bases = st.tuples(permissions, permissions, permissions)
    # Most masks are wide, so that most trees can be opened at all.
    masks = st.one_of(st.none(), st.just("r-x"), st.just("rwx"), st.just("rwx"), permissions)
    return st.builds(render, bases, named, masks)


def access_lists(*, is_directory: bool) -> st.SearchStrategy[str]:
    if not is_directory:
        return entries(default=False)
    both = st.tuples(entries(default=False), entries(default=True)).map(",".join)
    return st.one_of(entries(default=False), both)


@st.composite
def trees(draw: st.DrawFn) -> list[Node]:
    """``data/sales`` with folders and files below, and a neighbour that must stay closed."""
    owners = st.sampled_from([files.SUPERUSER, STEWARD.object_id])
    teams = st.sampled_from([files.SUPERUSER, SALES_ANALYSTS.object_id])
    paths = [("", True), ("data", True), ("data/sales", True), ("data/other", True), ("data/other/f", False)]
    for folder in range(draw(st.integers(0, 3))):
        paths.append((f"data/sales/t{folder}", True))
        paths += [(f"data/sales/t{folder}/f{file}", False) for file in range(draw(st.integers(0, 2)))]
    paths += [(f"data/sales/loose{file}", False) for file in range(draw(st.integers(0, 1)))]
    return [
        Node(path, is_directory, draw(owners), draw(teams), draw(access_lists(is_directory=is_directory)))
        for path, is_directory in paths
    ]


COMES_TO: Counter[bool] = Counter()
"""How many trees were refused, and how many weren't: a property of refused ones alone would say little."""


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")
@settings(
    max_examples=25,
    phases=[Phase.explicit, Phase.generate],  # the cloud remembers earlier trees: shrinking would meet another one
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(tree=trees(), around=AROUND)
async def test_the_identity_reads_exactly_what_it_should(world: World, tree: list[Node], around: Around) -> None:
    cloud, number = world.cloud, next(NUMBERS)
    container, twin = f"p{number:04d}", f"q{number:04d}"
    for each in (container, twin):
        make(cloud, each, tree)
    set_firewall(cloud, around)
    spec = example(
        "sales",
        **{
            "storage.url": f"https://{azure.LAKE}.dfs.core.windows.net/{container}/data/sales",
            "storage.used_outside_item": str(around.elsewhere).lower(),
        },
    )
    give_roles(cloud, container, around.roles)
    async with world.context(spec) as context:
        if around.held:
            await hold(world, context, container, around.held)
        before, before_rules, before_roles = nodes(cloud, container), network_rules(cloud), roles(cloud)
        known, refused = await run_steps(context, await surveyed(context))
        again = [await step.plan(context, known) for step in (StorageAccess(), TrustedAccess())]
    identity = str(known.storage_principal)
    after = nodes(cloud, container)
    COMES_TO[refused] += 1
    assert untouched_by_us(after, before, identity) == untouched_by_us(before, before, identity)
    assert abilities(cloud, after, identity) == abilities(cloud, before, identity)
    assert network_rules(cloud)["resourceAccessRules"][: len(around.rules)] == before_rules["resourceAccessRules"]
    assert {**network_rules(cloud), "resourceAccessRules": []} == {**before_rules, "resourceAccessRules": []}
    assert {key: roles(cloud)[key] for key in before_roles} == before_roles
    if refused:
        assert after == before
        return
    assert [found.plan.changes for found in again] == [(), ()]
    later(cloud, container, twin, identity)
    for node in nodes(cloud, container).values():
        if not node["isDirectory"]:
            allowed = f"{node['path']}/".startswith("data/sales/") or around.held == "Storage Blob Data Reader"
            outside = outsider_reads(nodes(cloud, container), node["path"])
            assert reads(cloud, identity, container, node["path"]) is (allowed or outside), node["path"]


def test_not_only_refusals() -> None:
    """Of the trees above, a good part could be opened, and some had to be refused."""
    if sum(COMES_TO.values()) >= 25:
        assert COMES_TO[False] >= 5
        assert COMES_TO[True] >= 1


def later(cloud: Cloud, container: str, twin: str, identity: str) -> None:
    """What is made afterwards, in each folder of both trees: others may do the same with it, ours reads its own."""
    folders = [path for path, node in nodes(cloud, container).items() if node["isDirectory"]]
    for folder in folders:
        where = f"{folder}/later".lstrip("/")
        for each in (container, twin):
            files.put_file(cloud, azure.LAKE, each, where, b"later")
    found, plain = nodes(cloud, container), nodes(cloud, twin)
    made = {path for path in found if path.endswith("later")}
    assert _of(abilities(cloud, found, identity), made) == _of(abilities(cloud, plain, identity), made)


def _of(found: Mapping[tuple[str, str, str], bool], paths: Collection[str]) -> dict[tuple[str, str, str], bool]:
    """Reading and writing of some files; executing one comes to nothing."""
    return {key: may for key, may in found.items() if key[0] in paths and key[2] != "x"}


async def hold(world: World, context: Context, container: str, what: str) -> None:
    """Gives the identity something beforehand, which is somebody else's then, or a part of what it needs."""
    identity = Identity()
    known = await surveyed(context)
    found = await identity.plan(context, known)
    done = await identity.apply(context, known, found)
    context.reads.forget()
    principal = str({**found.facts, **done.facts}["storage_principal"])
    if what.startswith("Storage"):
        give_roles(
            world.cloud, container, [(principal, what, "account" if what.endswith("Delegator") else "container")]
        )
        return
    for path in ("", "data/sales"):
        node = files.stat(world.cloud, azure.LAKE, container, path)
        assert node is not None
        entry = f"user:{principal}:--x"
        listed = [each for each in node["acl"].split(",") if principal not in each]
        mask = [] if any(each.startswith("mask::") for each in listed) else ["mask::rwx"]
        storage_seed.set_access(
            world.cloud, node, owner=node["owner"], group=node["group"], access_list=",".join([*listed, entry, *mask])
        )


async def surveyed(context: Context) -> Known:
    """What the prerequisites would have found; Unity Catalog plays no part here."""
    workspace = await context.clients.fabric.workspaces.get(WORKSPACE)
    return Known(survey=Survey(workspace, MetastoreSummary(metastore_id="m"), (), Selection((), ()), None))


async def run_steps(context: Context, known: Known) -> tuple[Known, bool]:
    """Identity, storage rights and firewall, planned and applied as the runner does. True when a check refused."""
    for step in (Identity(), StorageAccess(), TrustedAccess()):
        found = await step.plan(context, known)
        if any(each.outcome is Outcome.FAILED for each in found.plan.checks):
            return known, True
        done = await step.apply(context, known, found)
        context.reads.forget()
        known = known.learn([{**found.facts, **done.facts}])
    return known, False


def make(cloud: Cloud, container: str, tree: list[Node]) -> None:
    files.create_container(cloud, azure.LAKE, container)
    for node in tree:
        where = (cloud, azure.LAKE, container, node.path)
        made = files.make_directory(*where) if node.is_directory else files.put_file(*where, b"x")
        storage_seed.set_access(cloud, made, owner=node.owner, group=node.group, access_list=node.acl)


def nodes(cloud: Cloud, container: str) -> dict[str, dict[str, Any]]:
    """Every path of a container: what is kept of it, but for what each write changes."""
    found = [files.stat(cloud, azure.LAKE, container, ""), *files.walk(cloud, azure.LAKE, container, "")]
    fields = ("path", "isDirectory", "owner", "group", "acl")
    return {node["path"]: {field: node[field] for field in fields} for node in found if node is not None}


def untouched_by_us(
    found: dict[str, dict[str, Any]], before: dict[str, dict[str, Any]], identity: str
) -> dict[str, tuple[str, ...]]:
    """Each path's entries as text and in order, default ones too, without ours and without masks, which say nothing by
    themselves. A default list that there was none of says nothing of anyone, either, but by what is made in it."""
    had = {path: any(entry.default for entry in lists.parse(node["acl"])) for path, node in before.items()}
    return {
        path: tuple(
            str(entry)
            for entry in lists.parse(node["acl"])
            if entry.kind != "mask" and entry.entity != identity and (had[path] or not entry.default)
        )
        for path, node in found.items()
    }


def abilities(cloud: Cloud, found: dict[str, dict[str, Any]], identity: str) -> dict[tuple[str, str, str], bool]:
    """What each person, and a stranger, may do with each path by its list alone."""
    everyone = [*(person.object_id for person in PEOPLE), "99990000-0000-4000-8000-00000000000f"]
    assert identity not in everyone
    return {
        (path, who, letter): lists.allows(
            node["acl"], node["owner"], node["group"], who, frozenset(cloud.directory.groups_of(who)), letter
        )
        for path, node in found.items()
        for who in everyone
        for letter in "rwx"
    }


def outsider_reads(found: dict[str, dict[str, Any]], path: str) -> bool:
    """Whether a file beside the folder is open to anyone at all; the identity may pass the folders that both share."""
    stranger = "99990000-0000-4000-8000-00000000000e"

    def may(node: dict[str, Any], letter: str) -> bool:
        return lists.allows(node["acl"], node["owner"], node["group"], stranger, frozenset(), letter)

    return may(found["data/other"], "x") and may(found[path], "r")


def reads(cloud: Cloud, identity: str, container: str, path: str) -> bool:
    """Whether Fabric, as the workspace's identity, gets through the firewall and may read a file."""
    source = Source(address=None, fabric_workspace_id=WORKSPACE)
    denial = check(
        cloud, object_id=identity, account=azure.LAKE, container=container, path=path, want="read", source=source
    )
    return denial is None


def set_firewall(cloud: Cloud, around: Around) -> None:
    """The account's network rules: this machine's address, and what others put beside it."""
    account = cloud.table("arm.storageAccounts")[azure.LAKE]
    rules = [
        {"tenantId": f"{each:08d}-0000-4000-8000-000000000002", "resourceId": FOREIGN_RULE.format(each)}
        for each in around.rules
    ]
    addresses = [{"value": f"198.51.100.{each}", "action": "Allow"} for each in around.addresses]
    ours = {"value": cloud.behaviour.client_address, "action": "Allow"}
    acls = {
        **account["properties"]["networkAcls"], "resourceAccessRules": rules, "ipRules": [*addresses, ours],
    }  # fmt: skip
    cloud.table("arm.storageAccounts")[azure.LAKE] = {
        **account,
        "properties": {**account["properties"], "networkAcls": acls},
    }
    assignments = cloud.table("arm.roleAssignments")
    for key in [key for key, held in assignments.items() if held["principalId"] not in KEEP]:
        del assignments[key]


def give_roles(cloud: Cloud, container: str, wanted: Iterable[tuple[str, str, str]]) -> None:
    """Role assignments on the account or on the container."""
    account = azure.account_id(azure.LAKE)
    scopes = {"account": account, "container": f"{account}/blobServices/default/containers/{container}"}
    made = tuple(
        arm_seed.RoleAssignmentSeed(scope=scopes[where], principal_id=who, role=role) for who, role, where in wanted
    )
    arm_seed.load(cloud, arm_seed.ArmSeed(role_assignments=made))
    cloud.store.commit()


def network_rules(cloud: Cloud) -> dict[str, Any]:
    return dict(cloud.table("arm.storageAccounts")[azure.LAKE]["properties"]["networkAcls"])


def roles(cloud: Cloud) -> dict[str, Any]:
    return dict(cloud.table("arm.roleAssignments").items())
