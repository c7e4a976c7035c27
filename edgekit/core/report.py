"""Report: everything one run found; `report.json` is this value and nothing else, the other forms are drawn from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgekit.core.contract import InputContract
from edgekit.core.measurement import Classification, LatencySummary, NoiseFloor, PairedTest
from edgekit.core.model import LineageStep
from edgekit.core.proof import Proof

SCHEMA = "edgekit.report/1"


@dataclass(frozen=True)
class Environment:
    """The machine a run measured on.

    Attributes:
        device: Name of the device.
        cpu: CPU model.
        cores: Logical cores that the process may use.
        features: CPU features that matter to the kernels (avx2, avx512_vnni, asimddp, ...).
        memory_bytes: Physical memory.
        os: Operating system and kernel.
        python: Python version.
        governor: CPU frequency governor, or None where the system does not say.
        packages: Package name to version.
        emulated: Whether the device is emulated, so that its latencies mean nothing.
    """

    device: str
    cpu: str
    cores: int
    features: tuple[str, ...]
    memory_bytes: int
    os: str
    python: str
    governor: str | None
    packages: Mapping[str, str]
    emulated: bool = False


@dataclass(frozen=True)
class DataFacts:
    """The data of a run: where from, how many samples in each split, class names."""

    source: str
    splits: Mapping[str, int]
    labels: tuple[str, ...]
    seed: int


@dataclass(frozen=True)
class EpochFacts:
    """One epoch: mean losses, accuracies as shares."""

    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float


@dataclass(frozen=True)
class TrainingFacts:
    """How one variant was trained.

    Attributes:
        variant: Name of the variant.
        epochs: One entry an epoch.
        best_epoch: Index of the epoch whose weights were kept.
        stopped_early: Whether early stopping ended it.
        train_accuracy, validation_accuracy: Of the kept weights, on samples without augmentation.
        gap: train_accuracy - validation_accuracy, a share.
        verdict: A plain sentence on overfitting.
        seconds: Wall time.
    """

    variant: str
    epochs: tuple[EpochFacts, ...]
    best_epoch: int
    stopped_early: bool
    train_accuracy: float
    validation_accuracy: float
    gap: float
    verdict: str
    seconds: float


@dataclass(frozen=True)
class Entry:
    """One artifact of the report.

    Attributes:
        name: `<variant>/<target>`, unique in the report.
        variant: Name of the variant (dense, pruned, ...).
        target: The target.
        folder: The artifact's folder, relative to the report.
        digest: Digest of the model's files.
        size_bytes: Size of the model's files.
        compressed_bytes: Size of the same files under DEFLATE level 9, as a download or an update would send them.
        runtime: Name of the runtime that ran it.
        proof: Its proof.
        lineage: How it was made.
        notes: What its steps have to say.
        accuracy: Classification on the test split; None when the run had no labelled data.
        paired: The paired test against the float model.
        latency: One entry a thread count.
        peak_bytes: Largest peak resident memory over its measured processes.
        pareto: Whether no other entry is both more accurate and faster (at the report's first thread count).
    """

    name: str
    variant: str
    target: str
    folder: str
    digest: str
    size_bytes: int
    compressed_bytes: int
    runtime: str
    proof: Proof | None
    lineage: tuple[LineageStep, ...]
    notes: tuple[str, ...] = ()
    accuracy: Classification | None = None
    paired: PairedTest | None = None
    latency: tuple[LatencySummary, ...] = ()
    peak_bytes: int | None = None
    pareto: bool = False

    def at(self, threads: int) -> LatencySummary | None:
        """The latency at a thread count, or None."""
        return next((row for row in self.latency if row.threads == threads), None)


@dataclass(frozen=True)
class Rejected:
    """An artifact that was not handed on: why, and what to do."""

    name: str
    error: str
    message: str
    fix: str


@dataclass(frozen=True)
class TimeSpent:
    """Wall seconds of one kind of work: `train`, `convert`, `prove`, `infer`, `measure`, `report` or `overhead`."""

    stage: str
    seconds: float
    cached: int
    """Steps of this kind answered from the cache."""
    done: int
    """Steps of this kind that were run."""


@dataclass(frozen=True)
class Report:
    """What one run found.

    Attributes:
        name: Name of the recipe, or of the model.
        created: ISO 8601 UTC time.
        edgekit: Version of edgekit.
        reference: Name of the float model that the paired tests compare with.
        reference_accuracy: Its classification.
        noise: Noise floor at each thread count.
        findings: What a reader should know first, in plain sentences, each with its numbers.
        time_spent: Where the time went.
        options: The recipe as it was run.
    """

    name: str
    description: str
    created: str
    edgekit: str
    environment: Environment
    data: DataFacts | None
    contract: InputContract | None
    training: tuple[TrainingFacts, ...]
    reference: str | None
    reference_accuracy: Classification | None
    entries: tuple[Entry, ...]
    rejected: tuple[Rejected, ...]
    noise: tuple[NoiseFloor, ...]
    findings: tuple[str, ...]
    time_spent: tuple[TimeSpent, ...]
    options: Mapping[str, Any]
    wall_seconds: float
