"""Reading TMDL, as the service returns it, into objects; what isn't understood is kept as the lines it was."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from unity_mirror.errors import UnityMirrorError
from unity_mirror.plan.tmdl.names import unquote
from unity_mirror.plan.tmdl.tmdl import DESCRIPTION, EXPRESSION, TmdlObject

FENCE = "```"
ROOT_KINDS = frozenset(
    [
        "model",
        "database",
        "table",
        "relationship",
        "expression",
        "role",
        "perspective",
        "cultureInfo",
        "dataSource",
        "function",
    ]
)
_OBJECT = re.compile(
    r"(?P<kind>(?:ref )?[A-Za-z]\w*)\s+(?P<name>'(?:[^']|'')*'|[^\s=]+)\s*(?:(?P<equals>=)\s*(?P<rest>.*))?"
)
_PROPERTY = re.compile(r"(?P<key>[A-Za-z]\w*):\s*(?P<value>.*)")
_FENCED = re.compile(r"[A-Za-z]\w*(?:\s+(?:'(?:[^']|'')*'|[^\s=]+))?\s*=\s*```")
_WORD = re.compile(r"(?P<word>[A-Za-z]\w*)\s*(?P<equals>=.*)?")


def parse_part(text: str, path: str) -> list[TmdlObject]:
    """Read one part's root objects; what the model's own file says below the model becomes its children.

    Raises UnityMirrorError when the text isn't TMDL indented by tabs.
    """
    lines = [line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n")]
    try:
        properties, items = _members(lines, 0)
    except ValueError as error:
        raise UnityMirrorError(
            "a part of the semantic model's definition can't be read",
            where=path,
            why=str(error),
            remedy="save the model once in Power BI or Fabric, which writes it anew, and try again",
        ) from None
    standing_alone = [TmdlObject(key, "", {}, raw=(key,)) for key in properties]
    return _below_the_model([*standing_alone, *items])


def _below_the_model(items: Sequence[TmdlObject]) -> list[TmdlObject]:
    model = next((item for item in items if item.kind == "model"), None)
    if model is None:
        return list(items)
    own = tuple(item for item in items if item.kind not in ROOT_KINDS and not item.kind.startswith("ref "))
    whole = replace(model, children=(*model.children, *own), raw=())
    return [whole if item is model else item for item in items if item not in own]


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip("\t"))


def _members(lines: Sequence[str], depth: int) -> tuple[dict[str, str], list[TmdlObject]]:
    """The properties and objects that stand at one depth."""
    properties: dict[str, str] = {}
    items: list[TmdlObject] = []
    described: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            at += 1
            continue
        if _depth(line) != depth:
            raise ValueError(f"line {line.strip()[:40]!r} is indented further than what is above it allows")
        if line[depth] == " ":
            raise ValueError(f"line {line.strip()[:40]!r} is indented by blanks, not by tabs")
        if line.lstrip().startswith("///"):
            described.append(line)
            at += 1
            continue
        end = _end(lines, at, depth)
        item = _member(line.strip(), described, lines[at:end], depth)
        if isinstance(item, TmdlObject):
            items.append(item)
        else:
            properties.update(item)
        described, at = [], end
    return properties, items


def _end(lines: Sequence[str], start: int, depth: int) -> int:
    """Where a member ends: blank lines after it aren't part of it, fenced lines at any depth are."""
    fenced = _opens_fence(lines[start])
    end = at = start + 1
    while at < len(lines):
        line = lines[at]
        if fenced:
            fenced = line.strip() != FENCE
            end = at + 1
        elif line.strip():
            if _depth(line) <= depth:
                break
            fenced = _opens_fence(line)
            end = at + 1
        at += 1
    return end


def _opens_fence(line: str) -> bool:
    """Whether an expression between fences begins after this line."""
    return _FENCED.fullmatch(line.strip()) is not None


def _member(header: str, described: Sequence[str], block: Sequence[str], depth: int) -> TmdlObject | dict[str, str]:
    raw = (*described, *block)
    if found := _PROPERTY.fullmatch(header):
        return {found["key"]: found["value"]}
    if found := _WORD.fullmatch(header):
        if found["equals"] is None and len(block) == 1 and depth > 0:
            return {found["word"]: "true"}
        if found["equals"] is not None:
            return TmdlObject(found["word"], "", {EXPRESSION: "\n".join(block)}, raw=raw)
        properties, items = _members(block[1:], depth + 1)
        return TmdlObject(found["word"], "", {**_description(described), **properties}, tuple(items), raw)
    if found := _OBJECT.fullmatch(header):
        return _object(found, described, block, depth)
    return TmdlObject("?", header, raw=raw)


def _object(found: re.Match[str], described: Sequence[str], block: Sequence[str], depth: int) -> TmdlObject:
    body = block[1:]
    expression: dict[str, str] = {}
    if found["equals"]:
        value, length = _expression(found["rest"], body, depth)
        expression, body = {EXPRESSION: value}, body[length:]
    properties, items = _members(body, depth + 1)
    whole = {**_description(described), **expression, **properties}
    return TmdlObject(found["kind"], unquote(found["name"]), whole, tuple(items), (*described, *block))


def _expression(rest: str, body: Sequence[str], depth: int) -> tuple[str, int]:
    """The expression after an equals sign, and how many lines of the body it takes."""
    if rest == FENCE:
        closing = next((at for at, line in enumerate(body) if line.strip() == FENCE), len(body) - 1)
        return "\n".join(body[:closing]), closing + 1
    if rest:
        return rest, 0
    length = next((at for at, line in enumerate(body) if line.strip() and _depth(line) == depth + 1), len(body))
    return "\n".join(line[depth + 2 :] for line in body[:length]).strip("\n"), length


def _description(described: Sequence[str]) -> Mapping[str, str]:
    lines = [line.strip().removeprefix("///").removeprefix(" ") for line in described]
    return {DESCRIPTION: "\n".join(lines)} if lines else {}
