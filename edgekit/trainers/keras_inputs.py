"""What a training run reads: samples through the input contract, and for each epoch their order and random changes."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit.core.contract import InputContract
from edgekit.core.protocols import TrainWork
from edgekit.core.recipe import Augment
from edgekit.errors import DataError, LabelError, MissingFileError, NonFiniteDataError


@dataclass(frozen=True)
class Part:
    """Samples of one split.

    Attributes:
        x: `float32[n, ...]`, through the contract; mapped from a nameless file, so that data larger than memory works
            and nothing is left behind. It takes 4 bytes a value on disk (11 MB for 3,500 digits), cached by the system.
        y: `int64[n]`, the classes.
    """

    x: Any
    y: Any

    def __len__(self) -> int:
        return len(self.y)


def read(work: TrainWork, split: str) -> Part:
    """The samples of `split` ("train" or "validation").

    Raises:
        MissingFileError: A file of `work.data` is not there.
        DataError: There are no samples, or they do not fit the contract.
        NonFiniteDataError: NaN or infinity in a sample.
        LabelError: A label outside the classes.
    """
    import numpy as np

    raw, y = _array(work.data / f"{split}_x.npy"), np.asarray(_array(work.data / f"{split}_y.npy"), np.int64)
    if len(raw) == 0 or len(raw) != len(y):
        raise DataError(
            f"The {split} split has {len(raw)} samples and {len(y)} labels.", fix="Give at least one, each labelled."
        )
    wrong = np.flatnonzero((y < 0) | (y >= work.classes))
    if wrong.size:
        raise LabelError(
            f"The label of {split} sample {wrong[0]} is {y[wrong[0]]}, outside the {work.classes} classes.",
            fix="Correct the labels; they are indices from 0.",
        )
    return Part(_through(work.contract, raw, split, work.checkpoint), y)


def _array(file: Path) -> Any:
    import numpy as np

    if not file.is_file():
        raise MissingFileError(f"{file} does not exist.", fix="Prepare the data again: run the recipe from its start.")
    return np.load(file, mmap_mode="r", allow_pickle=False)


def _through(contract: InputContract, raw: Any, split: str, folder: Path) -> Any:
    import numpy as np

    x: Any = None
    for index, sample in enumerate(raw):
        try:
            value = contract.apply(sample)[0]
        except ValueError as problem:
            raise DataError(f"{split} sample {index}: {problem}.", fix="Correct the recipe's section `input`.") from None
        if not np.isfinite(value).all():
            raise NonFiniteDataError(f"{split} sample {index} holds NaN or infinity.", fix="Remove or repair it.")
        if x is None:
            with tempfile.TemporaryFile(dir=folder) as file:
                x = np.memmap(file, np.float32, "w+", shape=(len(raw), *value.shape))
        x[index] = value
    return x


def augmentation(options: Mapping[str, Any], shape: tuple[int, ...]) -> Augment | None:
    """What to change at random; None when nothing, or when the samples are no images."""
    augment = Augment(**options)
    moving = augment.shift or augment.rotate_degrees or augment.zoom
    return augment if moving and len(shape) == 3 else None


def plan_epoch(count: int, seed: int, epoch: int, augment: Augment | None, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """The order of the samples in an epoch, and how each is moved; both follow from the seed and the epoch alone.

    Returns:
        `int64[n]`, and `float32[n, 8]` projective transforms from output to input pixels (the identity without augment).
    """
    import numpy as np

    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(count)
    if augment is None:
        return order, np.tile(np.array([1, 0, 0, 0, 1, 0, 0, 0], np.float32), (count, 1))
    rows, columns = shape[:2]
    angle = np.deg2rad(rng.uniform(-augment.rotate_degrees, augment.rotate_degrees, count))
    scale = 1 + rng.uniform(-augment.zoom, augment.zoom, count)
    down, right = (rng.uniform(-augment.shift, augment.shift, count) * side for side in (rows, columns))
    cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
    middle_x, middle_y = (columns - 1) / 2, (rows - 1) / 2
    # Rotation and zoom turn around the image's middle, then it is shifted.
    offset_x = middle_x - cos * middle_x + sin * middle_y + right
    offset_y = middle_y - sin * middle_x - cos * middle_y + down
    zero = np.zeros(count)
    return order, np.stack([cos, -sin, offset_x, sin, cos, offset_y, zero, zero], axis=1).astype(np.float32)


def moved(tensorflow: Any, images: Any, transforms: Any) -> Any:
    """Images moved by `transforms`; what comes in from outside repeats the border."""
    return tensorflow.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=tensorflow.shape(images)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )
