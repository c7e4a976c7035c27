"""The speed ratio of two interleaved artifacts."""

from __future__ import annotations

import numpy as np
import pytest

from edgekit.core.measurement import LatencySamples
from edgekit.metrics.speed import _rank_quantile, speed_ratio


def measured(medians: np.ndarray, seed: int = 0) -> LatencySamples:
    noise = np.random.default_rng(seed).lognormal(0, 0.02, (len(medians), 40))
    blocks = tuple(tuple(row) for row in (noise * medians[:, None]).tolist())
    return LatencySamples("a", 1, False, 1.0, 1.0, 1.0, 10, True, blocks, 1, 2, 3)


def test_a_true_ratio_is_found_under_drift_that_hits_both() -> None:
    drift = np.linspace(1.0, 2.0, 12)
    ratio = speed_ratio(measured(3.0 * drift, 1), measured(2.0 * drift, 2))
    assert ratio.value == pytest.approx(1.5, rel=0.01)
    assert ratio.low < 1.5 < ratio.high
    assert ratio.high / ratio.low < 1.03


def test_two_disturbed_blocks_do_not_decide() -> None:
    disturbed = np.ones(12)
    disturbed[[3, 8]] = 5.0
    ratio = speed_ratio(measured(disturbed, 1), measured(np.ones(12), 2))
    assert ratio.low < 1.0 < ratio.high
    assert ratio.value == pytest.approx(1.0, rel=0.02)


def test_the_interval_holds_the_truth_about_95_times_in_100() -> None:
    hits = 0
    for seed in range(300):
        generator = np.random.default_rng(seed)
        a, b = (generator.lognormal(0, 0.1, 12) for _ in range(2))
        ratio = speed_ratio(measured(a, seed), measured(b, seed + 1000))
        hits += ratio.low <= 1.0 <= ratio.high
    assert 0.92 <= hits / 300 <= 0.99


@pytest.mark.parametrize(("n", "critical"), [(6, 0), (8, 3), (10, 8), (12, 13), (20, 52)])
def test_rank_quantiles_are_those_of_the_published_table(n: int, critical: int) -> None:
    """Wilcoxon's table, two-sided 5 %: the largest sum of ranks that is significant is `critical`."""
    assert _rank_quantile(n) == critical + 1


def test_unpaired_blocks_are_refused() -> None:
    with pytest.raises(ValueError, match="12 and 11"):
        speed_ratio(measured(np.ones(12)), measured(np.ones(11)))
