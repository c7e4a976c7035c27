"""Latency summaries with their noise: percentiles the sample count supports, intervals over blocks, the noise floor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from edgekit.core.measurement import LatencySamples, LatencySummary, NoiseFloor, Percentile
from edgekit.metrics.speed import speed_ratio

_CONFIDENCE = 0.99
"""Confidence of the MLPerf early-stopping rule (loadgen/results.cc, `EarlyStopping`)."""

_RESAMPLES = 1000
"""Bootstrap resamples; with 12 blocks the ends of an interval lie on about the 11th value from each side."""

_Z = 1.959964
"""97.5 % quantile of the normal distribution."""

_MAX_GRID = 4096
"""Sorted samples are thinned to this many steps for the bootstrap, far finer than its own error."""


def samples_needed(q: float) -> int:
    """The least number of inferences that supports percentile `q` (0..100, both excluded).

    The early-stopping rule of MLPerf Inference (loadgen/early_stopping.cc and results.cc, scenario SingleStream with no
    tolerance): with n samples of which at most one may lie above the percentile, n suffices when so few would be seen with
    a probability below 1 - 0.99 if the percentile were higher, P(Binomial(n, 1 - q/100) <= 1) < 0.01. That is 11 for p50,
    64 for p90, 130 for p95 and 662 for p99.
    """
    p = q / 100.0
    if not 0.0 < p < 1.0:
        raise ValueError(f"a percentile lies between 0 and 100, got {q}")
    high = 2
    while not _supports(high, p):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _supports(middle, p) else (middle, high)
    return high


def _supports(n: int, p: float) -> bool:
    """P(at most one of n samples lies above the percentile), the binomial sum written out for t = 1."""
    return math.exp((n - 1) * math.log(p)) * (p + n * (1.0 - p)) < 1.0 - _CONFIDENCE


def summarize(samples: LatencySamples, percentiles: Sequence[float]) -> LatencySummary:
    """The summary of one artifact at one thread count.

    The intervals are a bootstrap over blocks (Field and Welsh 2007, J. R. Stat. Soc. B 69:369, cluster bootstrap):
    inferences of one block share the state of the machine, so blocks are drawn and not single inferences, which would make
    the intervals far too narrow. What all blocks share (the process, its memory layout) they cannot show; the twin does.

    Args:
        samples: What the agent measured.
        percentiles: Which percentiles are asked for, 0..100.
    """
    import numpy as np

    blocks = [np.asarray(block, np.float64) for block in samples.blocks_ms]
    every = np.concatenate(blocks)
    supported = sorted(q for q in percentiles if every.size >= samples_needed(q))
    draws = _resampled_percentiles(blocks, supported, _draw(len(blocks)))
    counts, sums = np.array([block.size for block in blocks]), np.array([block.sum() for block in blocks])
    weights = _draw(len(blocks))
    rates = 1e3 * (weights @ counts) / (weights @ sums)
    return LatencySummary(
        threads=samples.threads,
        percentiles=tuple(
            Percentile(q, float(np.percentile(every, q, method="inverted_cdf")), *_ends(row, len(blocks)))
            for q, row in zip(supported, draws, strict=True)
        ),
        refused=tuple(_refusal(q, every.size) for q in sorted(percentiles) if q not in supported),
        max_ms=float(every.max()),
        throughput_per_s=float(1e3 * every.size / every.sum()),
        throughput_interval=_ends(rates, len(blocks)),
        samples=int(every.size),
        raw=samples,
    )


def noise_floor(artifact: LatencySamples, twin: LatencySamples) -> NoiseFloor:
    """The artifact against itself in a second process, compared block by block as any two artifacts are.

    It covers what a fresh process of the same file changes (memory layout, placement on cores, the order of the blocks)
    and the drift of the machine during the round. It does not cover what differs between runs: another day, another
    load, another temperature. It is one pair, so it is itself an estimate; the interval says how good.
    """
    ratio = speed_ratio(twin, artifact)
    return NoiseFloor(
        id=artifact.id,
        threads=artifact.threads,
        ratio=ratio.value,
        interval=(ratio.low, ratio.high),
        floor=max(abs(ratio.low - 1.0), abs(ratio.high - 1.0)),
    )


def _draw(blocks: int) -> Any:
    """How often each block is drawn in each resample: `int64[resamples, blocks]`, the same on every run."""
    import numpy as np

    return np.random.default_rng(0).multinomial(blocks, np.full(blocks, 1.0 / blocks), size=_RESAMPLES)


def _resampled_percentiles(blocks: Sequence[Any], percentiles: Sequence[float], weights: Any) -> Any:
    """Percentiles of every resample: `float64[percentiles, resamples]`.

    A resample is never written out. The samples are sorted once into at most `_MAX_GRID` steps, each block's counts are
    cumulated over those steps, and a resample's distribution is the weighted sum of its blocks' ones.
    """
    import numpy as np

    ordered = np.sort(np.concatenate(blocks))
    places = np.unique(np.linspace(0, ordered.size - 1, min(ordered.size, _MAX_GRID)).round().astype(int))
    grid = ordered[places]
    below = np.stack([np.searchsorted(np.sort(block), grid, side="right") for block in blocks]).astype(np.float64)
    cumulated = weights @ below
    return np.stack([grid[_first_reaching(cumulated, q / 100.0)] for q in percentiles]) if percentiles else np.empty((0, 0))


def _first_reaching(cumulated: Any, share: float) -> Any:
    """For each row of rising counts, the index of the first that reaches `share` of the row's last: `int64[rows]`."""
    import numpy as np

    rows = np.arange(len(cumulated))
    wanted = cumulated[:, -1] * share
    low, high = np.zeros(len(rows), np.int64), np.full(len(rows), cumulated.shape[1] - 1)
    while (low < high).any():
        middle = (low + high) // 2
        short = cumulated[rows, middle] < wanted
        low, high = np.where(short, middle + 1, low), np.where(short, high, middle)
    return low


def _ends(draws: Any, blocks: int) -> tuple[float, float]:
    import numpy as np

    tail = 100.0 * _tail(blocks)
    low, high = np.percentile(draws, (tail, 100.0 - tail))
    return float(low), float(high)


def _tail(blocks: int) -> float:
    """Share of the resamples to leave out at each end, for a 95 % interval from `blocks` blocks.

    2.5 % for very many; less for few, because a bootstrap of n blocks is too narrow by sqrt((n - 1) / n) and by the normal
    quantile in place of Student's: the expanded percentile interval of Hesterberg 2015, Am. Stat. 69:371, section 5.2. The
    quantile of Student's t is the expansion 26.7.5 of Abramowitz and Stegun.
    """
    if blocks < 2:
        return 0.0
    n, z = blocks - 1, _Z
    t = z + (z**3 + z) / (4 * n) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
    return 0.5 * math.erfc(t * math.sqrt(blocks / n) / math.sqrt(2.0))


def _refusal(q: float, count: int) -> str:
    return f"p{q:g} needs {samples_needed(q)} inferences, there are {count}."
