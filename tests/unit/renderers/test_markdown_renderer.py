"""report.md: GitHub tables that no name can break, and pictures beside it that are there."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from sample_report import build

from edgekit.errors import MissingPackageError
from edgekit.renderers.markdown import FLIPS_SHOWN, MarkdownRenderer, document, escaped


def _tables(text: str) -> list[list[str]]:
    return [block.splitlines() for block in re.findall(r"(?:^\|.*\n?)+", text, flags=re.MULTILINE)]


def test_every_picture_named_in_the_text_is_a_file_that_parses(tmp_path: Path) -> None:
    file = MarkdownRenderer().render(build(), tmp_path)
    named = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", file.read_text(encoding="utf-8"))
    assert len(named) == 6
    for name in named:
        picture = ET.parse(tmp_path / name).getroot()
        assert picture.tag.endswith("svg")
    assert {f"report_files/{path.name}" for path in (tmp_path / "report_files").iterdir()} == set(named)


def test_the_picture_has_a_point_for_each_measured_artifact_and_the_front(tmp_path: Path) -> None:
    MarkdownRenderer().render(build(), tmp_path)
    text = (tmp_path / "report_files" / "tradeoff-1.svg").read_text(encoding="utf-8")
    assert text.count('aria-roledescription="point"') == 20, "21 artifacts, one without labels"
    assert "dense/tflite-int8<" in text, "artifacts on the front are named in the picture"


def test_hostile_names_neither_break_a_table_nor_become_html() -> None:
    text = document(build())
    for lines in _tables(text):
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in lines}
        assert len(cells) == 1, lines[0]
    assert "<img" not in text
    assert "&lt;/script" in text
    assert r"a\|b \`c\` \*d\* \[red\]" in text


@pytest.mark.parametrize("text", ["a|b", "`x`", "[x](y)", "**x**", "<b>", "x\n# y", "&lt;"])
def test_escaped_text_shows_itself(text: str) -> None:
    shown = escaped(text)
    plain = re.sub(r"\\(.)", r"\1", shown).replace("&lt;", "<").replace("&amp;", "&")
    assert plain == text.replace("\n", " ")
    assert "<" not in shown


def test_flips_are_listed_up_to_a_bound_and_the_rest_is_counted() -> None:
    report = build()
    longest = max(report.entries, key=lambda entry: len(entry.paired.flips) if entry.paired else 0)
    assert longest.paired is not None
    text = document(replace(report, entries=(longest,)))
    assert len(re.findall(r"^\| test\\\[", text, flags=re.MULTILINE)) == FLIPS_SHOWN
    assert f"And {len(longest.paired.flips) - FLIPS_SHOWN} more" in text


def test_what_was_refused_rejected_or_cached_is_in_the_text() -> None:
    text = document(build())
    assert "Refused: p90 needs 64 samples; 60 were taken." in text
    assert "magnitude-80/openvino-int8** (ProofError)" in text
    assert "| convert | 65 s | 17 | 4 |" in text
    assert "FAILED" not in text


def test_a_report_without_measurements_or_labels_is_still_a_document(tmp_path: Path) -> None:
    report = build()
    bare = replace(report.entries[0], latency=(), accuracy=None, paired=None, proof=None, peak_bytes=None)
    file = MarkdownRenderer().render(
        replace(report, entries=(bare,), training=(), noise=(), data=None, reference_accuracy=None, findings=()), tmp_path
    )
    text = file.read_text(encoding="utf-8")
    assert re.findall(r"\]\(([^)]+svg)\)", text) == ["report_files/sizes.svg"]
    assert "## Classes" not in text


def test_without_the_extra_the_error_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgekit.lazy.installed", lambda name: name != "vl_convert")
    monkeypatch.delitem(sys.modules, "vl_convert", raising=False)
    with pytest.raises(MissingPackageError) as caught:
        MarkdownRenderer().render(build(), tmp_path)
    assert "[report]" in caught.value.fix
    assert list(tmp_path.iterdir()) == []
