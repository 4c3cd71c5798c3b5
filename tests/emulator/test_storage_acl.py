"""POSIX access control lists: text, limits, masks, inheritance, and the documented check."""

from __future__ import annotations

import pytest

from cloud_emulator.storage import acl

ALICE = "aaaaaaaa-0000-4000-8000-000000000001"
BOB = "bbbbbbbb-0000-4000-8000-000000000002"
STAFF = "cccccccc-0000-4000-8000-000000000003"
OTHERS = "dddddddd-0000-4000-8000-000000000004"
BASE = "user::rwx,group::r-x,other::---"


def guid(number: int) -> str:
    """An object id."""
    return f"eeeeeeee-0000-4000-8000-{number:012}"


@pytest.mark.parametrize(
    "text",
    [
        "user::rwz", "user:rwx", "person::rwx", "user:alice:rwx", f"mask:{ALICE}:rwx", "user::rwx,user::r--", "",
        "user::", f"default:other:{ALICE}:r--", "user::rw",
    ],
)  # fmt: skip
def test_malformed_lists_are_refused(text: str) -> None:
    with pytest.raises(acl.InvalidAcl):
        acl.parse(text)


def test_a_list_needs_the_three_base_entries() -> None:
    with pytest.raises(acl.InvalidAcl):
        acl.complete(acl.parse("user::rwx,group::r-x"), directory=True)
    with pytest.raises(acl.InvalidAcl):
        acl.complete(acl.parse(f"{BASE},default:user:{ALICE}:r-x"), directory=True)


def test_only_directories_have_default_entries() -> None:
    defaults = "default:user::rwx,default:group::r-x,default:other::---"
    assert acl.complete(acl.parse(f"{BASE},{defaults}"), directory=True).count("default:") == 3
    with pytest.raises(acl.InvalidAcl):
        acl.complete(acl.parse(f"{BASE},{defaults}"), directory=False)


def test_a_missing_mask_is_worked_out_from_what_it_limits() -> None:
    text = acl.complete(acl.parse(f"user::rwx,group::r--,other::---,user:{ALICE}:-wx"), directory=False)
    assert "mask::rwx" in text


@pytest.mark.parametrize(("named", "fits"), [(28, True), (29, False)])
def test_at_most_28_named_entries(named: int, fits: bool) -> None:
    entries = ",".join([BASE, "mask::rwx", *(f"user:{guid(index)}:r-x" for index in range(named))])
    if fits:
        assert len(acl.parse(acl.complete(acl.parse(entries), directory=False))) == acl.MOST_ENTRIES
    else:
        with pytest.raises(acl.InvalidAcl, match="28"):
            acl.complete(acl.parse(entries), directory=False)


def test_access_and_default_entries_are_counted_apart() -> None:
    named = [f"user:{guid(index)}:r-x" for index in range(28)]
    scope = [*BASE.split(","), "mask::rwx", *named]
    entries = ",".join([*scope, *(f"default:{entry}" for entry in scope)])
    assert len(acl.parse(acl.complete(acl.parse(entries), directory=True))) == 64


def test_modify_keeps_the_rest_and_leaves_a_mask_alone() -> None:
    held = f"{BASE},user:{ALICE}:r--,mask::r--"
    merged = acl.parse(acl.merge(held, acl.parse(f"user:{BOB}:rwx"), directory=True))
    assert {str(entry) for entry in merged} >= {f"user:{ALICE}:r--", f"user:{BOB}:rwx", "mask::r--", "group::r-x"}


def test_the_first_default_entry_brings_the_base_entries_along() -> None:
    merged = acl.merge(BASE, acl.parse(f"default:user:{BOB}:r-x"), directory=True)
    assert {"default:user::rwx", "default:group::r-x", "default:other::---", "default:mask::r-x"} <= set(
        merged.split(",")
    )


def test_remove_takes_named_entries_and_never_base_ones() -> None:
    held = f"{BASE},user:{ALICE}:r--,mask::r--"
    assert ALICE not in acl.without(held, acl.parse_removal(f"user:{ALICE}"), directory=False)
    with pytest.raises(acl.InvalidAcl):
        acl.without(held, acl.parse_removal("group:"), directory=False)


