"""Session: an open model that can be run - checks are here, once for all engines; an engine's file holds engine code."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from edgekit.core.tensor import TensorSpec


class Session(ABC):
    """An open model. Use as a context manager; not safe to share between threads.

    Attributes:
        inputs: Inputs in the order `run` takes them.
        outputs: Outputs in the order `run` returns them.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    @abstractmethod
    def _bind(self, feeds: list[Any]) -> Callable[[], Sequence[Any]]:
        """One whole inference as a call without arguments: copy `feeds` in, invoke, hand the outputs out."""

    def _close(self) -> None:  # noqa: B027 - most engines have nothing to release
        """Releases what the engine holds."""

    def bind(self, feeds: Sequence[Any]) -> Callable[[], Sequence[Any]]:
        """Checks `feeds` once and returns the call that a latency measurement times.

        The returned arrays may be the engine's own buffers: copy them to keep them past the next call.

        Raises:
            ValueError: A feed's number, dtype or shape is not what the model declares.
        """
        if len(feeds) != len(self.inputs):
            raise ValueError(f"the model has {len(self.inputs)} inputs, got {len(feeds)}")
        for spec, feed in zip(self.inputs, feeds, strict=True):
            self._check(spec, feed)
        return self._bind(list(feeds))

    def run(self, feeds: Sequence[Any]) -> list[Any]:
        """One inference in the model's own dtypes; returns arrays that stay valid."""
        import numpy as np

        return [np.array(output) for output in self.bind(feeds)()]

    def run_real(self, feeds: Sequence[Any]) -> list[Any]:
        """One inference in real numbers: integer inputs are quantized and integer outputs dequantized by their specs."""
        return [
            spec.quantization.dequantize(output) if spec.quantization and spec.dtype.is_integer else output
            for spec, output in zip(self.outputs, self.run(self.to_stored(feeds)), strict=True)
        ]

    def to_stored(self, feeds: Sequence[Any]) -> list[Any]:
        """Real inputs in the dtypes the model takes: quantized where the spec has a scale, cast where it does not."""
        return [self._to_stored(spec, feed) for spec, feed in zip(self.inputs, feeds, strict=True)]

    @staticmethod
    def _to_stored(spec: TensorSpec, feed: Any) -> Any:
        if str(feed.dtype) == spec.dtype.value:
            return feed
        if spec.quantization and spec.dtype.is_integer:
            return spec.quantization.quantize(feed, spec.dtype)
        return feed.astype(spec.dtype.value)

    @staticmethod
    def _check(spec: TensorSpec, feed: Any) -> None:
        if str(feed.dtype) != spec.dtype.value:
            raise ValueError(f"input {spec.name} takes {spec.dtype.value}, got {feed.dtype}")
        fits = len(feed.shape) == len(spec.shape) and all(
            want is None or want == got for want, got in zip(spec.shape, feed.shape, strict=True)
        )
        if not fits:
            raise ValueError(f"input {spec.name} takes shape {list(spec.shape)}, got {list(feed.shape)}")

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()


class Runtime(ABC):
    """An inference engine. Making one costs nothing; `open` imports the engine.

    Attributes:
        name: Entry-point name.
        formats: Values of `ModelFormat` it opens.
        packages: Distributions whose versions identify a result.
        extra: The extra of edgekit that installs it.
        gaps: What it does not do yet, name to reason.
    """

    name: ClassVar[str]
    formats: ClassVar[tuple[str, ...]]
    packages: ClassVar[tuple[str, ...]]
    extra: ClassVar[str]
    gaps: ClassVar[dict[str, str]] = {}

    @abstractmethod
    def load_engine(self) -> None:
        """Imports the engine, so that its import time stays out of the model's load time."""

    @abstractmethod
    def open(
        self, file: Path, *, threads: int, outputs: tuple[TensorSpec, ...] = (), inputs: tuple[TensorSpec, ...] = ()
    ) -> Session:
        """Opens a model file on `threads` CPU threads.

        Args:
            file: The model file.
            threads: CPU threads of the engine.
            inputs: What the artifact's manifest says of the inputs; used where the format itself cannot say it
                (the scale of an integer ONNX input).
            outputs: The same for the outputs.

        Raises:
            InferenceError: The engine refuses the file.
        """
