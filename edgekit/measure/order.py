"""The order of measurement blocks: interleaved and mirrored, so that drift hits all artifacts alike."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def interleaved(items: Sequence[T], blocks: int, seed: int) -> list[T]:
    """Every item `blocks` times: one pass over all in a random order, then the same order backward, then a new order.

    In a forward pass and its mirror (A B C, C B A) every item has the same mean position, so a linear drift of the
    machine cancels; a new order for each pair keeps an item from always following the same neighbour. The orders are
    drawn from `seed`.
    """
    draw = random.Random(seed)  # noqa: S311 - an order, not a secret
    plan: list[T] = []
    forward: list[T] = []
    for index in range(blocks):
        if index % 2 == 0:
            forward = list(items)
            draw.shuffle(forward)
            plan.extend(forward)
        else:
            plan.extend(reversed(forward))
    return plan
