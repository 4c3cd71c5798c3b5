"""Refuses what the parser takes for T-SQL and SQL Server doesn't.

Imports sqlglot, which is slow: only the threads that run queries do it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from cloud_emulator.sql import errors

DIALECT = "tsql, normalization_strategy=case_sensitive"
_FOREIGN_TOKENS = {
    TokenType.LIMIT, TokenType.QUALIFY, TokenType.ILIKE, TokenType.DCOLON, TokenType.NATURAL, TokenType.USING,
    TokenType.TRUE, TokenType.FALSE, TokenType.SEMI, TokenType.ANTI, TokenType.ASOF,
}  # fmt: skip
_FOREIGN_NODES = (
    exp.Array, exp.Boolean, exp.Bracket, exp.ILike, exp.Interval, exp.Lambda, exp.Qualify, exp.RegexpLike, exp.Struct,
    exp.Tuple, exp.Unnest,
)  # fmt: skip
_UNSERVED_NODES = (exp.ForClause, exp.Lateral, exp.TableSample, exp.Pivot, exp.AtTimeZone)
_LITERAL_TYPES = {TokenType.DATE, TokenType.TIME, TokenType.TIMESTAMP, TokenType.DATETIME}
_NO_CONDITIONS = (exp.Column, exp.Literal, exp.Parameter, exp.Cast, exp.Null)


def check_tokens(tokens: Sequence[Token]) -> None:
    """Raises SQL error 102 for words and signs of other dialects."""
    for position, token in enumerate(tokens):
        following = tokens[position + 1] if position + 1 < len(tokens) else None
        is_literal = token.token_type in _LITERAL_TYPES and following is not None
        if token.token_type in _FOREIGN_TOKENS or (is_literal and _is_text(following)):
            raise errors.syntax(token.text)
        if token.text.upper() == "NULLS" and following is not None and following.text.upper() in ("FIRST", "LAST"):
            raise errors.syntax(token.text)


def check_tree(tree: exp.Query) -> None:
    """Raises SQL errors for constructs of other dialects, for conditions that are none, and for what isn't served."""
    for node in tree.find_all(*_FOREIGN_NODES):
        if not isinstance(node, exp.Tuple) or not isinstance(node.parent, exp.Values | exp.In):
            raise errors.syntax(node.sql("tsql")[:60])
    for node in tree.find_all(*_UNSERVED_NODES):
        raise errors.not_served(node.sql("tsql").strip()[:60] or "this clause")
    for node in tree.find_all(exp.LimitOptions):
        if node.args.get("percent") or node.args.get("with_ties"):
            raise errors.not_served("TOP with PERCENT or WITH TIES")
    for condition in _conditions(tree):
        if isinstance(condition, _NO_CONDITIONS):
            message = "An expression of non-boolean type specified in a context where a condition is expected"
            raise errors.SqlError(4145, f"{message}, near '{condition.sql('tsql')}'.", severity=15)
    for select in tree.find_all(exp.Select):
        _check_select(select)


def _check_select(select: exp.Select) -> None:
    if not select.expressions:
        raise errors.syntax("SELECT")
    for each in select.expressions:
        value = each.unalias()
        if isinstance(value, exp.Predicate | exp.And | exp.Or | exp.Not) or _excludes(value):
            raise errors.syntax(value.sql("tsql")[:60])
    group = select.args.get("group")
    if group is not None and group.args.get("all"):
        raise errors.syntax("ALL")
    limit, order = select.args.get("limit"), select.args.get("order")
    if isinstance(limit, exp.Fetch) and (order is None or select.args.get("offset") is None):
        raise errors.syntax("FETCH")


def _excludes(value: exp.Expr) -> bool:
    star = value.this if isinstance(value, exp.Column) else value
    return isinstance(star, exp.Star) and any(star.args.values())


def _conditions(tree: exp.Query) -> Iterator[exp.Expr]:
    """Every expression that stands where a condition must."""
    for node in tree.find_all(exp.Where, exp.Having, exp.And, exp.Or, exp.Not, exp.Join, exp.If):
        if isinstance(node, exp.Join):
            yield from [node.args["on"]] if node.args.get("on") is not None else []
        elif not isinstance(node, exp.If) or _is_searched(node):
            yield node.this
            yield from [node.expression] if isinstance(node, exp.And | exp.Or) else []


def _is_searched(branch: exp.If) -> bool:
    """Whether a WHEN is a condition, and not a value that the CASE compares with."""
    return not isinstance(branch.parent, exp.Case) or branch.parent.args.get("this") is None


def _is_text(token: Token | None) -> bool:
    return token is not None and token.token_type is TokenType.STRING
