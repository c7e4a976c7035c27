"""Intervals against worked examples from the literature."""

from __future__ import annotations

import math

import pytest

from edgekit.metrics.intervals import paired_difference, wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # Newcombe 1998, Stat. Med. 17:857, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_equals_the_published_examples(successes: int, n: int, low: float, high: float) -> None:
    assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_ends_are_exact_at_the_extremes() -> None:
    assert wilson(0, 7)[0] == 0.0
    assert wilson(7, 7)[1] == 1.0
    assert wilson(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError, match="8 successes in 7"):
        wilson(8, 7)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        # Airway hyper-responsiveness, Bentur et al. 2009, in Fagerland, Lydersen and Laake 2014, Stat. Med. 33:2850.
        ((1, 1, 7, 12), -0.507, -0.026),
        # Newcombe 1998, Stat. Med. 17:2635, a table with an empty cell.
        ((36, 12, 2, 0), 0.0569, 0.3404),
    ],
)
def test_paired_difference_equals_the_published_examples(counts: tuple[int, int, int, int], low: float, high: float) -> None:
    assert paired_difference(*counts) == pytest.approx((low, high), abs=5e-4)


def test_paired_difference_is_antisymmetric_and_narrower_than_unpaired() -> None:
    low, high = paired_difference(900, 20, 10, 70)
    assert paired_difference(900, 10, 20, 70) == pytest.approx((-high, -low))
    first, second = wilson(920, 1000), wilson(910, 1000)
    unpaired = math.hypot(first[1] - 0.92, 0.91 - second[0])
    assert high - 0.01 < 0.7 * unpaired
    assert paired_difference(0, 0, 0, 0) == (-1.0, 1.0)
