"""Granting by ACL without giving anyone else a thing."""

from __future__ import annotations

from unity_mirror.models.storage import Acl
from unity_mirror.plan.acl import READ, TRAVERSE, from_permissions, grant, holds

US = "22220000-0000-4000-8000-00000000b001"
THEM = "33330000-0000-4000-8000-000000000001"
BASE = "user::rwx,group::r-x,other::---"


def test_a_first_named_entry_brings_a_mask_that_changes_nothing_for_the_group() -> None:
    found = grant(Acl.parse(BASE), US, TRAVERSE)
    assert found.is_needed
    assert not found.gains
    assert found.after.format() == f"user::rwx,group::r-x,other::---,user:{US}:--x,mask::r-x"


def test_default_entries_come_with_their_base() -> None:
    found = grant(Acl.parse(BASE), US, READ, inherited=True)
    assert f"default:user:{US}:r-x" in found.after.format()
    assert "default:user::rwx" in found.after.format()
    assert holds(found.after, US, READ)
    assert holds(found.after, US, READ, default=True)


def test_running_twice_changes_nothing() -> None:
    once = grant(Acl.parse(BASE), US, READ, inherited=True).after
    assert not grant(once, US, READ, inherited=True).is_needed


def test_a_wider_mask_that_would_wake_a_foreign_entry_is_found() -> None:
    sleeping = Acl.parse(f"user::rwx,user:{THEM}:rwx,group::---,mask::---,other::---")
    found = grant(sleeping, US, READ)
    assert found.gains == (f"user:{THEM}:rwx would come to r-x instead of ---",)


def test_a_mask_that_allows_it_already_stays() -> None:
    acl = Acl.parse(f"user::rwx,user:{THEM}:r-x,group::---,mask::r-x,other::---")
    found = grant(acl, US, TRAVERSE)
    assert found.gains == ()
    assert found.after.mask() == "r-x"
    assert found.after.permissions("user", THEM) == "r-x"


def test_a_masked_entry_of_ours_does_not_count_as_held() -> None:
    acl = Acl.parse(f"user::rwx,user:{US}:r-x,group::---,mask::---,other::---")
    assert not holds(acl, US, TRAVERSE)
    assert holds(grant(acl, US, READ).after, US, READ)


def test_a_full_list_is_reported() -> None:
    named = ",".join(f"user:{number:08d}-0000-4000-8000-000000000000:r-x" for number in range(28))
    acl = Acl.parse(f"user::rwx,{named},group::---,mask::r-x,other::---")
    assert grant(acl, US, READ).full
    assert not grant(acl, "00000003-0000-4000-8000-000000000000", READ).full


def test_a_first_mask_takes_nothing_from_other() -> None:
    """In the documented algorithm the mask limits other, too: a narrow one would shut everyone else out."""
    found = grant(Acl.parse("user::rwx,group::---,other::rw-"), US, TRAVERSE)
    assert found.after.mask() == "rwx"
    assert found.gains == ()


def test_a_wider_mask_that_would_wake_other_is_found() -> None:
    found = grant(Acl.parse(f"user::rwx,user:{THEM}:--x,group::---,mask::--x,other::r-x"), US, READ)
    assert found.gains == ("other::r-x would come to r-x instead of --x",)


def test_what_a_recursive_change_leaves_open_is_not_plain() -> None:
    """Whether the service keeps a mask or recomputes it, the list has to come out the same."""
    assert grant(Acl.parse(BASE), US, READ).plain
    assert grant(Acl.parse(f"user::rwx,user:{THEM}:r-x,group::---,mask::r-x,other::---"), US, READ).plain
    wider = Acl.parse(f"user::rwx,user:{THEM}:rwx,group::---,mask::r-x,other::---")
    assert not grant(wider, US, READ).plain
    more = Acl.parse(f"user::rwx,user:{US}:rwx,group::---,mask::rwx,other::---")
    assert not grant(more, US, READ).plain


def test_a_list_without_a_plus_is_told_by_its_nine_letters() -> None:
    assert str(from_permissions("rwxr-x---")) == BASE
    assert from_permissions("rwxr-x---+") is None
    assert from_permissions("") is None


def test_the_sticky_bit_takes_the_last_letters_place() -> None:
    assert str(from_permissions("rwxrwxrwt")) == "user::rwx,group::rwx,other::rwx"
    assert str(from_permissions("rwxr-x--T")) == BASE


def test_a_first_default_list_leaves_new_children_to_others_as_they_would_be_without() -> None:
    """A copy of the access list, which the service would make, could give them more."""
    wide = Acl.parse("user::rwx,group::rwx,other::r-x")
    found = grant(wide, US, READ, inherited=True)
    defaults = [entry for entry in str(found.after).split(",") if entry.startswith("default:")]
    assert defaults[:3] == ["default:user::rwx", "default:group::r-x", "default:other::---"]
    assert defaults[3:] == [f"default:user:{US}:r-x", "default:mask::r-x"]
    assert not found.plain
    assert grant(Acl.parse(BASE), US, READ, inherited=True).plain
    theirs = Acl.parse("user::rwx,group::rwx,other::r-x,default:user::rwx,default:group::rwx,default:other::r-x")
    assert "default:group::rwx" in str(grant(theirs, US, READ, inherited=True).after)
