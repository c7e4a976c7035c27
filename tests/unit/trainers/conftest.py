"""Small data and models for the trainer's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.core.contract import InputContract
from edgekit.core.protocols import Trained, TrainWork

CONTRACT = InputContract(kind="image", height=12, width=12, channels="gray", std=(255.0,))

DEPTHWISE = {"architecture": "depthwise_cnn", "options": {"width": 8, "blocks": 1, "dropout": 0.2}}

OPTIONS = {
    "trainer": "keras",
    "architecture": "cnn",
    "options": {"width": 8, "dropout": 0.2},
    "epochs": 4,
    "batch_size": 16,
    "learning_rate": 0.01,
    "early_stopping": 4,
    "label_smoothing": 0.05,
    "augment": {"shift": 0.05, "rotate_degrees": 5.0, "zoom": 0.05},
}


def squares(count: int, seed: int) -> tuple[Any, Any]:
    """Noisy `uint8[count, 12, 12, 1]` images with one bright quarter, and which quarter it is."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 120, (count, 12, 12, 1), np.uint8)
    y = rng.integers(0, 4, count)
    for image, quarter in zip(x, y, strict=True):
        row, column = divmod(int(quarter), 2)
        image[6 * row : 6 * row + 6, 6 * column : 6 * column + 6] += 100
    return x, y.astype(np.int64)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with training and validation samples as the pipeline writes them."""
    folder = tmp_path_factory.mktemp("data")
    for split, count, seed in (("train", 120, 0), ("validation", 40, 1)):
        x, y = squares(count, seed)
        np.save(folder / f"{split}_x.npy", x)
        np.save(folder / f"{split}_y.npy", y)
    return folder


@pytest.fixture
def run(tmp_path: Path, data: Path) -> Callable[..., tuple[Trained, Path]]:
    """Trains with `OPTIONS`, changed by keywords; returns what came out and the model file."""
    pytest.importorskip("tensorflow", reason="TensorFlow (extra keras) is not installed")
    from edgekit.trainers.keras import KerasTrainer

    def train(
        name: str, *, start: Path | None = None, keep_zeros: bool = False, seed: int = 7, emit: Any = None, **changed: Any
    ) -> tuple[Trained, Path]:
        out = tmp_path / f"{name}-out"
        out.mkdir(exist_ok=True)
        work = TrainWork(
            out=out,
            checkpoint=tmp_path / f"{changed.pop('checkpoint', name)}-checkpoint",
            data=changed.pop("data", data),
            contract=changed.pop("contract", CONTRACT),
            classes=changed.pop("classes", 4),
            seed=seed,
            options={**OPTIONS, **changed},
            start=start,
            keep_zeros=keep_zeros,
        )
        trained = KerasTrainer().train(work, emit or (lambda _: None))
        return trained, out / trained.file

    return train
