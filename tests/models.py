"""A tiny CNN that knows its own right answers, in every format; built at most once in a test session."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from edgekit import registry
from edgekit.core.protocols import Made, ModelFacts, Work
from edgekit.core.target import Precision


def quiet(_: object) -> None:
    """Takes a progress message and shows nothing."""


def snr_db(reference: Any, output: Any) -> float:
    """10 log10(sum reference^2 / sum (reference - output)^2)."""
    noise = float(np.sum((np.asarray(reference, np.float64) - np.asarray(output, np.float64)) ** 2))
    return 400.0 if noise == 0 else float(10 * np.log10(np.sum(np.asarray(reference, np.float64) ** 2) / noise))


def work_for(file: Path, facts: ModelFacts, out: Path, calibration: Path | None = None, **options: object) -> Work:
    """What a converter or a pass is given for `file`."""
    out.mkdir(parents=True, exist_ok=True)
    return Work(file=file, out=out, inputs=facts.inputs, outputs=facts.outputs, calibration=calibration, options=options)


class Zoo:
    """The tiny CNN's files in `folder`, each made when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def inputs(self) -> Any:
        """`float32[64, 12, 12, 3]`: blobs and stripes of different brightness, standardized."""
        random = np.random.default_rng(7)
        waves = np.sin(
            np.arange(12)[None, :, None, None] * random.uniform(0.2, 2.0, (64, 1, 1, 3))
            + random.uniform(0, 6, (64, 1, 1, 3))
        )
        noise = random.normal(0, 0.3, (64, 12, 12, 3))
        return (waves * np.cos(np.arange(12)[None, None, :, None] * random.uniform(0.1, 1.0, (64, 1, 1, 3))) + noise).astype(
            np.float32
        )

    @cached_property
    def calibration(self) -> Path:
        """The first 48 inputs as a `.npy` file; the rest are for comparing."""
        path = self.folder / "calibration.npy"
        np.save(path, self.inputs[:48])
        return path

    @property
    def fresh(self) -> Any:
        """The inputs no calibration saw, `float32[16, 12, 12, 3]`."""
        return self.inputs[48:]

    @cached_property
    def network(self) -> Any:
        """The Keras model: conv, depthwise, pointwise, residual, pooling, dense; its batch norms know the inputs."""
        import keras

        keras.utils.set_random_seed(3)
        layers = keras.layers
        image = keras.Input((12, 12, 3), name="image")
        start = layers.Conv2D(32, 3, strides=2, padding="same", use_bias=False)(image)
        start = layers.ReLU()(layers.BatchNormalization(momentum=0.0)(start))
        deep = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(start)
        deep = layers.ReLU()(layers.BatchNormalization(momentum=0.0)(deep))
        deep = layers.Conv2D(32, 1)(deep)
        pooled = layers.GlobalAveragePooling2D()(layers.Add()([start, deep]))
        model = keras.Model(image, layers.Dense(5, name="logits")(pooled))
        model(self.inputs[:48], training=True)
        return model

    @cached_property
    def keras(self) -> Path:
        path = self.folder / "tiny.keras"
        self.network.save(path)
        return path

    @cached_property
    def answers(self) -> Any:
        """What the Keras model says to `fresh`, `float32[16, 5]`."""
        return np.asarray(self.network(self.fresh, training=False))

    @cached_property
    def tflite(self) -> Path:
        return self.convert("tflite_from_keras", "keras", self.keras)

    @cached_property
    def onnx(self) -> Path:
        return self.convert("onnx_from_keras", "keras", self.keras)

    @cached_property
    def openvino(self) -> Path:
        return self.convert("openvino_from_onnx", "onnx", self.onnx)

    def facts(self, source: str, file: Path) -> ModelFacts:
        """What the source plugin `source` reads from `file`."""
        facts: ModelFacts = registry.get("sources", source).read(file)
        return facts

    def convert(self, converter: str, source: str, file: Path, **options: object) -> Path:
        """Runs a converter plugin; the result is in a folder of its own."""
        work = work_for(
            file, self.facts(source, file), self.folder / f"{converter}-{len(list(self.folder.iterdir()))}", **options
        )
        made: Made = registry.get("converters", converter).convert(work, quiet)
        return work.out / made.file

    def quantize(
        self,
        pass_name: str,
        source: str,
        file: Path,
        precision: Precision,
        emit: Callable[[Any], None] = quiet,
        **options: object,
    ) -> tuple[Path, Made]:
        """Runs a pass plugin, calibrated on `calibration`; the result is in a folder of its own."""
        out = self.folder / f"{pass_name}-{len(list(self.folder.iterdir()))}"
        work = work_for(file, self.facts(source, file), out, self.calibration, **options)
        made: Made = registry.get("passes", pass_name).apply(work, precision, emit)
        return out / made.file, made
