"""Findings: what a reader of a report should know first, in plain sentences, each with its numbers and its noise."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.core.measurement import NoiseFloor
from edgekit.core.report import Entry, TrainingFacts
from edgekit.core.target import Precision, Target
from edgekit.metrics.speed import SpeedRatio, speed_ratio
from edgekit.pipeline.bench import beyond_noise
from edgekit.pipeline.training import OVERFIT_GAP


def findings(entries: Sequence[Entry], training: Sequence[TrainingFacts], noise: Sequence[NoiseFloor]) -> tuple[str, ...]:
    """The findings of a run, the recommendation first."""
    if not entries or not entries[0].latency:
        return _overfits(training)
    threads = entries[0].latency[0].threads
    floor = max((row.floor for row in noise if row.threads == threads), default=0.0)
    return (
        *_recommendation(entries, threads, floor),
        *_overfits(training),
        *_variants(entries, threads, floor),
        *_slow_quantized(entries, threads, floor),
        *_noise_words(threads, noise),
    )


def mark_pareto(entries: Sequence[Entry], threads: int) -> set[str]:
    """Names of the entries that no other beats in accuracy and p50 at once."""
    points = []
    for entry in entries:
        row = entry.at(threads)
        p50 = row.percentile(50.0) if row else None
        if p50 is not None and entry.accuracy is not None:
            points.append((entry.name, entry.accuracy.accuracy, p50.value_ms))
    return {
        name
        for name, accuracy, ms in points
        if not any(a >= accuracy and m <= ms and (a > accuracy or m < ms) for _, a, m in points)
    }


def _recommendation(entries: Sequence[Entry], threads: int, floor: float) -> list[str]:
    sound = [e for e in entries if e.paired is not None and e.paired.p_value > 0.05 and e.accuracy is not None]
    timed = [(p50.value_ms, e) for e in sound if (row := e.at(threads)) and (p50 := row.percentile(50.0))]
    if not timed:
        return []
    _, best = min(timed, key=lambda pair: pair[0])
    row = best.at(threads)
    assert row is not None
    assert best.accuracy is not None
    p50 = row.percentile(50.0)
    assert p50 is not None
    text = (
        f"Fastest without a measurable loss of accuracy: {best.name}, p50 {p50.value_ms:.3g} ms "
        f"({p50.low_ms:.3g} to {p50.high_ms:.3g}) on {threads} thread{'s' if threads > 1 else ''}, "
        f"accuracy {_percent(best.accuracy.accuracy)} ({_percent(best.accuracy.interval[0])} to "
        f"{_percent(best.accuracy.interval[1])}), {best.size_bytes / 1000:.1f} kB."
    )
    rivals = [
        e.name
        for _, e in timed
        if e is not best and (r := e.at(threads)) and not beyond_noise(speed_ratio(r.raw, row.raw), floor)
    ]
    if rivals:
        text += f" Not measurably slower: {', '.join(rivals)}."
    return [text]


def _variants(entries: Sequence[Entry], threads: int, floor: float) -> list[str]:
    """Each variant against the dense model at the same targets."""
    dense = {e.target: e for e in entries if e.variant == entries[0].variant}
    sentences = []
    for variant in dict.fromkeys(e.variant for e in entries):
        pairs = [
            (dense[e.target], e) for e in entries if e.variant == variant and e.target in dense and e is not dense[e.target]
        ]
        if not pairs:
            continue
        size = _smaller([1 - e.size_bytes / d.size_bytes for d, e in pairs])
        packed = _smaller([1 - e.compressed_bytes / d.compressed_bytes for d, e in pairs])
        rows = [(d.at(threads), e.at(threads)) for d, e in pairs]
        ratios = [speed_ratio(d.raw, e.raw) for d, e in rows if d and e]
        sentences.append(
            f"{variant} against dense: files {size}, compressed files {packed}; "
            f"{_speed_words(ratios, floor)}; {_accuracy_words(pairs)}."
        )
    return sentences


def _speed_words(ratios: Sequence[SpeedRatio], floor: float) -> str:
    if not ratios:
        return "speed was not measured"
    faster = [r for r in ratios if beyond_noise(r, floor) and r.value > 1]
    slower = [r for r in ratios if beyond_noise(r, floor) and r.value < 1]
    if not faster and not slower:
        return f"it brought no speed: no measurable difference at any of its {len(ratios)} targets"
    words = []
    if faster:
        words.append(f"faster at {len(faster)} of {len(ratios)} targets, by {_times([r.value for r in faster])}")
    if slower:
        words.append(f"slower at {len(slower)} of {len(ratios)}, by {_times([1 / r.value for r in slower])}")
    if unchanged := len(ratios) - len(faster) - len(slower):
        words.append(f"no measurable difference at {unchanged}")
    return ", ".join(words)


def _accuracy_words(pairs: Sequence[tuple[Entry, Entry]]) -> str:
    scored = [(d.accuracy, e.accuracy, e.paired) for d, e in pairs if d.accuracy and e.accuracy and e.paired]
    if not scored:
        return "accuracy was not measured"
    changes = [100 * (after.accuracy - before.accuracy) for before, after, _ in scored]
    worse = sum(1 for _, _, test in scored if test.p_value <= 0.05 and test.difference < 0)
    verdict = f"measurably worse than float at {worse} of {len(scored)}" if worse else "no measurable loss against float"
    low, high = min(changes), max(changes)
    return f"accuracy {low:+.1f} to {high:+.1f} points, {verdict}"


def _slow_quantized(entries: Sequence[Entry], threads: int, floor: float) -> list[str]:
    """Quantized artifacts that are slower than, or no faster than, float in the same runtime."""
    idle: dict[str, list[str]] = {}
    sentences = []
    for entry in entries:
        target = Target.parse(entry.target)
        if target.precision in (Precision.FP32, Precision.FP16):
            continue
        plain = Target(target.format, Precision.FP32)
        base = next((e.at(threads) for e in entries if e.name == f"{entry.variant}/{plain}"), None)
        row = entry.at(threads)
        if base is None or row is None:
            continue
        ratio = speed_ratio(base.raw, row.raw)
        if not beyond_noise(ratio, floor):
            idle.setdefault(f"{plain}", []).append(entry.name)
        elif ratio.value < 1:
            sentences.append(
                f"{entry.name} is {1 / ratio.value:.2f} times slower ({1 / ratio.high:.2f} to {1 / ratio.low:.2f}) than "
                f"{entry.variant}/{plain} on this machine."
            )
    sentences += [
        f"Not measurably faster than {plain} of the same variant: {', '.join(names)}." for plain, names in idle.items()
    ]
    return sentences


def _noise_words(threads: int, noise: Sequence[NoiseFloor]) -> list[str]:
    rows = sorted((row for row in noise if row.threads == threads), key=lambda row: row.floor)
    if not rows:
        return []
    worst = rows[-1]
    low, high = worst.interval
    return [
        f"Measured against itself, {worst.id} came out {low:.3f} to {high:.3f} times as slow (95 % interval): a difference "
        f"in latency below {100 * worst.floor:.1f} % means nothing here."
    ]


def _overfits(training: Sequence[TrainingFacts]) -> tuple[str, ...]:
    return tuple(f"{facts.variant}: {facts.verdict}" for facts in training if facts.gap > OVERFIT_GAP)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _smaller(shares: Sequence[float]) -> str:
    low, high = round(100 * min(shares)), round(100 * max(shares))
    if low == high == 0:
        return "of the same size"
    return f"{low} % smaller" if low == high else f"{low} to {high} % smaller"


def _times(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:.2f}x" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f}x to {high:.2f}x"
