"""Every source, converter, pass and inspector on one tiny CNN whose right answers are known."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit import errors, registry
from edgekit.core.protocols import Converter, Inspector, Pass, Source
from edgekit.core.session import Runtime
from edgekit.core.target import Precision
from tests.models import Zoo, snr_db

LEAST_SNR_DB = {Precision.FP32: 80.0, Precision.FP16: 40.0, Precision.INT8: 15.0, Precision.INT8_DYNAMIC: 15.0}
"""A sound result lies well above, a broken one (a wrong axis, a missing layer) near or below zero."""

MACS = 6 * 6 * 32 * 27 + 6 * 6 * 32 * 9 + 6 * 6 * 32 * 32 + 32 * 5
"""The tiny CNN's convolution, depthwise convolution, pointwise convolution and dense layer, by hand."""

CONVERTERS: list[Converter] = registry.every("converters")
PASSES: list[tuple[Pass, Precision]] = [(p, precision) for p in registry.every("passes") for precision in p.precisions]
every_converter = pytest.mark.parametrize("converter", CONVERTERS, ids=lambda plugin: plugin.name)
every_pass = pytest.mark.parametrize(("plugin", "precision"), PASSES, ids=[f"{p.name}-{q.value}" for p, q in PASSES])
every_source = pytest.mark.parametrize("source", registry.every("sources"), ids=lambda plugin: plugin.name)
every_inspector = pytest.mark.parametrize("inspector", registry.every("inspectors"), ids=lambda plugin: plugin.name)


def answers_of(file: Path, model_format: str, rows: Any, threads: int = 1) -> Any:
    """What the runtime of a format says to each row, `float32[n, classes]`."""
    runtime: Runtime = next(r for r in registry.every("runtimes") if model_format in r.formats)
    with runtime.open(file, threads=threads) as session:
        return np.concatenate([session.run_real([row[None]])[0] for row in rows])


def converted(converter: Converter, zoo: Zoo) -> Path:
    source = converter.source.value
    try:
        return zoo.convert(converter.name, source, getattr(zoo, source))
    except errors.MissingPackageError as missing:  # a tool that fits into no environment with the others
        pytest.skip(f"{missing.message} {missing.fix}")


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@every_source
def test_a_source_knows_its_own_files_only(source: Source, zoo: Zoo) -> None:
    found = {name: source.sniff(getattr(zoo, name)) for name in ("keras", "tflite", "onnx", "openvino")}
    assert found == {name: name == source.format.value for name in found}


@every_source
def test_a_source_reads_the_interface(source: Source, zoo: Zoo) -> None:
    file = getattr(zoo, source.format.value)
    facts = source.read(file)
    assert facts.format is source.format
    assert facts.precision is Precision.FP32
    assert facts.files[0] == file.name
    assert all((file.parent / name).is_file() for name in facts.files)
    ((entry,), (end,)) = facts.inputs, facts.outputs
    assert (entry.name, entry.dtype.value, entry.shape[1:]) == ("image", "float32", (12, 12, 3))
    assert (end.dtype.value, end.shape[1:]) == ("float32", (5,))


@every_source
def test_a_source_refuses_a_damaged_file(source: Source, zoo: Zoo, tmp_path: Path) -> None:
    """The right beginning, and then noise."""
    file = getattr(zoo, source.format.value)
    for companion in source.read(file).files:
        shutil.copy(file.parent / companion, tmp_path)
    bad = tmp_path / file.name
    bad.write_bytes(file.read_bytes()[:32] + np.random.default_rng(0).bytes(4000))
    with pytest.raises(errors.CorruptModelError) as refused:
        source.read(bad)
    assert bad.name in refused.value.message
    assert refused.value.fix


@every_converter
def test_a_converter_keeps_the_function(converter: Converter, zoo: Zoo) -> None:
    made = converted(converter, zoo)
    assert snr_db(zoo.answers, answers_of(made, converter.target.value, zoo.fresh)) > LEAST_SNR_DB[Precision.FP32]
    facts = zoo.facts(converter.target.value, made)
    assert [spec.name for spec in facts.inputs] == ["image"]
    assert facts.inputs[0].is_static


@every_converter
def test_a_converter_makes_the_same_bytes_again(converter: Converter, zoo: Zoo) -> None:
    """In a process that has done other work meanwhile; a resumed run must end at the digests of an undisturbed one."""
    first, second = (converted(converter, zoo) for _ in range(2))
    assert files(first.parent) == files(second.parent)


@every_pass
def test_a_pass_keeps_the_function(plugin: Pass, precision: Precision, zoo: Zoo) -> None:
    source = plugin.format.value
    made, _ = zoo.quantize(plugin.name, source, getattr(zoo, source), precision)
    assert snr_db(zoo.answers, answers_of(made, source, zoo.fresh)) > LEAST_SNR_DB[precision]
    assert zoo.facts(source, made).precision is precision


@every_pass
def test_a_pass_makes_the_same_bytes_again(plugin: Pass, precision: Precision, zoo: Zoo) -> None:
    source = plugin.format.value
    first, second = (zoo.quantize(plugin.name, source, getattr(zoo, source), precision)[0] for _ in range(2))
    assert files(first.parent) == files(second.parent)


@every_pass
def test_a_pass_makes_the_weights_smaller(plugin: Pass, precision: Precision, zoo: Zoo) -> None:
    source = plugin.format.value
    made, _ = zoo.quantize(plugin.name, source, getattr(zoo, source), precision)
    inspector: Inspector = next(i for i in registry.every("inspectors") if i.format is plugin.format)
    before = inspector.inspect(getattr(zoo, source)).parameter_bytes
    assert inspector.inspect(made).parameter_bytes < 0.75 * before


@every_inspector
def test_an_inspector_counts_what_can_be_counted_by_hand(inspector: Inspector, zoo: Zoo) -> None:
    graph = inspector.inspect(getattr(zoo, inspector.format.value))
    assert graph.macs == MACS
    assert sum(op.macs for op in graph.ops) == MACS
    assert (graph.integer_macs_share, graph.hybrid_macs_share) == (0.0, 0.0)
    assert graph.float_islands == ()
