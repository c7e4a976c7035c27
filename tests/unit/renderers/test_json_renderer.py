"""report.json holds the whole report, exactly, and says what is wrong with a file that is not one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sample_report import build

from edgekit.errors import EdgekitError, MissingFileError, NonFiniteDataError, WrongFormatError
from edgekit.renderers.json import JSONRenderer, read_report


def test_reading_a_written_report_gives_the_same_value(tmp_path: Path) -> None:
    report = build()
    file = JSONRenderer().render(report, tmp_path)
    assert read_report(file) == report
    assert read_report(tmp_path) == report


def test_the_schema_comes_first_and_numbers_stay_on_one_line(tmp_path: Path) -> None:
    file = JSONRenderer().render(build(), tmp_path)
    text = file.read_text(encoding="utf-8")
    assert text.splitlines()[1] == ' "schema": "edgekit.report/1",'
    assert len(text.splitlines()) < 12_000


def test_an_unknown_key_of_a_newer_edgekit_is_ignored(tmp_path: Path) -> None:
    file = JSONRenderer().render(build(), tmp_path)
    body = json.loads(file.read_text(encoding="utf-8"))
    body["invented_later"] = 1
    file.write_text(json.dumps(body), encoding="utf-8")
    assert read_report(file) == build()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{not json", "is not JSON"),
        ('{"schema": "edgekit.report/9"}', "edgekit.report/9"),
        ("[1, 2]", "is not a report"),
        ('{"schema": "edgekit.report/1", "name": "x"}', "is damaged"),
    ],
)
def test_a_file_that_is_no_report_is_an_error_with_a_fix(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "report.json").write_text(text, encoding="utf-8")
    with pytest.raises(WrongFormatError, match=says) as caught:
        read_report(tmp_path / "report.json")
    assert caught.value.fix


def test_a_missing_file_is_an_error_with_a_fix(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        read_report(tmp_path / "report.json")


def test_nan_is_refused_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(NonFiniteDataError):
        JSONRenderer().render(replace(build(), wall_seconds=float("nan")), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_of_the_folder_is_an_edgekit_error(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file", encoding="utf-8")
    with pytest.raises(EdgekitError, match="runs"):
        JSONRenderer().render(build(), tmp_path / "runs")
