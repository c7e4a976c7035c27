"""A percentile is printed only where the samples support it, and never without its interval."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import pytest

from edgekit.core.measurement import LatencySamples
from edgekit.metrics.latency import noise_floor, samples_needed, summarize


def _samples(blocks: list[list[float]]) -> LatencySamples:
    return LatencySamples("m", 1, False, 1.0, 1.0, 1.0, 0, True, tuple(map(tuple, blocks)), 1, 1, 1)


def _drawn(seed: int, blocks: int = 12, each: int = 100, drift: float = 0.02, level: float = 1.0) -> LatencySamples:
    draw = np.random.default_rng(seed)
    shifts = draw.normal(level, drift, blocks)
    return _samples([list(shift + draw.gamma(2.0, 0.01, each)) for shift in shifts])


@pytest.mark.parametrize(("q", "least"), [(50, 11), (90, 64), (95, 130), (99, 662)])
def test_the_mlperf_rule_gives_its_published_counts(q: float, least: int) -> None:
    assert samples_needed(q) == least


@pytest.mark.parametrize("q", [20.0, 75.0, 97.5, 99.9])
def test_the_least_count_is_where_the_binomial_sum_falls_below_one_percent(q: float) -> None:
    p, n = q / 100, samples_needed(q)
    tail = [sum(math.comb(m, k) * (1 - p) ** k * p ** (m - k) for k in (0, 1)) for m in (n - 1, n)]
    assert tail[1] < 0.01 <= tail[0]


def test_an_unsupported_percentile_is_refused_in_words() -> None:
    summary = summarize(_drawn(0, blocks=4, each=25), [99.0, 50.0, 90.0])
    assert [row.q for row in summary.percentiles] == [50.0, 90.0]
    assert summary.refused == ("p99 needs 662 inferences, there are 100.",)
    assert summary.percentile(99.0) is None


def test_the_summary_says_what_the_samples_say() -> None:
    samples = _samples([[1.0, 2.0, 3.0, 4.0]] * 5 + [[1.0, 2.0, 3.0, 50.0]])
    summary = summarize(samples, [50.0])
    assert summary.samples == 24
    assert summary.max_ms == 50.0
    assert summary.percentiles[0].value_ms == 2.0
    assert summary.throughput_per_s == pytest.approx(1e3 * 24 / (5 * 10 + 56))
    low, high = summary.throughput_interval
    assert low < summary.throughput_per_s <= high


def test_the_interval_covers_the_true_median_about_95_times_in_100() -> None:
    # The median of the sum of a normal shift and Gamma(2, 0.01), by simulation of a long run.
    truth = np.median(np.concatenate([np.concatenate(_drawn(seed, blocks=2000, each=20).blocks_ms) for seed in (1, 2)]))
    hits = 0
    for seed in range(100, 300):
        row = summarize(_drawn(seed, each=50), [50.0]).percentiles[0]
        hits += row.low_ms <= truth <= row.high_ms
    assert 0.90 <= hits / 200 <= 0.995


def test_the_interval_is_of_blocks_not_of_single_inferences() -> None:
    steady = summarize(_drawn(0, drift=0.0), [50.0]).percentiles[0]
    drifting = summarize(_drawn(0, drift=0.05), [50.0]).percentiles[0]
    assert drifting.high_ms - drifting.low_ms > 5 * (steady.high_ms - steady.low_ms)


def test_few_blocks_widen_the_interval() -> None:
    """Hesterberg's expansion: with 6 blocks the plain 2.5 % ends cover 88 times in 100, the expanded ones 93."""
    truth = np.median(np.concatenate(_drawn(1, blocks=4000, each=20).blocks_ms))
    rows = [summarize(_drawn(seed, blocks=6, each=20), [50.0]).percentiles[0] for seed in range(1000, 1300)]
    assert sum(row.low_ms <= truth <= row.high_ms for row in rows) / 300 >= 0.90


def test_the_same_samples_give_the_same_summary() -> None:
    assert summarize(_drawn(0), [50.0, 95.0]) == summarize(_drawn(0), [50.0, 95.0])


def test_a_summary_takes_less_than_50_ms() -> None:
    samples = _drawn(0, each=800)
    summarize(samples, [50.0])
    started = time.process_time()
    for _ in range(5):
        summarize(samples, [50.0, 90.0, 95.0, 99.0])
    assert (time.process_time() - started) / 5 < 0.05


def test_the_noise_floor_of_equal_processes_is_small_and_holds_one() -> None:
    floor = noise_floor(_drawn(1), replace(_drawn(2), twin=True))
    assert floor.interval[0] <= 1.0 <= floor.interval[1]
    assert floor.floor < 0.05


def test_a_twin_that_is_slower_raises_the_noise_floor() -> None:
    floor = noise_floor(_drawn(1), replace(_drawn(2, level=1.2), twin=True))
    assert floor.ratio == pytest.approx(1.2, abs=0.03)
    assert floor.floor > 0.17
