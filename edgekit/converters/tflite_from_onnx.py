"""ONNX to TFLite through onnx2tf's TensorFlow-free path, in an environment of its own; shapes, order and names are kept."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, ClassVar

from edgekit.converters._tflite_graph import INPUT, OUTPUT, Ends, finish_graph
from edgekit.core.protocols import Emit, Made, Work
from edgekit.core.shapes import fixed_inputs
from edgekit.core.target import ModelFormat
from edgekit.core.tensor import TensorSpec
from edgekit.errors import ConversionError
from edgekit.lazy import require
from edgekit.toolchain import Toolchain

_FIX = "Replace the layer behind it, or convert to openvino or another format."

# What `uv pip compile` makes of onnx2tf==2.6.9 on Python 3.12, less opencv, pytest and what only they need: the
# TensorFlow-free path never imports them.
ONNX2TF = Toolchain(
    name="onnx2tf",
    python="3.12",
    purpose="ONNX to TFLite",
    requirements=(
        "ai-edge-litert==2.1.2",
        "backports-strenum==1.3.1",
        "flatbuffers==25.12.19",
        "h5py==3.14.0",
        "markdown-it-py==4.3.0",
        "mdurl==0.1.2",
        "ml-dtypes==0.5.4",
        "mpmath==1.3.0",
        "numpy==2.2.6",
        "onnx==1.20.1",
        "onnx-ir==1.1.0",
        "onnx2tf==2.6.9",
        "onnxoptimizer==0.4.2",
        "onnxruntime==1.26.0",
        "onnxscript==0.6.2",
        "onnxsim==0.6.5",
        "packaging==26.3",
        "protobuf==7.35.1",
        "psutil==5.9.5",
        "pygments==2.21.0",
        "rich==15.0.0",
        "setuptools==81.0.0",
        "sne4onnx==2.0.1",
        "sng4onnx==2.0.1",
        "sympy==1.14.0",
        "tqdm==4.67.1",
        "typing-extensions==4.16.0",
    ),
)


class TFLiteFromONNX:
    """ONNX -> TFLite, float32; inputs and outputs keep the ONNX model's layout, so that both take the same samples."""

    name: ClassVar[str] = "tflite_from_onnx"
    source: ClassVar[ModelFormat] = ModelFormat.ONNX
    target: ClassVar[ModelFormat] = ModelFormat.TFLITE
    cost: ClassVar[float] = 1.5  # more than a converter that is installed already
    engine: ClassVar[str] = "onnx2tf"
    toolchain: ClassVar[Toolchain] = ONNX2TF
    packages: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[str] = "litert"
    gaps: ClassVar[dict[str, str]] = {
        "control_flow": "notyet: onnx2tf 2.6.9 unrolls a Loop of known length; of others it makes operators no runtime has",
        "channels_last": "notyet: a channel-first input stays so, and is transposed in the graph",
        "large": "notyet: models over 2 GB",
    }

    def convert(self, work: Work, emit: Emit) -> Made:
        """Writes `model.tflite` with the names, the order and the shapes of the ONNX model's inputs and outputs.

        Raises:
            ConversionError: onnx2tf fails, makes an operator that no runtime has, or changes the model's interface.
            DynamicShapeError: An input has a dimension that nobody fixed.
        """
        specs = fixed_inputs(work)
        emit({"step": 0, "steps": 2, "text": "fix the shapes"})
        with tempfile.TemporaryDirectory(dir=work.out, prefix="onnx2tf-") as folder:
            ends = _prepare(work, specs, Path(folder) / "model.onnx")
            emit({"step": 1, "steps": 2, "text": "convert to TFLite"})
            content = _convert(Path(folder), [f"{INPUT}{i}" for i in range(len(specs))])
        content, notes = finish_graph(content, ends, _FIX)
        (work.out / "model.tflite").write_bytes(content)
        pin = next(pin for pin in ONNX2TF.requirements if pin.startswith("onnx2tf=="))
        return Made(file="model.tflite", notes=(f"Converted by {pin} in an environment of its own.", *notes))


def _prepare(work: Work, specs: tuple[TensorSpec, ...], file: Path) -> Ends:
    """Writes a copy with fixed shapes, and ends that cannot be misread: onnx2tf overwrites the file it is given.

    Its ends get plain names (onnx2tf writes `x:0` as `x__0`). Outputs of three and more dimensions leave as rows: what
    onnx2tf takes for an image comes out channel-last, and a row has one reading only. `finish_graph` undoes both.
    """
    onnx = require("onnx", extra="onnx")
    model = onnx.load(str(work.file))
    graph, helper = model.graph, onnx.helper
    constants = {item.name for item in graph.initializer}
    inputs = [end for end in graph.input if end.name not in constants]
    entry = []
    for i, (end, spec) in enumerate(zip(inputs, specs, strict=True)):
        entry.append(helper.make_node("Identity", [f"{INPUT}{i}"], [end.name], name=f"enter_{i}"))
        end.name = f"{INPUT}{i}"
        for size, dim in zip(spec.shape, end.type.tensor_type.shape.dim, strict=True):
            dim.dim_value = size
    shapes = _output_shapes(onnx, model, inputs, entry)
    leave = []
    for i, end in enumerate(graph.output):
        kind = {"op_type": "Flatten", "axis": 1} if len(shapes[i] or ()) > 2 else {"op_type": "Identity"}
        leave.append(helper.make_node(inputs=[end.name], outputs=[f"{OUTPUT}{i}"], name=f"leave_{i}", **kind))
        end.name = f"{OUTPUT}{i}"
        end.type.tensor_type.ClearField("shape")
    graph.node.extend(leave)
    onnx.save(onnx.shape_inference.infer_shapes(model, data_prop=True), str(file))
    return Ends(specs, work.outputs, tuple(shapes))


def _output_shapes(onnx: Any, model: Any, inputs: list[Any], entry: list[Any]) -> list[tuple[int, ...] | None]:
    """The outputs' shapes now that the inputs' are fixed; None where they depend on the data."""
    graph = model.graph
    nodes = [*entry, *graph.node]
    del graph.node[:], graph.input[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.input.extend(inputs)
    for end in graph.output:
        end.type.tensor_type.ClearField("shape")
    found = onnx.shape_inference.infer_shapes(model, data_prop=True)
    shapes: list[tuple[int, ...] | None] = []
    for end in found.graph.output:
        dims = end.type.tensor_type.shape.dim
        known = end.type.tensor_type.HasField("shape") and all(dim.HasField("dim_value") for dim in dims)
        shapes.append(tuple(dim.dim_value for dim in dims) if known else None)
    return shapes


def _convert(folder: Path, inputs: list[str]) -> bytes:
    onnx2tf = require("onnx2tf", extra="litert")
    try:
        onnx2tf.convert(
            input_onnx_file_path=str(folder / "model.onnx"),
            output_folder_path=str(folder / "out"),
            tflite_backend="flatbuffer_direct",
            output_signaturedefs=True,
            keep_shape_absolutely_input_names=inputs,
            verbosity="error",
        )
        return (folder / "out" / "model_float32.tflite").read_bytes()
    except (Exception, SystemExit) as error:  # it raises classes of its own, and ends the process for some
        raise ConversionError(
            f"onnx2tf could not convert the model: {' '.join(str(error).split())[:300] or type(error).__name__}", fix=_FIX
        ) from error
