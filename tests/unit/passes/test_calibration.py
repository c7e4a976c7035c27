from __future__ import annotations

from pathlib import Path

import numpy as np
import psutil
import pytest

from edgekit.core.protocols import Work
from edgekit.core.tensor import DType, TensorSpec
from edgekit.errors import DataError, DynamicShapeError
from edgekit.passes._calibration import Calibration
from tests.models import quiet

SIDE = 256


def work(path: Path, shape: tuple[int | None, ...]) -> Work:
    return Work(file=path, out=path.parent, inputs=(TensorSpec("x", DType.FLOAT32, shape),), outputs=(), calibration=path)


def test_memory_does_not_grow_with_the_samples(tmp_path: Path) -> None:
    """100 MB of samples, twice through: less than a tenth of them may stay in memory."""
    stored = np.lib.format.open_memmap(tmp_path / "many.npy", "w+", np.float32, (128, SIDE, SIDE, 3))
    stored[:] = 1.0
    del stored
    before = psutil.Process().memory_info().rss
    calibration = Calibration(work(tmp_path / "many.npy", (1, SIDE, SIDE, 3)), quiet)
    total = sum(float(sample[0, 0, 0, 0]) for _ in range(2) for sample in calibration)
    assert total == 256
    assert len(calibration) == 128
    assert psutil.Process().memory_info().rss - before < 10e6


def test_progress_is_told_about_twenty_times(tmp_path: Path) -> None:
    np.save(tmp_path / "c.npy", np.zeros((100, 2), np.float32))
    told: list[object] = []
    for _ in Calibration(work(tmp_path / "c.npy", (None, 2)), told.append):
        pass
    assert 15 <= len(told) <= 25


def test_samples_must_have_the_shape_of_the_input(tmp_path: Path) -> None:
    np.save(tmp_path / "c.npy", np.zeros((4, 2), np.float32))
    with pytest.raises(DataError, match=r"\[4, 2\]"):
        Calibration(work(tmp_path / "c.npy", (1, 3)), quiet)
    with pytest.raises(DynamicShapeError):
        Calibration(work(tmp_path / "c.npy", (1, None)), quiet)
    np.save(tmp_path / "none.npy", np.zeros((0, 2), np.float32))
    with pytest.raises(DataError):
        Calibration(work(tmp_path / "none.npy", (1, 2)), quiet)
