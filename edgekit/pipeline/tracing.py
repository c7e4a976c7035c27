"""Tracing: every tensor of a model on a few samples, each written to a `.npy` file; runs in a child process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit import registry
from edgekit.core.model import Model
from edgekit.core.protocols import TracedTensor, Tracer
from edgekit.core.serde import from_json, to_json
from edgekit.core.target import ModelFormat
from edgekit.core.tensor import TensorSpec
from edgekit.pipeline.data import Prepared
from edgekit.pipeline.tools import Tools

Emit = Callable[[Mapping[str, Any]], None]

TRACED_SAMPLES = 8
"""Enough to tell rounding from damage; what is written grows with it (EfficientNet-Lite0: 30 MB a sample)."""


@dataclass(frozen=True)
class Tensor:
    """A traced tensor: its name, the type of the operator that wrote it, and its values, `float32[n, ...]` in `file`."""

    name: str
    kind: str
    file: Path

    def values(self) -> Any:
        """The values, memory-mapped."""
        import numpy as np

        return np.load(self.file, mmap_mode="r")


def traced(model: Model, samples: Prepared, folder: Path, tools: Tools) -> list[Tensor]:
    """Every float tensor of `model` on the first samples, in execution order; files go into `folder`.

    Raises:
        InferenceError: The engine refuses the model.
        CrashError: The engine's process died.
    """
    tracers: list[Tracer] = registry.every("tracers")
    tracer = next(plugin for plugin in tracers if plugin.format is model.format)
    folder.mkdir()
    payload = {
        "plugin": tracer.name,
        "file": str(model.file.resolve()),
        "inputs": to_json(model.inputs),
        "samples": [str(file) for file in samples.arranged(model.inputs)],
        "count": min(TRACED_SAMPLES, len(samples)),
        "out": str(folder),
    }
    engine = "tensorflow" if model.format is ModelFormat.KERAS else f"trace-{tracer.name}"
    with tools.progress.step("infer", f"follow {model.target} tensor by tensor") as step:
        tools.workshop.call(engine, "trace", payload, step.event)
    rows = json.loads((folder / "tensors.json").read_text(encoding="utf-8"))
    return [Tensor(name, kind, folder / f"{place}.npy") for place, name, kind in rows]


def trace(payload: Mapping[str, Any], emit: Emit) -> dict[str, Any]:
    """Tracer `plugin` runs `count` of the `samples`; memory holds one sample's tensors at a time."""
    import numpy as np

    inputs = tuple(from_json(TensorSpec, spec) for spec in payload["inputs"])
    arrays = [np.load(file, mmap_mode="r", allow_pickle=False) for file in payload["samples"]]
    tracer: Tracer = registry.get("tracers", payload["plugin"])
    out, count = Path(payload["out"]), int(payload["count"])
    kept: dict[int, Any] = {}
    rows: list[tuple[int, str, str]] = []
    for index, tensors in enumerate(tracer.trace(Path(payload["file"]), _feeds(inputs, arrays, count))):
        emit({"step": index, "steps": count, "text": f"sample {index + 1}"})
        if not rows:
            rows = [(place, tensor.name, tensor.kind) for place, tensor in enumerate(tensors) if _counts(tensor)]
            for place, _, _ in rows:
                shape = (count, *_row(tensors[place]).shape)
                kept[place] = np.lib.format.open_memmap(out / f"{place}.npy", mode="w+", dtype=np.float32, shape=shape)
        for place in [place for place in kept if _row(tensors[place]).shape != kept[place].shape[1:]]:
            del kept[place]  # its shape depends on the sample
        for place, array in kept.items():
            array[index] = _row(tensors[place])
    for array in kept.values():
        array.flush()
    (out / "tensors.json").write_text(json.dumps([row for row in rows if row[0] in kept]), encoding="utf-8")
    return {}


def _feeds(inputs: Sequence[TensorSpec], arrays: Sequence[Any], count: int) -> Iterator[dict[str, Any]]:
    for index in range(count):
        yield {spec.name: _stored(spec, array[index][None]) for spec, array in zip(inputs, arrays, strict=True)}


def _stored(spec: TensorSpec, real: Any) -> Any:
    """A sample in the type the input takes: quantized where the spec has a scale."""
    if spec.quantization and spec.dtype.is_integer and real.dtype.kind == "f":
        return spec.quantization.quantize(real, spec.dtype)
    return real.astype(spec.dtype.value)


def _counts(tensor: TracedTensor) -> bool:
    """Whether a tensor is worth comparing: floats of more than one element."""
    return bool(tensor.values.dtype.kind == "f" and tensor.values.size > 1)


def _row(tensor: TracedTensor) -> Any:
    values = tensor.values
    return values[0] if values.ndim and values.shape[0] == 1 else values
