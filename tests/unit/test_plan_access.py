"""Who reads what by grants, and the roles that say the same: against a plain reading of the rules."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from unity_mirror.models.databricks import Group, GroupMember, ServicePrincipal, User
from unity_mirror.models.fabric import DataAccessRole, FabricItemMember, RoleMembers
from unity_mirror.models.table_ref import TableRef
from unity_mirror.models.unity_catalog import PrivilegeAssignment
from unity_mirror.plan.access import (
    AccessRow,
    Directory,
    EntraId,
    Grants,
    OneLakeSide,
    access_matrix,
    directory_of,
    held_by,
    matrix_table,
)
from unity_mirror.plan.access_roles import PATH_LIMIT, content_of, difference, emptied, is_ours, role_name, wanted_roles

TENANT = "72f988bf-0000-4000-8000-00000000c0de"
TABLES = tuple(TableRef(schema, table) for schema in ("a", "b") for table in ("x", "y"))
NAMES = ("one", "two", "account users")
IDS = {name: EntraId(f"0000000{number}-0000-4000-8000-000000000000", "Group") for number, name in enumerate(NAMES)}
PRIVILEGES = ("USE_CATALOG", "USE SCHEMA", "SELECT", "ALL_PRIVILEGES", "MODIFY")


def assignments() -> st.SearchStrategy[list[PrivilegeAssignment]]:
    one = st.builds(
        PrivilegeAssignment,
        principal=st.sampled_from(NAMES),
        privileges=st.lists(st.sampled_from(PRIVILEGES), max_size=3).map(tuple),
    )
    return st.lists(one, max_size=3, unique_by=lambda each: each.principal)


@st.composite
def grants(draw: st.DrawFn) -> Grants:
    return Grants(
        held_by(draw(assignments())),
        {schema: held_by(draw(assignments())) for schema in ("a", "b")},
        {table: held_by(draw(assignments())) for table in TABLES},
    )


def plainly_reads(found: Grants, names: frozenset[str], table: TableRef) -> bool:
    """The rules, said once more: each of the three, there or above, by any of the names."""

    def has(privilege: str, *levels: object) -> bool:
        return any(
            wanted in level.get(name, frozenset())  # type: ignore[attr-defined]
            for level, name, wanted in itertools.product(levels, names, (privilege, "ALLPRIVILEGES"))
        )

    catalog, schema, own = found.catalog, found.schemas[table.schema], found.tables[table]
    return has("USECATALOG", catalog) and has("USESCHEMA", catalog, schema) and has("SELECT", catalog, schema, own)


@settings(max_examples=300)
@given(found=grants())
def test_roles_open_exactly_what_the_grants_let_each_principal_read(found: Grants) -> None:
    directory = Directory(ids=IDS)
    readers = {name: tables for name in found.principals if (tables := found.reads(directory.names_of(name), TABLES))}
    roles = wanted_roles(readers, IDS, TENANT)
    side = OneLakeSide(roles, {each.object_id: "Viewer" for each in IDS.values()})
    for name in NAMES:
        names = directory.names_of(name)
        expected = {table for table in TABLES if plainly_reads(found, names, table)}
        reached = set(side.reads(frozenset({IDS[name].object_id}), TABLES))
        assert reached == (expected if name in found.principals else set())
    assert difference(roles, roles, prune=False) == difference((), (), prune=False)
    assert all(is_ours(role.name) for role in roles)


def test_the_matrix_says_where_both_sides_differ() -> None:
    every = held_by([PrivilegeAssignment(principal="one", privileges=("ALL_PRIVILEGES",))])
    rows = access_matrix(Grants(every, {}, {}), Directory(ids=IDS), OneLakeSide((), {}), TABLES, frozenset())
    assert [row.differs for row in rows] == [True]
    assert "no role in the workspace" in rows[0].remark
    table = matrix_table(rows, TABLES)
    assert table.remarkable == {0}
    assert len(table.rows[0]) == len(table.columns)


def test_the_matrix_names_whole_schemas_in_one_word() -> None:
    tables = tuple(TableRef(schema, name) for schema in ("a", "b", "c") for name in ("one", "two"))
    row = AccessRow("analysts", "", tables[:3], tables)
    told = ("a.*, b.one (3 of 6)", "all 6", "", "b.two, c.* (3 of 6)")
    assert row.cells(tables)[2:6] == told
    assert AccessRow("analysts", "", (), ()).cells(tables)[2] == "none"
    many = tuple(TableRef("s", f"t{number}") for number in range(8))
    assert AccessRow("analysts", "", many[:7], ()).cells(many)[2] == "s.t0, s.t1, s.t2, s.t3, s.t4, … (7 of 8)"


def test_many_tables_take_several_roles() -> None:
    tables = tuple(TableRef("s", f"t{number:05d}") for number in range(PATH_LIMIT + 1))
    roles = wanted_roles({"one": tables}, IDS, TENANT)
    assert [len(content_of(role)[0]) for role in roles] == [PATH_LIMIT, 1]
    assert len({role.name for role in roles}) == 2


def test_a_role_proves_by_its_name_that_it_is_ours() -> None:
    name = role_name("Sales: analysts & co.", IDS["one"].object_id)
    assert is_ours(name)
    assert len(name) <= 128
    assert not is_ours(name[:-1] + ("0" if name[-1] != "0" else "1"))
    assert not is_ours("UnityMirror_by_hand")
    assert not is_ours("DefaultReader")


def test_what_is_no_longer_wanted_loses_its_members_and_goes_when_pruned() -> None:
    (role,) = wanted_roles({"one": TABLES}, IDS, TENANT)
    kept = difference([role], [], prune=False)
    assert (kept.emptied, kept.deleted) == ((role,), ())
    assert content_of(emptied(role))[1] == frozenset()
    assert difference([emptied(role)], [], prune=False).emptied == ()
    assert difference([role], [], prune=True).deleted == (role,)


def test_others_roles_are_never_in_the_difference() -> None:
    theirs = DataAccessRole(
        name="Theirs", members=RoleMembers(fabric_item_members=(FabricItemMember(item_access=("ReadAll",)),))
    )
    found = difference([theirs], [], prune=True)
    assert (found.created, found.updated, found.emptied, found.deleted) == ((), (), (), ())


def test_nested_groups_are_followed_and_ambiguous_names_stand_for_nobody() -> None:
    directory = directory_of(
        groups=[
            Group(
                id="1", display_name="Inner", external_id="i", members=(GroupMember(value="u"), GroupMember(value="s"))
            ),
            Group(id="2", display_name="outer", external_id="o", members=(GroupMember(value="1"),)),
            Group(id="3", display_name="twice", external_id="t"),
            Group(id="4", display_name="Twice", external_id="T"),
            Group(id="5", display_name="local", members=(GroupMember(value="2"),)),
        ],
        users=[User(id="u", user_name="Ann@contoso.example", external_id="a")],
        service_principals=[ServicePrincipal(id="s", application_id="APP", external_id="p")],
        mapped={"Local": "mapped"},
    )
    assert directory.names_of("ann@contoso.example") == {
        "ann@contoso.example", "inner", "outer", "local", "account users",
    }  # fmt: skip
    assert directory.ids_of("app") == {"p", "i", "o", "mapped"}
    assert "twice" not in directory.ids
    assert directory.ambiguous == {"twice"}
