"""How many times faster one artifact is than another: block against block of the same round, so that drift cancels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edgekit.core.measurement import LatencySamples


@dataclass(frozen=True)
class SpeedRatio:
    """p50 of one artifact over p50 of another: 2.0 means that the other is twice as fast; with its 95 % interval."""

    value: float
    low: float
    high: float


def speed_ratio(base: LatencySamples, other: LatencySamples) -> SpeedRatio:
    """The ratio of block medians, block i of `base` over block i of `other`.

    Blocks are interleaved, so both blocks of a pair met the machine in nearly the same state: a neighbour that slows it for
    half of the round slows both. The estimate is the pseudo-median of the logarithms (Hodges and Lehmann 1963, Ann. Math.
    Stat. 34:598) and the interval inverts Wilcoxon's signed-rank test exactly, so that a few disturbed blocks do not decide.

    Args:
        base: Samples of the first artifact.
        other: Samples of the second, measured in the same job at the same thread count.

    Raises:
        ValueError: They have different numbers of blocks, or none.
    """
    if len(base.blocks_ms) != len(other.blocks_ms) or not base.blocks_ms:
        raise ValueError(f"blocks are compared in pairs; there are {len(base.blocks_ms)} and {len(other.blocks_ms)}")
    logs = [math.log(_median(a) / _median(b)) for a, b in zip(base.blocks_ms, other.blocks_ms, strict=True)]
    walsh = sorted((logs[i] + logs[j]) / 2 for i in range(len(logs)) for j in range(i, len(logs)))
    left_out = _rank_quantile(len(logs))
    low, high = walsh[left_out], walsh[-1 - left_out]
    return SpeedRatio(math.exp(_median(walsh)), math.exp(low), math.exp(high))


def _rank_quantile(n: int) -> int:
    """How many Walsh averages lie outside a 95 % interval at each end, from the exact null distribution of the signed rank.

    The largest k with P(W < k) <= 0.025, where W is the sum of the ranks 1..n that get a plus sign; 0 for n below 6, where
    the whole range is less than 95 % sure.
    """
    ways = [1]
    for rank in range(1, n + 1):
        ways = [(ways[w] if w < len(ways) else 0) + (ways[w - rank] if w >= rank else 0) for w in range(len(ways) + rank)]
    total, below, k = 2**n, 0, 0
    while below + ways[k] <= 0.025 * total:
        below += ways[k]
        k += 1
    return k


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
