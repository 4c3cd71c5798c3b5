"""For random trees, lists, rules and role assignments: after onboarding the workspace's identity reads exactly what it
should, and everything that others made is as it was, byte for byte."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_emulator.core.cloud import Cloud
from cloud_emulator.seeds.contoso import azure
from cloud_emulator.seeds.contoso.identities import ANALYST, CONTROLLER, FINANCE, SALES_ANALYSTS, STEWARD
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
PERMISSIONS = ["".join(letters) for letters in itertools.product("r-", "w-", "x-")]
NUMBERS = itertools.count(1)
FOREIGN_RULE = "/subscriptions/{0:08d}-0000-0000-0000-000000000001/resourcegroups/Theirs/providers/Theirs.Own/things/x"


@dataclass(frozen=True)
class Node:
    """A path to be made below the container, its owner and its whole list."""

    path: str
    is_directory: bool
    owner: str
    acl: str


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
    paths = [("", True), ("data", True), ("data/sales", True), ("data/other", True), ("data/other/f", False)]
    for folder in range(draw(st.integers(0, 3))):
        paths.append((f"data/sales/t{folder}", True))
        paths += [(f"data/sales/t{folder}/f{file}", False) for file in range(draw(st.integers(0, 2)))]
    paths += [(f"data/sales/loose{file}", False) for file in range(draw(st.integers(0, 1)))]
    return [
        Node(path, is_directory, draw(owners), draw(access_lists(is_directory=is_directory)))
        for path, is_directory in paths
    ]


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(tree=trees(), rules=st.lists(st.integers(0, 99_999_999), max_size=4, unique=True), elsewhere=st.booleans())
async def test_the_identity_reads_exactly_what_it_should(
    world: World, tree: list[Node], rules: list[int], elsewhere: bool
) -> None:
    cloud, container = world.cloud, f"p{next(NUMBERS):04d}"
    make(cloud, container, tree)
    set_rules(
        cloud,
        [
            {"tenantId": f"{each:08d}-0000-4000-8000-000000000002", "resourceId": FOREIGN_RULE.format(each)}
            for each in rules
        ],
    )
    before, before_rules, before_roles = nodes(cloud, container), network_rules(cloud), roles(cloud)
    spec = example(
        "sales",
        **{
            "storage.url": f"https://{azure.LAKE}.dfs.core.windows.net/{container}/data/sales",
            "storage.used_outside_item": str(elsewhere).lower(),
        },
    )
    async with world.context(spec) as context:
        known = await surveyed(context)
        known, refused = await run_steps(context, known)
        again = [await step.plan(context, known) for step in (StorageAccess(), TrustedAccess())]
    identity = str(known.storage_principal)
    after = nodes(cloud, container)
    assert untouched_by_us(after, identity) == untouched_by_us(before, identity)
    assert abilities(cloud, after, identity) == abilities(cloud, before, identity)
    assert network_rules(cloud)["resourceAccessRules"][: len(rules)] == before_rules["resourceAccessRules"]
    assert {**network_rules(cloud), "resourceAccessRules": []} == {**before_rules, "resourceAccessRules": []}
    assert {key: roles(cloud)[key] for key in before_roles} == before_roles
    if refused:
        assert after == before
        return
    assert [found.plan.changes for found in again] == [(), ()]
    files.put_file(cloud, azure.LAKE, container, "data/sales/t9/later", b"later")
    found = nodes(cloud, container)
    for node in found.values():
        inside = f"{node['path']}/".startswith("data/sales/")
        if not node["isDirectory"]:
            assert reads(cloud, identity, container, node["path"]) is (inside or outsider_reads(found, node["path"]))


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
        storage_seed.set_access(cloud, made, owner=node.owner, access_list=node.acl)


def nodes(cloud: Cloud, container: str) -> dict[str, dict[str, Any]]:
    """Every path of a container: what is kept of it, but for what each write changes."""
    found = [files.stat(cloud, azure.LAKE, container, ""), *files.walk(cloud, azure.LAKE, container, "")]
    fields = ("path", "isDirectory", "owner", "group", "acl")
    return {node["path"]: {field: node[field] for field in fields} for node in found if node is not None}


def untouched_by_us(found: dict[str, dict[str, Any]], identity: str) -> dict[str, tuple[str, ...]]:
    """Each path's access entries as text, without ours and without masks, which say nothing by themselves."""
    return {
        path: tuple(
            str(entry)
            for entry in lists.parse(node["acl"])
            if not entry.default and entry.kind != "mask" and entry.entity != identity
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


def set_rules(cloud: Cloud, rules: list[dict[str, str]]) -> None:
    account = cloud.table("arm.storageAccounts")[azure.LAKE]
    acls = {**account["properties"]["networkAcls"], "resourceAccessRules": rules}
    cloud.table("arm.storageAccounts")[azure.LAKE] = {
        **account,
        "properties": {**account["properties"], "networkAcls": acls},
    }


def network_rules(cloud: Cloud) -> dict[str, Any]:
    return dict(cloud.table("arm.storageAccounts")[azure.LAKE]["properties"]["networkAcls"])


def roles(cloud: Cloud) -> dict[str, Any]:
    return dict(cloud.table("arm.roleAssignments").items())
