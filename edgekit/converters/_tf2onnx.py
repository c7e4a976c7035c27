"""What both converters by tf2onnx share: the repairs of its graph, the checks, and the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgekit.converters._onnx_graph import check_operators, pool_without_transpose, rename_interface, spell_out_erfc
from edgekit.converters._onnx_names import settle_names
from edgekit.lazy import require

OPSET = 18
"""The newest opset tf2onnx 1.17 writes; every runtime since ONNX Runtime 1.14 (2023) reads it."""


def save_checked(model: Any, inputs: tuple[str, ...], outputs: tuple[str, ...], file: Path) -> None:
    """Repairs a graph that tf2onnx wrote, checks it against the ONNX standard and saves it.

    Args:
        model: The `onnx.ModelProto`; it is changed.
        inputs: The inputs' names, in the graph's order.
        outputs: The outputs' names, in the graph's order.
        file: Where it goes.

    Raises:
        ConversionError: It holds an operator that ONNX does not have.
    """
    onnx = require("onnx", extra="onnx")
    spell_out_erfc(model.graph)
    check_operators(model)
    rename_interface(model.graph, inputs, outputs)
    pool_without_transpose(model.graph)
    settle_names(model)
    del model.graph.value_info[:]
    checked = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    onnx.checker.check_model(checked)
    onnx.save(checked, file)
