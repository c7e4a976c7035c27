"""What the inspectors say of one small CNN in four formats: the same work everywhere, and what of it is integer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit import registry
from edgekit.core.graph import GraphSummary
from edgekit.core.target import Precision
from tests.models import Zoo

# By hand, layer by layer: output places x output channels x weights of one output element.
CONV = 6 * 6 * 32 * (3 * 3 * 3)
DEPTHWISE = 6 * 6 * 32 * (3 * 3)
POINTWISE = 6 * 6 * 32 * 32
DENSE = 5 * 32


def inspected(format_name: str, file: Path) -> GraphSummary:
    summary: GraphSummary = registry.get("inspectors", format_name).inspect(file)
    return summary


def macs_of(summary: GraphSummary) -> list[int]:
    return [op.macs for op in summary.ops if op.macs]


class OneByOne:
    """Feeds ONNX Runtime's calibration the way it asks: one dictionary at a time, then None."""

    def __init__(self, zoo: Zoo) -> None:
        self._samples: Iterator[Any] = iter(zoo.inputs[:16])

    def get_next(self) -> dict[str, Any] | None:
        sample = next(self._samples, None)
        return None if sample is None else {"image": sample[None]}


def onnx_int8(zoo: Zoo, out: Path, left_in_float: str) -> Path:
    """The CNN with folded batch norms in static int8, but for the operators of one type."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    folded = out.with_name("folded.onnx")
    quant_pre_process(str(zoo.onnx), str(folded), skip_symbolic_shape=True)
    left = [node.name for node in onnx.load(str(folded)).graph.node if node.op_type == left_in_float]
    quantize_static(
        str(folded), str(out), OneByOne(zoo), per_channel=True, activation_type=QuantType.QUInt8, nodes_to_exclude=left
    )
    return out


def openvino_int8(zoo: Zoo, out: Path, ignored: str | None = None) -> Path:
    import nncf
    import openvino
    import openvino.passes

    model = openvino.Core().read_model(str(zoo.openvino))
    # NNCF quantizes weights behind an unfolded Reshape along the wrong axis, and the layer then runs in float.
    folding = openvino.passes.Manager()
    folding.register_pass(openvino.passes.ConstantFolding())
    folding.run_passes(model)
    skipped = [op.get_friendly_name() for op in model.get_ops() if op.get_type_name() == ignored]
    scope = nncf.IgnoredScope(names=skipped) if ignored else None
    data = nncf.Dataset([sample[None] for sample in zoo.inputs[:16]])
    openvino.save_model(nncf.quantize(model, data, subset_size=16, ignored_scope=scope), str(out))
    return out


@pytest.mark.parametrize("format_name", ["keras", "tflite", "onnx", "openvino"])
def test_macs_are_those_counted_by_hand_and_none_is_integer(zoo: Zoo, format_name: str) -> None:
    summary = inspected(format_name, getattr(zoo, format_name))
    assert macs_of(summary) == [CONV, DEPTHWISE, POINTWISE, DENSE]
    assert (summary.integer_macs_share, summary.hybrid_macs_share) == (0.0, 0.0)
    assert summary.float_islands == ()


def test_parameters_are_the_folded_weights_and_biases(zoo: Zoo) -> None:
    weights = 27 * 32 + 9 * 32 + 32 * 32 + 32 * 5
    biases = 32 + 32 + 32 + 5
    summary = inspected("tflite", zoo.tflite)
    assert weights < summary.parameters <= weights + biases  # a bias of zeros is stored or shared
    assert summary.parameter_bytes == 4 * summary.parameters
    assert inspected("keras", zoo.keras).parameters == zoo.network.count_params()


def test_static_int8_is_all_integer_in_tflite(zoo: Zoo) -> None:
    file, _ = zoo.quantize("quantize_tflite", "tflite", zoo.tflite, Precision.INT8)
    summary = inspected("tflite", file)
    assert macs_of(summary) == [CONV, DEPTHWISE, POINTWISE, DENSE]
    assert summary.integer_macs_share == 1.0
    assert summary.float_islands == ()


def test_static_int8_is_all_integer_in_onnx_runtime(zoo: Zoo) -> None:
    file, _ = zoo.quantize("quantize_onnx", "onnx", zoo.onnx, Precision.INT8)
    summary = inspected("onnx", file)
    assert (summary.evidence, summary.integer_macs_share) == ("runtime", 1.0)
    assert macs_of(summary) == [CONV, DEPTHWISE, POINTWISE, DENSE]
    assert summary.float_islands == ()


def test_static_int8_is_all_integer_in_openvino(zoo: Zoo, tmp_path: Path) -> None:
    summary = inspected("openvino", openvino_int8(zoo, tmp_path / "int8.xml"))
    assert (summary.evidence, summary.integer_macs_share) == ("runtime", 1.0)
    assert macs_of(summary) == [CONV, DEPTHWISE, POINTWISE, DENSE]


def test_a_float_layer_between_integer_ones_is_an_island_in_onnx_runtime(zoo: Zoo, tmp_path: Path) -> None:
    summary = inspected("onnx", onnx_int8(zoo, tmp_path / "mixed.onnx", left_in_float="GlobalAveragePool"))
    assert len(summary.float_islands) == 1
    assert summary.float_islands[0].startswith("GlobalAveragePool ")
    assert summary.integer_macs_share == 1.0


def test_a_float_layer_between_integer_ones_is_an_island_in_openvino(zoo: Zoo, tmp_path: Path) -> None:
    summary = inspected("openvino", openvino_int8(zoo, tmp_path / "mixed.xml", ignored="GroupConvolution"))
    total = CONV + DEPTHWISE + POINTWISE + DENSE
    assert summary.integer_macs_share == pytest.approx(1 - DEPTHWISE / total)
    assert len(summary.float_islands) == 1
    assert summary.float_islands[0].startswith("Convolution ")


def test_a_float_layer_between_integer_ones_is_an_island_in_tflite(zoo: Zoo, tmp_path: Path) -> None:
    from ai_edge_quantizer import qtyping, quantizer, recipe

    maker = quantizer.Quantizer(str(zoo.tflite), recipe.static_wi8_ai8())
    maker.update_quantization_recipe(
        regex=".*",
        operation_name=qtyping.TFLOperationName.DEPTHWISE_CONV_2D,
        op_config=qtyping.OpQuantizationConfig(),
        algorithm_key="no_quantize",
    )
    names = [spec.name for spec in zoo.facts("tflite", zoo.tflite).inputs]
    ranges = maker.calibrate({"serving_default": [{names[0]: sample[None]} for sample in zoo.inputs[:16]]})
    maker.quantize(ranges).export_model(str(tmp_path / "mixed.tflite"))
    summary = inspected("tflite", tmp_path / "mixed.tflite")
    assert [op.kind for op in summary.ops if op.arithmetic == "float"] == ["DEPTHWISE_CONV_2D"]
    assert len(summary.float_islands) == 1
    assert summary.float_islands[0].startswith("DEPTHWISE_CONV_2D ")
    assert summary.integer_macs_share == pytest.approx(1 - DEPTHWISE / summary.macs)


def test_dynamic_int8_is_hybrid_and_not_integer(zoo: Zoo, tmp_path: Path) -> None:
    from onnxruntime.quantization import quantize_dynamic

    quantize_dynamic(str(zoo.onnx), str(tmp_path / "dynamic.onnx"))
    tflite, _ = zoo.quantize("quantize_tflite", "tflite", zoo.tflite, Precision.INT8_DYNAMIC)
    for summary in (inspected("onnx", tmp_path / "dynamic.onnx"), inspected("tflite", tflite)):
        assert (summary.integer_macs_share, summary.hybrid_macs_share) == (0.0, 1.0)
        assert summary.macs == CONV + DEPTHWISE + POINTWISE + DENSE


def test_float16_storage_is_float_arithmetic_of_half_the_bytes(zoo: Zoo) -> None:
    half, _ = zoo.quantize("quantize_tflite", "tflite", zoo.tflite, Precision.FP16)
    summary, whole = inspected("tflite", half), inspected("tflite", zoo.tflite)
    assert {op.arithmetic for op in summary.ops if op.macs} == {"float"}
    assert summary.parameters == whole.parameters
    assert summary.parameter_bytes < 0.6 * whole.parameter_bytes


def test_a_recurrent_layer_counts_every_time_step(zoo: Zoo, tmp_path: Path) -> None:
    import keras

    source = tmp_path / "lstm.keras"
    keras.Sequential([keras.Input((12, 6)), keras.layers.LSTM(5), keras.layers.Dense(3)]).save(source)
    by_hand = 12 * (6 * 20 + 5 * 20) + 5 * 3
    assert inspected("keras", source).macs == by_hand
    assert inspected("tflite", zoo.convert("tflite_from_keras", "keras", source)).macs == by_hand
    assert inspected("onnx", zoo.convert("onnx_from_keras", "keras", source)).macs == by_hand


def test_attention_counts_its_scores_and_its_sums(zoo: Zoo, tmp_path: Path) -> None:
    import keras

    tokens = keras.Input((10, 16))
    mixed = keras.layers.MultiHeadAttention(num_heads=2, key_dim=8)(tokens, tokens)
    keras.Model(tokens, keras.layers.Dense(4)(mixed)).save(tmp_path / "attention.keras")
    by_hand = 4 * 10 * 16 * 16 + 2 * (2 * 10 * 10 * 8) + 10 * 16 * 4
    onnx = zoo.convert("onnx_from_keras", "keras", tmp_path / "attention.keras")
    files = {
        "keras": tmp_path / "attention.keras",
        "tflite": zoo.convert("tflite_from_keras", "keras", tmp_path / "attention.keras"),
        "onnx": onnx,
        "openvino": zoo.convert("openvino_from_onnx", "onnx", onnx),
    }
    assert {name: inspected(name, file).macs for name, file in files.items()} == dict.fromkeys(files, by_hand)


def test_layout_changes_of_the_executed_graph_are_counted(tmp_path: Path) -> None:
    from onnx import TensorProto, helper, save

    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Transpose", ["x"], ["t"], perm=[0, 2, 1]), helper.make_node("Relu", ["t"], ["y"])],
        "turned",
        [value("x", TensorProto.FLOAT, [1, 4, 6])],
        [value("y", TensorProto.FLOAT, [1, 6, 4])],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(tmp_path / "t.onnx"))
    summary = inspected("onnx", tmp_path / "t.onnx")
    assert (summary.transposes, summary.transpose_bytes) == (1, int(np.prod([4, 6])) * 4)
