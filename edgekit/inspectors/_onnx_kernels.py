"""What one executed ONNX Runtime kernel computes: its multiply-accumulates and its arithmetic."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import isqrt, prod
from typing import Any

from edgekit.core.graph import einsum_macs

_CONVERSIONS = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "Cast", "Loop", "If", "Scan")
_INTEGERS = ("int8", "uint8", "int16", "uint16", "int4", "uint4")
_FLOATS = {"float": "float", "double": "float", "float16": "float16", "bfloat16": "bfloat16"}
# Position of the weight among a kernel's inputs (onnx Operators.md, onnxruntime ContribOperators.md).
_CONVOLUTIONS = {"Conv": 1, "FusedConv": 1, "NhwcFusedConv": 1, "NhwcConv": 1, "ConvInteger": 1, "QLinearConv": 3}
_PRODUCTS = {
    **dict.fromkeys(("MatMul", "Gemm", "FusedMatMul", "FusedGemm", "TransposeMatMul", "MatMulInteger"), 1),
    **dict.fromkeys(("DynamicQuantizeMatMul", "MatMulIntegerToFloat", "SparseToDenseMatMul"), 1),
    **dict.fromkeys(("QLinearMatMul", "QGemm"), 3),
}
_RECURRENT = ("LSTM", "GRU", "RNN", "DynamicQuantizeLSTM")
_ATTENTION = ("Attention", "QAttention", "MultiHeadAttention")
_HYBRID = ("DynamicQuantizeMatMul", "DynamicQuantizeLSTM")


@dataclass(frozen=True)
class Kernel:
    """One call of one kernel.

    Attributes:
        node: The node of the optimized graph.
        inputs: Type and shape of the inputs that are there, in order.
        outputs: The same for the outputs.
        output_bytes: Size of the outputs.
    """

    node: Any
    inputs: tuple[tuple[str, tuple[int, ...]], ...]
    outputs: tuple[tuple[str, tuple[int, ...]], ...]
    output_bytes: int

    @classmethod
    def read(cls, node: Any, args: Mapping[str, Any]) -> Kernel:
        """The kernel call that the `args` of a profile event describe."""
        return cls(node, _typed(args["input_type_shape"]), _typed(args["output_type_shape"]), int(args["output_size"]))

    def shape(self, index: int) -> tuple[int, ...]:
        """Shape of input `index`."""
        return self.inputs[index][1]


def _typed(entries: list[dict[str, list[int]]]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    return tuple((kind, tuple(shape)) for entry in entries for kind, shape in entry.items())


def macs(kernel: Kernel) -> int:
    """Multiply-accumulates of one kernel call, by the shapes it ran on."""
    kind = kernel.node.op_type
    if not kernel.outputs:
        return 0
    out = kernel.outputs[0][1]
    if kind in _CONVOLUTIONS:  # weights [out, in / groups, ...], whatever the layout of the activations
        return prod(out) * prod(kernel.shape(_CONVOLUTIONS[kind])[1:])
    if kind == "ConvTranspose":  # weights [in, out / groups, ...]
        return prod(kernel.shape(0)) * prod(kernel.shape(1)[1:])
    if kind in _PRODUCTS:
        return prod(out) * _inner(kernel.shape(0), kernel.shape(_PRODUCTS[kind]), out)
    if kind == "MatMulNBits":
        return prod(out) * kernel.shape(0)[-1]
    if kind in _RECURRENT:  # x [time, batch, in]; each weight meets every vector of the sequence once
        return prod(kernel.shape(0)[:2]) * (prod(kernel.shape(1)) + prod(kernel.shape(2)))
    if kind == "Einsum":
        equation = next(a.s.decode() for a in kernel.node.attribute if a.name == "equation")
        return einsum_macs(equation, [shape for _, shape in kernel.inputs])
    return _attention(kernel) if kind in _ATTENTION else 0


def _inner(first: tuple[int, ...], second: tuple[int, ...], out: tuple[int, ...]) -> int:
    """Inner length of a matrix product, whichever side is transposed: |a| |b| / |out| is its square."""
    if len(first) < 2 or len(second) < 2 or not prod(out):
        return first[-1]
    return isqrt(prod(first[-2:]) * prod(second[-2:]) // prod(out[-2:]))


def _attention(kernel: Kernel) -> int:
    """Projections (fused ones only), scores and weighted sum: [b, s, h] x [h, n], then twice s x keys x h."""
    batch, length, width = kernel.shape(0)[:3]
    if kernel.node.op_type == "MultiHeadAttention":
        keys = kernel.shape(1)[1] if len(kernel.inputs) > 1 else length
        return 2 * batch * length * keys * width
    projected = kernel.shape(1)[-1]
    return batch * length * width * projected + 2 * batch * length * length * (projected // 3)


def arithmetic(kernel: Kernel, dynamic: Collection[str]) -> str:
    """What a kernel computes in, by its name and the types it ran on.

    Args:
        kernel: The kernel call.
        dynamic: Names of tensors that are quantized at run time.
    """
    node = kernel.node
    if node.op_type in _CONVERSIONS:
        return "none"
    product = node.op_type in _CONVOLUTIONS or node.op_type in _PRODUCTS
    if node.op_type in _HYBRID or (product and node.input[0] in dynamic):
        return "hybrid"
    if node.op_type == "MatMulNBits":
        # accuracy_level 4: activations are quantized to int8 for the product (ContribOperators.md).
        level = next((a.i for a in node.attribute if a.name == "accuracy_level"), 0)
        return "hybrid" if level == 4 else "float"
    if node.op_type.startswith(("QLinear", "QGemm", "QAttention")):
        return "int"
    kinds = [kind for kind, _ in (*kernel.inputs[:1], *kernel.outputs[:1])]
    floats = [_FLOATS[kind] for kind in kinds if kind in _FLOATS]
    if product and kinds[0] in _INTEGERS:
        return "int"
    if floats:
        return floats[0]
    return "int" if any(kind in _INTEGERS for kind in kinds) else "none"
