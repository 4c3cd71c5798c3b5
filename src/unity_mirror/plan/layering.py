"""Layers of things that refer to each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


def depths(names: Iterable[str], links: Iterable[tuple[str, str]]) -> dict[str, int]:
    """How many links lead, at most, one after the other to each name; links that close a circle don't count."""
    depth = dict.fromkeys(names, 0)
    onward: dict[str, list[str]] = {name: [] for name in depth}
    for start, end in sorted(set(links)):
        if not _reaches(onward, end, start):
            onward[start].append(end)
    for _ in depth:
        changed = False
        for start, ends in onward.items():
            for end in ends:
                if depth[end] <= depth[start]:
                    depth[end], changed = depth[start] + 1, True
        if not changed:
            break
    return depth


def _reaches(onward: Mapping[str, Sequence[str]], start: str, goal: str) -> bool:
    waiting, seen = [start], {start}
    while waiting:
        name = waiting.pop()
        if name == goal:
            return True
        fresh = [after for after in onward[name] if after not in seen]
        seen.update(fresh)
        waiting += fresh
    return False
