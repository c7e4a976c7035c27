from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edgekit.core.target import Precision
from edgekit.errors import CorruptModelError, MissingFileError
from edgekit.sources.openvino import OpenVINOSource
from tests.models import Zoo


@pytest.fixture
def copy(zoo: Zoo, tmp_path: Path) -> Path:
    for file in (zoo.openvino, zoo.openvino.with_suffix(".bin")):
        shutil.copy(file, tmp_path)
    return tmp_path / zoo.openvino.name


def test_reads_names_shapes_and_both_files(zoo: Zoo) -> None:
    facts = OpenVINOSource().read(zoo.openvino)
    assert [str(spec) for spec in (*facts.inputs, *facts.outputs)] == ["image float32[1, 12, 12, 3]", "logits float32[1, 5]"]
    assert (facts.files, facts.precision) == (("model.xml", "model.bin"), Precision.FP32)
    assert OpenVINOSource().sniff(zoo.openvino)


def test_missing_weights_are_named(copy: Path) -> None:
    copy.with_suffix(".bin").unlink()
    with pytest.raises(MissingFileError, match=r"model\.bin is missing"):
        OpenVINOSource().read(copy)


def test_truncated_weights_are_corrupt(copy: Path) -> None:
    weights = copy.with_suffix(".bin")
    weights.write_bytes(weights.read_bytes()[:200])
    with pytest.raises(CorruptModelError, match=r"does not belong to model\.bin"):
        OpenVINOSource().read(copy)


def test_truncated_graph_is_corrupt(copy: Path) -> None:
    copy.write_bytes(copy.read_bytes()[:2000])
    with pytest.raises(CorruptModelError):
        OpenVINOSource().read(copy)


def test_other_xml_is_not_openvino(tmp_path: Path) -> None:
    (tmp_path / "page.xml").write_text("<?xml version='1.0'?><page/>")
    assert not OpenVINOSource().sniff(tmp_path / "page.xml")
