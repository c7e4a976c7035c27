"""The TFLite inspector on real published files, and on damaged ones."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from edgekit.errors import CorruptModelError, WrongFormatError
from edgekit.inspectors.tflite import TFLiteInspector

PAIRS = Path(__file__).parents[4] / "shared" / "coral" / "pairs"


def _pairs() -> list[Path]:
    if not PAIRS.is_dir():
        pytest.skip("the published Coral models are not beside the repository (../shared/coral)")
    return sorted(PAIRS.iterdir())


def test_every_published_model_lists_its_operators_in_file_order() -> None:
    for folder in _pairs():
        found = [op.kind for op in TFLiteInspector().inspect(folder / "source.tflite").ops]
        expected = [op["type"] for op in json.loads((folder / "truth.json").read_text())["ops"]]
        assert found == expected, folder.name


def test_every_published_model_with_a_matrix_product_is_all_integer() -> None:
    for folder in _pairs():
        summary = TFLiteInspector().inspect(folder / "source.tflite")
        assert summary.integer_macs_share == (1.0 if summary.macs else 0.0), folder.name
        assert summary.float_islands == (), folder.name


def test_macs_are_those_that_the_authors_wrote_into_their_file_names() -> None:
    compared = 0
    for folder in _pairs():
        written = re.search(r"nMACs(\d+)", json.loads((folder / "truth.json").read_text())["source_path"])
        if written:
            assert TFLiteInspector().inspect(folder / "source.tflite").macs == int(written.group(1)), folder.name
            compared += 1
    assert compared > 20


def test_a_truncated_file_is_named_as_damaged(tmp_path: Path) -> None:
    whole = (_pairs()[0] / "source.tflite").read_bytes()
    damaged = tmp_path / "model.tflite"
    for part in (0.01, 0.3, 0.9):
        damaged.write_bytes(whole[: int(len(whole) * part)])
        with pytest.raises(CorruptModelError, match=r"model\.tflite is damaged"):
            TFLiteInspector().inspect(damaged)


def test_another_file_is_named_as_not_tflite(tmp_path: Path) -> None:
    other = tmp_path / "model.tflite"
    other.write_text("this is a text file, not a model")
    with pytest.raises(WrongFormatError, match="not a TFLite model"):
        TFLiteInspector().inspect(other)
