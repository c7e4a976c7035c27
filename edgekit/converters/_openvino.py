"""What both converters to OpenVINO share: its own frontend reads the file, shapes are fixed, weights stay float32."""

from __future__ import annotations

from typing import Any

from edgekit.core.names import counted_anew
from edgekit.core.protocols import Made, Work
from edgekit.core.shapes import fixed_inputs
from edgekit.errors import ConversionError
from edgekit.lazy import require


def to_openvino(work: Work, hint: str) -> Made:
    """Writes `model.xml` and `model.bin`.

    `Core.read_model` runs the same frontends as `openvino.convert_model`, without the latter's usage reports to the network.

    Raises:
        ConversionError: OpenVINO has no form of an operator; `hint` says what to try instead.
        DynamicShapeError: An input has a dimension that nobody fixed.
    """
    specs = fixed_inputs(work)
    openvino = require("openvino", extra="openvino")
    try:
        model = openvino.Core().read_model(work.file)
        model.reshape({port: list(spec.shape) for port, spec in zip(model.inputs, specs, strict=True)})
        model.validate_nodes_and_infer_types()
        fold_constants(model)
    except RuntimeError as error:
        raise ConversionError(f"OpenVINO could not read the model: {_reason(str(error))}", fix=hint) from error
    operators = model.get_ordered_ops()
    for operator, name in zip(operators, counted_anew([each.get_friendly_name() for each in operators]), strict=True):
        operator.set_friendly_name(name)
    openvino.save_model(model, work.out / "model.xml", compress_to_fp16=False)
    return Made(file="model.xml")


def fold_constants(model: Any) -> None:
    """Computes what depends on constants only, in place.

    Without it the weights of depthwise convolutions from ONNX stay behind a Reshape, where a quantizer takes their scales
    along the wrong axis and the layer then runs in float.
    """
    passes = require("openvino.passes", extra="openvino")
    folding = passes.Manager()
    folding.register_pass(passes.ConstantFolding())
    folding.run_passes(model)


def _reason(text: str) -> str:
    telling = [line.strip(" -") for line in text.splitlines() if "with a message" in line or "No conversion rule" in line]
    plain = [line.strip() for line in text.splitlines() if not line.startswith(("Exception", "Check")) and line.strip()]
    return (telling or plain or [text])[0][:300]
