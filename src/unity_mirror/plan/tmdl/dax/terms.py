"""Arithmetic over measures that gives in DAX what it gives in SQL.

Two differences are made good. Where SQL says null, DAX says blank, which counts as 0 in sums: ``1 - cost / revenue``
would be 1 wherever there is no revenue. And a count over no rows is 0 in SQL and blank in DAX. Alone it may stay
blank, for a report then shows no row; where it is multiplied, divided or looked at for being null, it becomes 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a measure in DAX, and how its result is to be shown.

    ``nullable``: SQL may say null, and DAX says blank then. ``counts``: DAX may say blank where SQL says 0.
    """

    text: str
    nullable: bool = False
    counts: bool = False
    format_string: str | None = None


def negative(term: Term) -> Term:
    """``-term``, by a product where it may be blank: of that it is known that it stays so."""
    return replace(term, text=f"-{term.text}" if term.text[0].isdigit() else f"-1 * {term.text}")


def in_brackets(term: Term) -> Term:
    """``(term)``."""
    return replace(term, text=f"({term.text})")


def product(left: Term, right: Term) -> Term:
    """``left * right``."""
    nullable = left.nullable or right.nullable
    sides = [_never_blank(side).text if nullable else side.text for side in (left, right)]
    return Term(" * ".join(sides), nullable, counts=not nullable and (left.counts or right.counts))


def quotient(left: Term, right: Term) -> Term:
    """``left / right``, which is null where the divisor is 0."""
    return Term(f"DIVIDE({_never_blank(left).text}, {right.text})", nullable=True)


def first_of(left: Term, right: Term) -> Term:
    """``COALESCE(left, right)``."""
    last = right if right.nullable else _never_blank(right)
    return Term(f"COALESCE({_never_blank(left).text}, {last.text})", right.nullable)


def total(terms: Sequence[tuple[str, Term]]) -> Term:
    """Terms, each with the sign before it, of which the first has none. Null as soon as one of them is."""
    if len(terms) == 1:
        return terms[0][1]
    text = " ".join(f"{sign} {term.text}".strip() for sign, term in terms)
    formats = {term.format_string for _, term in terms}
    shown = formats.pop() if len(formats) == 1 else None
    needed = dict.fromkeys(term.text for _, term in terms if term.nullable)
    if needed:
        text = f"IF({' && '.join(f'NOT ISBLANK({each})' for each in needed)}, {text})"
    return Term(text, bool(needed), not needed and all(term.counts for _, term in terms), shown)


def _never_blank(term: Term) -> Term:
    """The term with a 0 where a count has no rows; nothing is changed of what may be null."""
    return replace(term, text=f"({term.text} + 0)") if term.counts else term
