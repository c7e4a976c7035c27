"""`edgekit run` from data to report: each number of the report is computed again, by other means where there are any."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgekit as api
from edgekit.core.model import Model, digest_files
from tests.command import edgekit, environment
from tests.integration.conftest import NAMES, SmallRun

TEST_SAMPLES = 1000
"""A fifth of the 5,000 digits."""


@pytest.fixture(scope="module")
def split(small: SmallRun) -> Path:
    """The store's folder with the divided data."""
    found = [f.parent for f in (small.home / "store").glob("*/key.json") if json.loads(f.read_text())["what"] == "split"]
    assert len(found) == 1
    return found[0]


@pytest.fixture(scope="module")
def test_split(split: Path) -> tuple[Any, Any]:
    """Inputs `float32[1000, 28, 28, 1]` and labels of the test samples."""
    proofs = json.loads((split / "split.json").read_text())["proofs"]
    truth = json.loads((split / "evaluation.json").read_text())["truth"]
    return np.load(split / "evaluation.npy")[proofs:], np.array(truth[proofs:])


def by_litert(file: Path, inputs: Any) -> Any:
    """Answers of a float-in, float-out `.tflite`, by the engine's own interface."""
    from ai_edge_litert.interpreter import Interpreter

    model = Interpreter(str(file))
    model.allocate_tensors()
    source, target = model.get_input_details()[0]["index"], model.get_output_details()[0]["index"]
    found = []
    for row in inputs:
        model.set_tensor(source, row[None])
        model.invoke()
        found.append(int(model.get_tensor(target)[0].argmax()))
    return np.array(found)


def test_every_form_of_the_report_is_there(small: SmallRun) -> None:
    report = small.report
    assert [entry.name for entry in report.entries] == NAMES
    assert report.rejected == ()
    assert report == api.load_report(small.folder / "report.json")
    for form in ("report.md", "report.html", "report.txt"):
        text = (small.folder / form).read_text()
        assert all(name in text for name in NAMES), form
    assert all(name in small.done.out for name in NAMES)
    assert str(Path("runs") / "small" / "report.html") in small.done.out


def test_the_float_model_has_learned(small: SmallRun) -> None:
    """Far from chance (10 %), so that comparisons mean something; the verdict on overfitting has both numbers."""
    report = small.report
    assert report.reference_accuracy is not None
    assert report.reference_accuracy.accuracy > 0.8
    dense, pruned = report.training
    assert (len(dense.epochs), len(pruned.epochs)) == (3, 2)
    assert dense.gap == pytest.approx(dense.train_accuracy - dense.validation_accuracy)
    assert f"{100 * dense.validation_accuracy:.1f} % on validation data" in dense.verdict


def test_every_artifact_is_proven_and_says_where_it_came_from(small: SmallRun) -> None:
    folders = sorted(f.parent for f in small.folder.glob("artifacts/*/*/edgekit.json"))
    assert sorted(str(f.relative_to(small.folder / "artifacts")) for f in folders) == sorted(
        [*NAMES, "dense/float", "pruned/float"]
    )
    for folder in folders:
        model = Model.read(folder)
        assert digest_files(folder, model.files) == model.digest
        for before, after in zip(model.lineage, model.lineage[1:], strict=False):
            assert after.source == before.digest
        assert model.lineage[-1].digest == model.digest
        assert all(step.versions and "missing" not in step.versions.values() for step in model.lineage)
        if folder == small.artifact("dense/float"):
            assert model.proof is None
            continue
        assert model.proof is not None
        assert model.proof.passed
        # A conversion is compared with what it was made from, a fine-tuned variant with the dense model.
        compared = model.lineage[0].digest if model.lineage[-1].stage == "finetune" else model.lineage[-1].source
        assert model.proof.reference == compared
        assert model.proof.samples == 256
        assert "validation" in model.proof.data
        assert model.proof.gates
        assert all(gate.passed for gate in model.proof.gates)


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("dense/tflite-fp32", ["train", "convert"]),
        ("dense/tflite-int8", ["train", "convert", "quantize"]),
        ("dense/onnx-int8", ["train", "convert", "quantize"]),
        ("pruned/tflite-int8", ["train", "prune", "finetune", "convert", "quantize"]),
    ],
)
def test_lineage_has_every_step(small: SmallRun, name: str, stages: list[str]) -> None:
    lineage = Model.read(small.artifact(name)).lineage
    assert [step.stage for step in lineage] == stages
    if stages[-1] == "quantize":
        assert "100" in lineage[-1].options["calibration"]
        assert lineage[-1].options["calibration"].endswith("training samples")


