"""Marks in descriptions, and derived names."""

from __future__ import annotations

from unity_mirror.plan.ownership import (
    DESCRIPTION_LIMIT,
    EVERYTHING_BELOW,
    Made,
    Memory,
    Owner,
    Spared,
    is_spared,
    mark_of,
    read_mark,
    role_assignment_name,
    with_mark,
)


def test_a_mark_is_read_back() -> None:
    mark = mark_of("sales", frozenset({Made.ACL, Made.NETWORK_RULE}))
    assert read_mark(with_mark("", mark)) == mark
    assert read_mark(with_mark("The sales catalog.\nAsk finance.", mark)) == mark


def test_what_people_wrote_stays_and_the_mark_is_not_doubled() -> None:
    first = with_mark("For analysts.", mark_of("sales"))
    again = with_mark(first, mark_of("sales", frozenset({Made.IDENTITY})))
    assert again == "For analysts.\nunity-mirror: sales made=identity"


def test_the_limit_is_kept_even_with_the_longest_names() -> None:
    ours, spared = Owner("c" * 255, "0a1b2c3d-0000-4000-8000-000000000000"), Spared.path("a/c/f/branch", below=True)
    made: frozenset[Memory] = frozenset({*Made, spared})
    for mark in (ours.mark(made, "i" * 256), ours.mark_on_top(made, "i" * 256), ours.mark_on_top(made, "i", "w")):
        text = with_mark("x" * 300, mark)
        assert len(text) <= DESCRIPTION_LIMIT
        assert read_mark(text) == mark
    assert mark_of("c" * 254).catalog != mark_of("c" * 255).catalog


def test_no_mark_means_not_ours() -> None:
    assert read_mark(None) is None
    assert read_mark("unity-mirror: sales\nedited by hand") is None


def test_role_assignment_names_are_derived_without_case() -> None:
    name = role_assignment_name("/subscriptions/S/x", "P", "R")
    assert name == role_assignment_name("/Subscriptions/s/X/", "p", "r")
    assert name != role_assignment_name("/subscriptions/S/x", "Q", "R")


def test_a_mark_names_the_metastore() -> None:
    """Catalogs of one name are kept apart; where either side doesn't know its metastore, the name decides."""
    ours = Owner("sales", "0A1B2C3D-0000-4000-8000-000000000000")
    assert ours.mark().line() == "unity-mirror: sales metastore=0a1b2c3d"
    assert ours.owns(ours.mark(frozenset({Made.ACL})).line())
    assert not ours.owns(Owner("sales", "ffffffff-0000-4000-8000-000000000000").mark().line())
    assert ours.owns(Owner("sales").mark().line())
    assert Owner("sales").owns(ours.mark().line())
    assert not ours.owns(Owner("hr", "0a1b2c3d-0000-4000-8000-000000000000").mark().line())


def test_a_mark_tells_the_name_that_we_gave_an_item() -> None:
    """Only where that isn't its catalog's own."""
    ours = Owner("sales", "0a1b2c3d-0000-4000-8000-000000000000")
    assert ours.mark(frozenset({Made.ACL}), "Sales").line() == "unity-mirror: sales metastore=0a1b2c3d made=acl"
    other = ours.mark(frozenset({Made.ACL}), "Finance mirror")
    assert read_mark(other.line()) == other
    assert ours.named(other.line(), "finance MIRROR")
    assert not ours.named(other.line(), "sales")
    assert ours.named(ours.mark().line(), "sales")
    assert not Owner("hr").named(ours.mark().line(), "sales")


def test_a_mark_tells_whose_a_lakehouse_is_that_stands_elsewhere() -> None:
    """The name always, and the workspace of the mirrored catalog where that isn't its own; what was made isn't told."""
    ours, made = Owner("sales", "0a1b2c3d-0000-4000-8000-000000000000"), frozenset[Memory]({Made.ACL})
    here, there = ours.mark_on_top(made, "Sales"), ours.mark_on_top(made, "Sales", "W1")
    assert (here.made, there.made) == (made, frozenset())
    for mark, serves in ((here, ""), (there, "w1")):
        assert read_mark(mark.line()) == mark
        assert [ours.owns_on_top(mark.line(), each) for each in ("", "w1", "w2")] == [
            serves == "",
            serves == "w1",
            False,
        ]
        assert ours.named_on_top(mark.line(), "SALES")
        assert not ours.named_on_top(mark.line(), "another")
    assert ours.named_on_top(ours.mark().line(), "whatever"), "as marks were before they told it"


def test_what_was_there_before_is_remembered_by_digest() -> None:
    made: frozenset[Memory] = frozenset(
        {Made.ACL, Spared.path("a/c/f/branch", below=True), Spared.path("a/c/f/one", below=False)}
    )
    mark = read_mark(with_mark("", mark_of("sales", made)))
    assert mark is not None
    assert mark.made == made
    spared = ("a/c/f/branch", "a/c/f/branch/x/y", "a/c/f/one")
    assert all(is_spared(path, mark.made) for path in spared)
    assert not any(is_spared(path, mark.made) for path in ("a/c/f", "a/c/f/one/x", "a/c/f/branches"))
    many = frozenset(Spared.path(str(number), below=False) for number in range(20))
    assert mark_of("sales", many).made == {EVERYTHING_BELOW}
    assert is_spared("a/c/f/anything", {EVERYTHING_BELOW})
