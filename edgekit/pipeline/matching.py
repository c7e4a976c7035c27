"""Matching: which tensor of one model is which of another - by name, else by what it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from edgekit.pipeline.tracing import Tensor

SURE = 0.999
"""From this likeness on two tensors are the same one whatever their places; below it their order must agree as well."""

LEAST = 0.5
"""Below this likeness two tensors have nothing to do with each other."""

NAMED = 0.94
"""What a common name is worth: a damaged tensor keeps its counterpart, and yet a name that moved (a quantizer folds a ReLU
away and leaves its name to what was before it) gives way to the tensor that holds the values."""

ELEMENTS = 4096
"""So many elements, drawn at random, stand for a tensor when it looks for its like: memory stays flat, and the likeness of
two unrelated tensors of this length is 0 +- 0.016."""


@dataclass(frozen=True)
class Match:
    """Tensor `first` of one model is tensor `second` of the other, once its axes are arranged by `axes`."""

    first: int
    second: int
    axes: tuple[int, ...]


def match(first: Sequence[Tensor], second: Sequence[Tensor]) -> list[Match]:
    """The pairs of two models' tensors, in the execution order of the first; each tensor is in one pair at most."""
    pairs: dict[Match, float] = {}
    taken: tuple[set[int], set[int]] = (set(), set())
    for score, pair in sorted(_candidates(first, second), key=lambda row: -row[0]):
        free = pair.first not in taken[0] and pair.second not in taken[1]
        if free and (_named(first, second, pair) or score >= SURE or _in_order(pair, pairs)):
            pairs[pair] = score
            taken[0].add(pair.first)
            taken[1].add(pair.second)
    return _without_rewritten(pairs, lambda pair: _named(first, second, pair))


def _named(first: Sequence[Tensor], second: Sequence[Tensor], pair: Match) -> bool:
    return first[pair.first].name == second[pair.second].name


def _without_rewritten(pairs: Mapping[Match, float], named: Callable[[Match], bool]) -> list[Match]:
    """Leaves out unlike pairs that like ones follow: what departs stays so, what is rewritten (a scale folded into the
    weights before it) is itself again one operator later.
    """
    kept: list[Match] = []
    sure_follows = False
    for pair in sorted(pairs, key=lambda pair: -pair.first):
        if pairs[pair] >= SURE or named(pair) or not sure_follows:
            kept.insert(0, pair)
            sure_follows = pairs[pair] >= SURE
    return kept


def arranged(values: Any, pair: Match, shape: tuple[int, ...]) -> Any:
    """One sample of the second model's tensor as the first model lays it out."""
    squeezed = values.reshape([size for size in values.shape if size != 1])
    return squeezed.transpose(pair.axes).reshape(shape)


def _candidates(first: Sequence[Tensor], second: Sequence[Tensor]) -> list[tuple[float, Match]]:
    """Pairs of one shape that hold like values or have one name, each with its score."""
    found = []
    shapes = [_squeezed(tensor) for tensor in second]
    for place, tensor in enumerate(first):
        wanted = _squeezed(tensor)
        like = [(other, axes) for other, shape in enumerate(shapes) for axes in _arrangements(wanted, shape)]
        if not like:
            continue
        own = _sample(tensor, tuple(range(len(wanted))), wanted)
        for other, axes in like:
            value = _likeness(own, _sample(second[other], axes, wanted))
            score = max(value, NAMED) if tensor.name == second[other].name else value
            if score >= LEAST:
                # Among equals (a tensor and its copy) the one at the like place goes first.
                apart = abs(place / len(first) - other / len(second))
                found.append((round(score, 6) - 1e-7 * apart, Match(place, other, axes)))
    return found


def _in_order(pair: Match, pairs: Iterable[Match]) -> bool:
    """Whether everything matched so far lies on the same side of both."""
    return all((pair.first < other.first) == (pair.second < other.second) for other in pairs)


def _squeezed(tensor: Tensor) -> tuple[int, ...]:
    return tuple(int(size) for size in tensor.values().shape[1:] if size != 1)


def _arrangements(wanted: tuple[int, ...], shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The orders of axes that turn `shape` into `wanted`: as they are, channels moved first, channels moved last."""
    if len(wanted) != len(shape) or prod(wanted) != prod(shape):
        return []
    axes = tuple(range(len(shape)))
    orders = dict.fromkeys([axes, (*axes[-1:], *axes[:-1]), (*axes[1:], *axes[:1])])
    return [order for order in orders if tuple(shape[axis] for axis in order) == wanted]


def _sample(tensor: Tensor, axes: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """Up to ELEMENTS elements of the first two samples; the same places for every tensor of one shape."""
    import numpy as np

    places = np.random.default_rng(0).integers(0, prod(shape), min(ELEMENTS, prod(shape)))
    rows = [np.asarray(row, np.float64) for row in tensor.values()[:2]]
    squeezed = [row.reshape([size for size in row.shape if size != 1]) for row in rows]
    return np.concatenate([row.transpose(axes).reshape(-1)[places] for row in squeezed])


def _likeness(first: Any, second: Any) -> float:
    """2 a.b / (a.a + b.b): 1 for equal vectors, 0 for unrelated ones; unlike the cosine it sees a changed scale."""
    power = float(first @ first + second @ second)
    if not power < float("inf"):  # NaN as well
        return 0.0
    return 2.0 * float(first @ second) / power if power else 1.0
