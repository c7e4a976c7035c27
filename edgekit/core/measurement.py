"""Measurements: raw samples as a device sends them, and their summaries, each with its noise."""

from __future__ import annotations

from dataclasses import dataclass

Interval = tuple[float, float]
"""Lower and upper end of a 95 % interval."""


@dataclass(frozen=True)
class LatencySamples:
    """Raw latency of one artifact at one thread count, in the order it was measured.

    Attributes:
        id: The artifact.
        threads: CPU threads of the runtime.
        twin: Whether this is the second process of the same artifact, run for the noise floor.
        import_ms: Time to import the runtime.
        load_ms: Time from the file to a session that is ready, the import not counted.
        first_ms: Time of the first inference.
        warmup_count: Inferences until the latency was steady.
        steady: Whether it became steady within the plan's limit.
        blocks_ms: Latencies of each block; nothing is clipped.
        baseline_bytes: Resident memory of the process before the runtime was imported.
        loaded_bytes: Resident memory after the model was loaded.
        peak_bytes: Peak resident memory of the process.
    """

    id: str
    threads: int
    twin: bool
    import_ms: float
    load_ms: float
    first_ms: float
    warmup_count: int
    steady: bool
    blocks_ms: tuple[tuple[float, ...], ...]
    baseline_bytes: int
    loaded_bytes: int
    peak_bytes: int


@dataclass(frozen=True)
class Percentile:
    """A latency percentile (q in 0..100) with its 95 % interval, in ms."""

    q: float
    value_ms: float
    low_ms: float
    high_ms: float


@dataclass(frozen=True)
class LatencySummary:
    """Latency of one artifact at one thread count.

    Attributes:
        percentiles: The percentiles that the sample count supports, ascending.
        refused: Those it does not support, in plain sentences.
        max_ms: The slowest inference.
        throughput_per_s: Inferences a second, one after another, with its interval.
        samples: Number of counted inferences.
        raw: The samples behind it.
    """

    threads: int
    percentiles: tuple[Percentile, ...]
    refused: tuple[str, ...]
    max_ms: float
    throughput_per_s: float
    throughput_interval: Interval
    samples: int
    raw: LatencySamples

    def percentile(self, q: float) -> Percentile | None:
        """The percentile `q`, or None when the samples did not support it."""
        return next((p for p in self.percentiles if p.q == q), None)


@dataclass(frozen=True)
class NoiseFloor:
    """One artifact measured against itself in two processes: what a difference must exceed to mean anything.

    Attributes:
        ratio: p50 of the twin divided by p50 of the artifact.
        interval: 95 % interval of the ratio.
        floor: The largest relative difference inside that interval, |ratio - 1|: 0.03 means that 3 % is noise.
    """

    id: str
    threads: int
    ratio: float
    interval: Interval
    floor: float


@dataclass(frozen=True)
class ClassScores:
    """Precision, recall and F1 of one class, with the number of its samples."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Classification:
    """How well an artifact classifies.

    Attributes:
        accuracy: Share of right answers, with its 95 % Wilson interval.
        precision, recall, f1: Macro averages over the classes.
        classes: The same for each class.
        confusion: Counts, rows true classes, columns answers.
        samples: Number of samples.
    """

    accuracy: float
    interval: Interval
    precision: float
    recall: float
    f1: float
    classes: tuple[ClassScores, ...]
    confusion: tuple[tuple[int, ...], ...]
    samples: int


@dataclass(frozen=True)
class Flip:
    """A sample whose answer changed: its identity, true label, the reference's answer and the artifact's answer."""

    sample: str
    truth: str
    before: str
    after: str


@dataclass(frozen=True)
class PairedTest:
    """Two models on the same samples (McNemar's exact test, 1947, on the discordant pairs).

    Attributes:
        reference: Name of the model compared with.
        difference: Accuracy minus the reference's, a share, with its 95 % interval (Newcombe 1998, method 10).
        only_reference_right: Samples that only the reference gets right.
        only_this_right: Samples that only this one gets right.
        p_value: Two-sided exact binomial.
        verdict: A plain sentence, such as "no measurable difference".
        flips: Every sample whose answer changed.
    """

    reference: str
    difference: float
    interval: Interval
    only_reference_right: int
    only_this_right: int
    p_value: float
    verdict: str
    flips: tuple[Flip, ...]
