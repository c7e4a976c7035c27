"""Parity and the sanity gates: what a proof is made of."""

from __future__ import annotations

import numpy as np
import pytest

from edgekit.metrics.output_error import answers, gates, parity


def reference() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 2, (64, 10)).astype(np.float32)


def failed(ref: np.ndarray, out: np.ndarray) -> list[str]:
    return [gate.name for gate in gates("y", ref, out) if not gate.passed]


def test_snr_and_cosine_are_their_definitions() -> None:
    ref = reference()
    out = ref + np.float32(0.01)
    row = parity("y", ref, out)
    assert row.snr_db == pytest.approx(
        10 * np.log10(np.sum(ref.astype(float) ** 2) / np.sum((out - ref).astype(float) ** 2))
    )
    assert row.cosine == pytest.approx(float(np.vdot(ref, out) / np.linalg.norm(ref) / np.linalg.norm(out)), abs=1e-6)
    assert row.max_abs_error == pytest.approx(0.01, abs=1e-6)


def test_equal_outputs_have_no_finite_snr() -> None:
    row = parity("y", reference(), reference())
    assert (row.snr_db, row.cosine, row.max_abs_error) == (None, pytest.approx(1.0), 0.0)


def test_nan_fails_and_never_passes_as_a_number() -> None:
    out = reference()
    out[3, 4] = np.nan
    assert failed(reference(), out) == ["y: finite"]
    row = parity("y", reference(), out)
    assert row.snr_db == -999.0
    assert np.isfinite([row.max_abs_error, row.cosine]).all()


@pytest.mark.parametrize(
    ("out", "gate"),
    [
        (np.zeros((64, 10), np.float32), "y: not all zero"),
        (np.tile(reference()[:1], (64, 1)), "y: varies"),
        (np.clip(reference(), -0.5, 0.5), "y: not saturated"),
    ],
)
def test_each_gate_catches_its_own_disease(out: np.ndarray, gate: str) -> None:
    assert gate in failed(reference(), out)


def test_an_int8_softmax_with_small_scores_rounded_to_zero_is_not_saturated() -> None:
    scores = np.exp(4 * reference())
    ref = scores / scores.sum(1, keepdims=True)
    out = np.rint(ref * 256) / 256
    assert (out == 0).mean() > 0.5
    assert failed(ref, out) == []


def test_a_constant_source_may_have_a_constant_artifact() -> None:
    constant = np.ones((8, 3), np.float32)
    assert failed(constant, constant) == []


def test_only_scores_have_answers() -> None:
    assert answers(np.zeros((4, 1))) is None
    assert answers(np.zeros((4, 2, 2))) is None
    found = answers(np.array([[0.0, 1.0], [np.nan, -5.0]]))
    assert found is not None
    assert found.tolist() == [1, 1]
