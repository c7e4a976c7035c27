"""Arrays: an .npz file with x and, when there are labels, y; or an .npy file with x only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from edgekit.core.protocols import Samples
from edgekit.datasets.options import refuse_unknown, required_path
from edgekit.datasets.stored_arrays import open_arrays
from edgekit.errors import DataError, LabelError, NonFiniteDataError

_CHUNK_BYTES = 16 << 20
"""The check for NaN reads so much at a time, so that memory does not grow with the file."""


class Npz:
    """Options: path, the file; labels, class names; gray is for image folders and ignored here."""

    name: ClassVar[str] = "npz"
    packages: ClassVar[tuple[str, ...]] = ("numpy",)
    extra: ClassVar[str] = "all"

    def open(self, options: Mapping[str, Any]) -> Samples:
        """Opens the arrays, memory-mapped unless they are compressed, and checks every value once.

        Raises:
            RecipeError: An unknown option, or no path.
            MissingFileError: The file is not there.
            DataError: It is not such a file, is empty, or x and y do not fit together.
            NonFiniteDataError: NaN or infinity in x.
            LabelError: A label outside the class names.
        """
        refuse_unknown(self.name, options, ("path", "labels", "gray"))
        path = required_path(self.name, options, "an .npz or .npy file")
        arrays = open_arrays(path)
        if "x" not in arrays:
            raise DataError(
                f"{path} has no array x; it has: {', '.join(sorted(arrays)) or 'none'}.",
                fix="Save it with numpy.savez(file, x=samples, y=labels).",
            )
        x = arrays["x"]
        _check_samples(path, x)
        names = options.get("labels") or (arrays["labels"].tolist() if "labels" in arrays else None)
        targets = _targets(path, arrays["y"], len(x)) if "y" in arrays else None
        return Rows(path, x, targets, _labels(path, targets, names))


class Rows:
    """The opened arrays; a raw sample is one row of x, without a batch axis."""

    def __init__(self, path: Path, x: Any, targets: tuple[int, ...] | None, labels: tuple[str, ...]) -> None:
        self._path = path
        self._x = x
        self.targets = targets
        self.labels = labels

    def __len__(self) -> int:
        return len(self._x)

    def raw(self, index: int) -> Any:
        """Row `index` of x."""
        return self._x[index]

    def identify(self, index: int) -> str:
        """Its row in x."""
        return f"row {index}"

    def __iter__(self) -> Iterator[Any]:
        return iter(self._x)


def _check_samples(path: Path, x: Any) -> None:
    import numpy as np

    if x.ndim < 2 or len(x) == 0 or x.dtype.kind not in "fiub":
        raise DataError(
            f"x in {path} is {x.dtype}{list(x.shape)}; samples are numbers, at least one, stacked along the first axis.",
            fix="Save an array of shape [samples, ...].",
        )
    if x.dtype.kind != "f":
        return
    rows = max(1, _CHUNK_BYTES // max(1, x[0].nbytes))
    for start in range(0, len(x), rows):
        chunk = np.asarray(x[start : start + rows]).reshape(min(rows, len(x) - start), -1)
        wrong = np.flatnonzero(~np.isfinite(chunk).all(axis=1))
        if wrong.size:
            raise NonFiniteDataError(
                f"Row {start + wrong[0]} of x in {path} holds NaN or infinity; it is the first such row.",
                fix="Remove or repair such rows (numpy.isfinite finds them) and save the file again.",
            )


def _targets(path: Path, y: Any, count: int) -> tuple[int, ...]:
    import numpy as np

    if y.shape != (count,):
        raise DataError(
            f"y in {path} has shape {list(y.shape)}, but x has {count} samples.", fix="Give y one label a sample."
        )
    if y.dtype.kind not in "fiu" or not np.equal(np.mod(y, 1), 0).all():
        raise DataError(
            f"y in {path} is {y.dtype} and not made of whole numbers.",
            fix="Give y as class indices from 0 (numpy.argmax(y, axis=1) for one-hot rows), the names as labels.",
        )
    return tuple(int(value) for value in y)


def _labels(path: Path, targets: tuple[int, ...] | None, names: Any) -> tuple[str, ...]:
    if targets is None:
        return tuple(str(name) for name in names or ())
    labels = tuple(str(name) for name in names) if names else tuple(str(i) for i in range(max(targets) + 1))
    for row, target in enumerate(targets):
        if not 0 <= target < len(labels):
            raise LabelError(
                f"The label of row {row} in {path} is {target}, outside the {len(labels)} classes (0 to {len(labels) - 1}).",
                fix="Correct y, or give all class names with the option labels.",
            )
    return labels