def test_pruning_made_the_model_smaller(small: SmallRun) -> None:
    rows = {entry.name: entry for entry in small.report.entries}
    assert rows["pruned/tflite-int8"].size_bytes < rows["dense/tflite-int8"].size_bytes
    assert rows["dense/tflite-int8"].size_bytes < rows["dense/tflite-fp32"].size_bytes


def test_calibration_is_of_training_samples_only(small: SmallRun, split: Path, test_split: tuple[Any, Any]) -> None:
    """Compared by bytes: not one sample that is tested or proven on was calibrated on."""
    calibration = np.load(split / "calibration.npy")
    training = {sample.tobytes() for sample in (np.load(split / "train_x.npy") / 255).astype(np.float32)}
    evaluated = {sample.tobytes() for sample in np.load(split / "evaluation.npy")}
    seen = {sample.tobytes() for sample in calibration}
    assert len(calibration) == 100
    assert seen <= training
    assert not seen & evaluated
    assert not training & evaluated
    assert small.report.data is not None
    assert sum(small.report.data.splits.values()) == 5000
    assert len(test_split[1]) == small.report.data.splits["test"] == TEST_SAMPLES


def test_accuracy_is_what_the_engine_itself_answers(small: SmallRun, test_split: tuple[Any, Any]) -> None:
    inputs, truth = test_split
    rows = {entry.name: entry for entry in small.report.entries}
    # Keras and tflite-fp32 give the same answers (its row below has no flips), so that it can stand for Keras here.
    reference = by_litert(small.artifact("dense/tflite-fp32") / "model.tflite", inputs)
    for name in ("dense/tflite-fp32", "dense/tflite-int8", "pruned/tflite-int8"):
        answered = by_litert(next(small.artifact(name).glob("*.tflite")), inputs)
        scores, paired = rows[name].accuracy, rows[name].paired
        assert scores is not None
        assert paired is not None
        confusion = np.zeros((10, 10), int)
        np.add.at(confusion, (truth, answered), 1)
        np.testing.assert_array_equal(scores.confusion, confusion)
        assert scores.accuracy == pytest.approx((truth == answered).mean())
        assert len(paired.flips) == int((reference != answered).sum())


