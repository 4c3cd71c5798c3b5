"""Where the boxes of a diagram go: layer by layer from left to right, no two over each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from unity_mirror.plan.layering import depths

GAP_X, GAP_Y, MARGIN = 110.0, 22.0, 24.0
_TALLEST = 1500.0
"""Height at which a layer goes on in a second column."""
_SWEEPS = 6
_ASPECT = 1.6


@dataclass(frozen=True)
class Box:
    """A rectangle; ``y`` grows downwards."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height


Sizes = Mapping[str, tuple[float, float]]
Links = Sequence[tuple[str, str]]


def arrange(sizes: Sizes, links: Links, top: float) -> dict[str, Box]:
    """Place boxes of these sizes (width, height). A link goes from the left to the right one as far as that can be."""
    linked = sorted({name for link in links for name in link})
    columns = _columns(_ordered(_layers(linked, links), links), sizes)
    placed: dict[str, Box] = {}
    x = MARGIN
    tallest = max([_height(column, sizes) for column in columns], default=0.0)
    for column in columns:
        y = top + (tallest - _height(column, sizes)) / 2
        for name in column:
            width, height = sizes[name]
            placed[name] = Box(x, y, width, height)
            y += height + GAP_Y
        x += max(sizes[name][0] for name in column) + GAP_X
    alone = sorted(set(sizes) - set(linked))
    below = max([box.bottom for box in placed.values()], default=top - 2 * GAP_Y) + 2 * GAP_Y
    width = max([box.right for box in placed.values()], default=0.0)
    return placed | _shelves(alone, sizes, below, width)


def _layers(names: Iterable[str], links: Links) -> list[list[str]]:
    """Each name's layer is one more than the last of those that link to it."""
    depth = depths(names, links)
    layers: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name, layer in depth.items():
        layers[layer].append(name)
    return layers


def _ordered(layers: list[list[str]], links: Links) -> list[list[str]]:
    """Within each layer, what belongs together near to each other: by the mean place of the neighbours, then by the
    order of the links."""
    near: dict[str, list[str]] = {}
    first: dict[str, int] = {}
    for number, (start, end) in enumerate(links):
        near.setdefault(start, []).append(end)
        near.setdefault(end, []).append(start)
        first.setdefault(end, number)
        first.setdefault(start, number)
    for _ in range(_SWEEPS):
        place = {
            name: number / max(len(layer) - 1, 1) if len(layer) > 1 else 0.5
            for layer in layers
            for number, name in enumerate(layer)
        }
        layers = [
            sorted(layer, key=lambda name: (sum(place[one] for one in near[name]) / len(near[name]), first[name]))
            for layer in layers
        ]
    return layers


def _columns(layers: Iterable[Sequence[str]], sizes: Sizes) -> list[list[str]]:
    columns: list[list[str]] = []
    for layer in layers:
        number = max(1, round(_height(layer, sizes) / _TALLEST + 0.49))
        each = -(-len(layer) // number)
        columns += [list(layer[start : start + each]) for start in range(0, len(layer), each)]
    return columns


def _height(names: Iterable[str], sizes: Sizes) -> float:
    return sum(sizes[name][1] + GAP_Y for name in names) - GAP_Y


def _shelves(names: Sequence[str], sizes: Sizes, top: float, width: float) -> dict[str, Box]:
    """Row by row, at most as wide as what is above, or as a page would be."""
    area = sum((sizes[name][0] + GAP_Y) * (sizes[name][1] + GAP_Y) for name in names)
    limit = max(width, (area * _ASPECT) ** 0.5, 700.0)
    placed: dict[str, Box] = {}
    x, y, deepest = MARGIN, top, top
    for name in names:
        if x > MARGIN and x + sizes[name][0] > limit:
            x, y = MARGIN, deepest + GAP_Y
        placed[name] = Box(x, y, *sizes[name])
        x, deepest = x + sizes[name][0] + GAP_Y, max(deepest, y + sizes[name][1])
    return placed
