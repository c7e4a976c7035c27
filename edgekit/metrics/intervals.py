"""95 % intervals for shares: one share (Wilson) and the difference of two shares on the same samples (Newcombe)."""

from __future__ import annotations

import math

from edgekit.core.measurement import Interval

Z95 = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution."""


def wilson(successes: int, n: int) -> Interval:
    """The score interval of a share (Wilson 1927; method 3 of Newcombe 1998, Stat. Med. 17:857).

    Unlike the textbook interval it stays inside 0..1 and keeps its coverage near 0 and 1, where accuracies live.

    Args:
        successes: How often it happened, 0..n.
        n: How often it could have happened.

    Returns:
        Lower and upper end; (0, 1) when n is 0, because nothing is known.

    Raises:
        ValueError: `successes` is outside 0..n.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes in {n} trials cannot be")
    if n == 0:
        return 0.0, 1.0
    share = successes / n
    square = Z95 * Z95
    middle = share + square / (2 * n)
    half = Z95 * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    low, high = ((middle + sign * half) / (1 + square / n) for sign in (-1, 1))
    # At 0 and n one end is exact; rounding would leave 1e-17 there.
    return (0.0 if successes == 0 else low), (1.0 if successes == n else high)


def paired_difference(n11: int, n10: int, n01: int, n00: int) -> Interval:
    """The interval of a difference of two shares measured on the same samples.

    Method 10 of Newcombe 1998, Stat. Med. 17:2635: both Wilson intervals are combined by squaring and adding, with the
    correlation of the pairs taken into account.

    Args:
        n11: Samples where both happened.
        n10: Samples where only the first happened.
        n01: Samples where only the second happened.
        n00: Samples where neither happened.

    Returns:
        Lower and upper end of first share - second share; (-1, 1) when there are no samples.

    Raises:
        ValueError: A count is negative.
    """
    if min(n11, n10, n01, n00) < 0:
        raise ValueError("a count cannot be negative")
    n = n11 + n10 + n01 + n00
    if n == 0:
        return -1.0, 1.0
    first, second = (n11 + n10) / n, (n11 + n01) / n
    (low_first, high_first), (low_second, high_second) = wilson(n11 + n10, n), wilson(n11 + n01, n)
    phi = _correlation(n11, n10, n01, n00)
    difference = (n10 - n01) / n
    below = _combined(first - low_first, high_second - second, phi)
    above = _combined(high_first - first, second - low_second, phi)
    return max(-1.0, difference - below), min(1.0, difference + above)


def _correlation(n11: int, n10: int, n01: int, n00: int) -> float:
    """The phi coefficient with Newcombe's continuity correction; 0 where a margin is empty."""
    margins = (n11 + n10) * (n01 + n00) * (n11 + n01) * (n10 + n00)
    if margins == 0:
        return 0.0
    product = float(n11 * n00 - n10 * n01)
    if product > 0:
        product = max(0.0, product - (n11 + n10 + n01 + n00) / 2)
    return product / math.sqrt(margins)


def _combined(one: float, other: float, phi: float) -> float:
    # Rounding can push a difference of equal squares below zero.
    return math.sqrt(max(0.0, one * one - 2 * phi * one * other + other * other))