def test_scores_add_up(small: SmallRun) -> None:
    report = small.report
    assert report.reference_accuracy is not None
    for entry in report.entries:
        scores, paired = entry.accuracy, entry.paired
        assert scores is not None
        assert paired is not None
        confusion = np.array(scores.confusion)
        assert confusion.sum() == scores.samples == TEST_SAMPLES
        assert confusion.trace() / TEST_SAMPLES == pytest.approx(scores.accuracy)
        np.testing.assert_array_equal(confusion.sum(axis=1), [row.support for row in scores.classes])
        recalls = confusion.diagonal() / confusion.sum(axis=1)
        assert scores.recall == pytest.approx(recalls.mean())
        assert scores.interval == pytest.approx(wilson(int(confusion.trace()), TEST_SAMPLES))
        assert paired.difference == pytest.approx(scores.accuracy - report.reference_accuracy.accuracy)
        lost, won = paired.only_reference_right, paired.only_this_right
        assert (won - lost) / TEST_SAMPLES == pytest.approx(paired.difference)
        assert paired.p_value == pytest.approx(coin(lost, won))
        assert len(paired.flips) >= lost + won
        assert all(flip.before != flip.after and re.fullmatch(r"row \d+", flip.sample) for flip in paired.flips)
        assert sum(flip.truth == flip.before for flip in paired.flips) == lost
        assert sum(flip.truth == flip.after for flip in paired.flips) == won


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The two roots of (share - p)^2 = z^2 p (1 - p) / n, which is how Wilson defines the interval."""
    z2 = 1.959963984540054**2
    low, high = sorted(np.roots([1 + z2 / n, -2 * hits / n - z2 / n, (hits / n) ** 2]).real)
    return float(low), float(high)


def coin(one: int, other: int) -> float:
    """The chance that a fair coin falls at least as unevenly, both sides."""
    n = one + other
    tail = sum(math.comb(n, k) for k in range(min(one, other) + 1)) / 2**n
    return min(1.0, 2 * tail)


def test_raw_latencies_are_kept_and_the_percentile_is_theirs(small: SmallRun) -> None:
    for entry in small.report.entries:
        (row,) = entry.latency
        every = np.concatenate(row.raw.blocks_ms)
        assert len(every) == row.samples
        assert every.min() > 0
        assert len(row.raw.blocks_ms) >= 2
        (p50,) = row.percentiles
        assert p50.value_ms == pytest.approx(np.percentile(every, 50, method="inverted_cdf"))
        assert p50.low_ms <= p50.value_ms <= p50.high_ms
        assert row.max_ms == every.max()
        assert row.raw.load_ms > 0
        assert row.raw.first_ms > 0
        assert entry.peak_bytes == row.raw.peak_bytes >= row.raw.loaded_bytes > row.raw.baseline_bytes > 0


def test_the_noise_floor_is_measured(small: SmallRun) -> None:
    report = small.report
    assert report.noise
    for row in report.noise:
        assert row.id in NAMES
        assert row.interval[0] <= row.interval[1]
        assert row.floor >= abs(row.ratio - 1)
    assert any("against itself" in sentence for sentence in report.findings)


def test_pareto_marks_are_right(small: SmallRun) -> None:
    points = {}
    for entry in small.report.entries:
        assert entry.accuracy is not None
        points[entry.name] = (entry.accuracy.accuracy, entry.latency[0].percentiles[0].value_ms)
    for entry in small.report.entries:
        accuracy, ms = points[entry.name]
        beaten = any(a >= accuracy and m <= ms and (a, m) != (accuracy, ms) for a, m in points.values())
        assert entry.pareto != beaten, entry.name


def test_time_spent_adds_up(small: SmallRun) -> None:
    report = small.report
    rows = {row.stage: row for row in report.time_spent}
    assert sum(row.seconds for row in rows.values()) == pytest.approx(report.wall_seconds, abs=0.1)
    assert rows["train"].done == 2
    assert rows["measure"].done == 1
    # 4 conversions of dense and 1 of pruned, 3 + 1 quantizations, 1 pruning.
    assert rows["convert"].done >= 9
    assert rows["overhead"].seconds < 0.1 * report.wall_seconds


def test_a_second_run_answers_from_the_cache(small: SmallRun) -> None:
    """No training, conversion, inference or measurement; CPU counts here, because other programs can only add wall time."""
    before = small.report
    process = subprocess.Popen(
        [sys.executable, "-m", "edgekit", "run", "small.yaml", "--json"],
        cwd=small.cwd,
        env=environment(small.home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    assert usage.ru_utime + usage.ru_stime < 5.0
    said = json.loads(out)
    assert [row["name"] for row in said["entries"]] == NAMES
    rows = {row["stage"]: row for row in said["time_spent"]}
    assert {stage: rows[stage]["done"] for stage in ("train", "convert", "infer", "measure")} == {
        "train": 0,
        "convert": 0,
        "infer": 0,
        "measure": 0,
    }
    assert min(rows[stage]["cached"] for stage in ("train", "convert", "infer", "measure")) > 0
    assert small.report == before


def test_one_new_target_makes_that_one_only(small: SmallRun, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(
        small.recipe.read_text().replace("targets: [tflite-fp32,", "targets: [tflite-fp16,")
    )
    done = edgekit("run", "small.yaml", home=small.home, cwd=tmp_path)
    assert done.code == 0, done.err
    report = api.load_report(tmp_path / "runs" / "small" / "report.json")
    rows = {row.stage: row for row in report.time_spent}
    assert (rows["train"].done, rows["convert"].done, rows["infer"].done) == (0, 1, 1)
    assert "· quantize_tflite → tflite-fp16" in done.err.splitlines()
    before = {entry.name: entry.digest for entry in small.report.entries}
    after = {entry.name: entry.digest for entry in report.entries}
    assert after.keys() - before.keys() == {"dense/tflite-fp16"}
    assert all(before[name] == digest for name, digest in after.items() if name in before)