def test_chmod_sets_the_mask_where_there_is_one() -> None:
    assert acl.change_mode(BASE, 0o640) == "user::rw-,group::r--,other::---"
    changed = acl.change_mode(f"{BASE},user:{ALICE}:rwx,mask::rwx", 0o750)
    assert "mask::r-x" in changed
    assert "group::r-x" in changed


@pytest.mark.parametrize(("text", "mode"), [("0750", 0o750), ("rwxr-x---", 0o750), ("640", 0o640)])
def test_modes_are_octal_or_symbolic(text: str, mode: int) -> None:
    assert acl.parse_mode(text) == mode


@pytest.mark.parametrize("text", ["888", "rwx", "", "rwxrwxrwz"])
def test_other_modes_are_refused(text: str) -> None:
    with pytest.raises(acl.InvalidAcl):
        acl.parse_mode(text)


def test_children_without_defaults_get_the_mode_less_the_umask() -> None:
    assert acl.child_acl(BASE, directory=True) == "user::rwx,group::r-x,other::---"
    assert acl.child_acl(BASE, directory=False) == "user::rw-,group::r--,other::---"
    assert acl.child_acl(BASE, directory=False, mode=0o777, umask=0o077) == "user::rwx,group::---,other::---"


def test_children_inherit_default_entries_but_nothing_for_others() -> None:
    defaults = f"default:user::rwx,default:user:{ALICE}:r-x,default:group::r-x,default:mask::r-x,default:other::r-x"
    parent = f"{BASE},{defaults}"
    file = acl.child_acl(parent, directory=False)
    assert file == f"user::rwx,user:{ALICE}:r-x,group::r-x,mask::r-x,other::---"
    directory = acl.child_acl(parent, directory=True, mode=0o700)
    assert set(defaults.split(",")) <= set(directory.split(","))


@pytest.mark.parametrize(("text", "shown"), [(BASE, "rwxr-x---"), (f"{BASE},user:{ALICE}:rwx,mask::rwx", "rwxrwx---+")])
def test_the_summary_shows_the_mask_and_a_plus_for_more(text: str, shown: str) -> None:
    assert acl.summary(text) == shown


@pytest.mark.parametrize(
    ("text", "identity", "groups", "desired", "allowed"),
    [
        pytest.param("user::r--,group::rwx,other::rwx", "owner", {"group"}, "w", False, id="the owner's entry decides"),
        pytest.param(f"{BASE},user:{ALICE}:rwx,mask::---", "owner", set(), "rwx", True, id="no mask for the owner"),
        pytest.param(f"{BASE},user:{ALICE}:rwx,mask::r--", ALICE, set(), "w", False, id="the mask limits named users"),
        pytest.param(f"{BASE},user:{ALICE}:---,mask::rwx", ALICE, {"group"}, "r", False, id="no group after a user"),
        pytest.param(f"{BASE},user:{ALICE}:r-x,mask::r-x", ALICE, set(), "rx", True, id="a named user"),
        pytest.param(BASE, ALICE, {"group"}, "rx", True, id="the owning group"),
        pytest.param(f"{BASE},user:{BOB}:r-x,mask::--x", ALICE, {"group"}, "r", False, id="the mask limits the group"),
        pytest.param(f"{BASE},group:{STAFF}:rwx,mask::rwx", ALICE, {STAFF}, "w", True, id="a named group"),
        pytest.param(
            f"{BASE},group:{STAFF}:r--,group:{OTHERS}:-w-,mask::rwx", ALICE, {STAFF, OTHERS}, "rw", False,
            id="no two groups together",
        ),
        pytest.param("user::rwx,group::---,other::r--", ALICE, set(), "r", True, id="others"),
        pytest.param(f"user::rwx,group::---,other::r--,user:{BOB}:rwx,mask::-wx", ALICE, set(), "r", False,
                     id="the mask limits others, as documented"),
        pytest.param(BASE, ALICE, set(), "r", False, id="nobody in particular"),
    ],
)  # fmt: skip
def test_the_documented_check(text: str, identity: str, groups: set[str], desired: str, allowed: bool) -> None:
    assert acl.allows(text, "owner", "group", identity, frozenset(groups), desired) is allowed
