"""A job file that cannot be done is refused before anything is opened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgekit import errors
from edgekit.agent.__main__ import main, read_job
from edgekit.agent.infer import file_stem


def _write(folder: Path, **changes: Any) -> Path:
    model = {"id": "a", "runtime": "edgekit.runtimes.litert:LiteRT", "file": "a.tflite", "inputs": [], "outputs": []}
    body = {
        "schema": "edgekit.job/1",
        "action": "infer",
        "models": [model],
        "samples": ["x.npy"],
        "out": str(folder / "out"),
    }
    file = folder / "job.json"
    file.write_text(json.dumps({**body, **changes}))
    return file


def test_a_job_is_read_with_its_defaults(tmp_path: Path) -> None:
    job = read_job(_write(tmp_path))
    assert job.models[0].id == "a"
    assert job.time_limit_s == 600.0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema": "edgekit.job/9"}, "schema"),
        ({"models": []}, "no models"),
        ({"samples": []}, "no samples"),
        ({"action": "latency"}, "no plan"),
        ({"action": "fly"}, "fly"),
        ({"action": "latency", "plan": {"twins": ["b"]}}, "twins"),
        ({"action": "latency", "plan": {"blocks": 0}}, "blocks"),
        ({"action": "latency", "plan": {"threads": [0]}}, "threads"),
    ],
)
def test_an_impossible_job_is_refused(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(errors.UsageError, match=words):
        read_job(_write(tmp_path, **changes))


def test_two_models_with_one_id_are_refused(tmp_path: Path) -> None:
    file = _write(tmp_path)
    body = json.loads(file.read_text())
    file.write_text(json.dumps({**body, "models": body["models"] * 2}))
    with pytest.raises(errors.UsageError, match="same id"):
        read_job(file)


def test_text_that_is_no_job_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "job.json"
    file.write_text("{")
    with pytest.raises(errors.UsageError):
        read_job(file)


def test_the_agent_answers_a_missing_job_with_one_line_and_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "none.json")]) == errors.MissingFileError.exit_code
    assert json.loads(capsys.readouterr().out)["error"]["type"] == "MissingFileError"


def test_ids_become_file_names_that_differ() -> None:
    assert file_stem("dense/tflite-int8", set()) == "dense-tflite-int8"
    assert file_stem("dense-tflite-int8", {"dense-tflite-int8.npz"}) != "dense-tflite-int8"
