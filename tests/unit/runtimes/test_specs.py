"""The manifest decides the order of inputs where its names are the file's names."""

from __future__ import annotations

from edgekit.core.tensor import DType, TensorSpec
from edgekit.runtimes import specs


def _named(*names: str) -> list[TensorSpec]:
    return [TensorSpec(name, DType.FLOAT32, (1,)) for name in names]


def test_the_manifest_decides_the_order() -> None:
    assert specs.order(_named("mask", "image"), _named("image", "mask")) == [1, 0]


def test_foreign_names_leave_the_order_of_the_file() -> None:
    assert specs.order(_named("mask", "image"), _named("input_0", "input_1")) == [0, 1]


def test_the_telling_line_of_an_engine_message_is_kept() -> None:
    message = "Exception from src/core.cpp:132:\nException from src/plugin.cpp:59:\nIncorrect weights in bin file!\n\n"
    assert specs.first_line(message) == "Incorrect weights in bin file!"
