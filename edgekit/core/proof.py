"""Proof: what was measured when an artifact was compared with the model it was made from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tolerance:
    """The bounds a proof must meet; None asks nothing.

    Attributes:
        min_snr_db: Least signal-to-noise ratio of any output, 10 log10(sum ref^2 / sum (ref - out)^2), in dB.
        min_cosine: Least cosine similarity between an output and its reference, over all samples.
        min_agreement: Least share of samples with the same answer (argmax); ignored where the task has no answer.
    """

    min_snr_db: float | None
    min_cosine: float | None
    min_agreement: float | None


@dataclass(frozen=True)
class OutputParity:
    """One output of the artifact against the same output of its source, over all samples of the proof."""

    name: str
    max_abs_error: float
    snr_db: float | None
    """None when the two are bitwise equal (the ratio is infinite)."""
    cosine: float
    reference_min: float
    reference_max: float


@dataclass(frozen=True)
class Gate:
    """A sanity check of the artifact's outputs alone: finite, varying, not-all-zero, not-saturated."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class Proof:
    """The comparison of an artifact with its source on the same inputs, each run in its own process.

    Attributes:
        kind: `parity` compares outputs with the source; `task` compares only answers, for a step that changes the
            function on purpose (pruning, fine-tuning).
        reference: Digest of the model compared with.
        data: Where the inputs came from, in words.
        samples: How many inputs were compared.
        outputs: One entry an output.
        agreement: Share of samples with the same answer (argmax over the last axis), or None without such an answer.
        agreement_interval: 95 % Wilson score interval of `agreement`.
        gates: The sanity gates.
        tolerance: The bounds that were applied.
        reasons: Why the proof failed; empty when it passed.
    """

    kind: str
    reference: str
    data: str
    samples: int
    outputs: tuple[OutputParity, ...]
    agreement: float | None
    agreement_interval: tuple[float, float] | None
    gates: tuple[Gate, ...]
    tolerance: Tolerance
    reasons: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.reasons
