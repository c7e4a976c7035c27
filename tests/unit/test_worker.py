"""The warm child process: its errors come back as ours, its death is an error, and nothing waits for ever."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from edgekit import errors
from edgekit.worker import Worker

HERE = "tests.unit.test_worker"
Emit = Callable[[Mapping[str, Any]], None]


def answer(payload: Mapping[str, Any], emit: Emit) -> dict[str, Any]:
    for step in range(3):
        emit({"step": step})
    os.write(1, b"noise on standard output\n")
    return {"twice": 2 * payload["value"], "process": os.getpid()}


def refuse(_: Mapping[str, Any], __: Emit) -> dict[str, Any]:
    raise errors.UnsupportedModelError("no", fix="yes", cause="maybe")


def stumble(_: Mapping[str, Any], __: Emit) -> dict[str, Any]:
    raise RuntimeError("first line\nsecond line")


def die(_: Mapping[str, Any], __: Emit) -> dict[str, Any]:
    os.kill(os.getpid(), signal.SIGSEGV)
    return {}


def sleep(_: Mapping[str, Any], emit: Emit) -> dict[str, Any]:
    emit({"text": "asleep"})
    time.sleep(60)
    return {}


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    root = str(Path(__file__).parents[2])
    with Worker(tmp_path / "log", {"PYTHONPATH": root}) as child:
        yield child


def test_one_process_answers_again_and_again(worker: Worker) -> None:
    seen: list[Mapping[str, Any]] = []
    first = worker.call(f"{HERE}:answer", {"value": 4}, seen.append)
    second = worker.call(f"{HERE}:answer", {"value": 5})
    assert (first["twice"], second["twice"]) == (8, 10)
    assert first["process"] == second["process"]
    assert [event["step"] for event in seen] == [0, 1, 2]


def test_an_error_of_ours_comes_back_as_itself(worker: Worker) -> None:
    with pytest.raises(errors.UnsupportedModelError) as caught:
        worker.call(f"{HERE}:refuse", {})
    assert (caught.value.message, caught.value.fix, caught.value.cause) == ("no", "yes", "maybe")


def test_a_library_error_keeps_its_first_line_and_logs_the_rest(worker: Worker, tmp_path: Path) -> None:
    with pytest.raises(errors.ConversionError, match="RuntimeError: first line"):
        worker.call(f"{HERE}:stumble", {})
    assert "Traceback" in (tmp_path / "log").read_text()


def test_a_segfault_is_an_error_and_the_next_call_works(worker: Worker) -> None:
    with pytest.raises(errors.CrashError, match="SIGSEGV"):
        worker.call(f"{HERE}:die", {})
    assert worker.call(f"{HERE}:answer", {"value": 1})["twice"] == 2


def test_a_call_past_its_limit_is_stopped(worker: Worker) -> None:
    with pytest.raises(errors.TimeLimitError):
        worker.call(f"{HERE}:sleep", {}, time_limit_s=1.5)


def test_a_reader_who_is_gone_ends_the_call_at_once(worker: Worker) -> None:
    """What shows progress may find its terminal closed; the child must not be waited for then."""

    def gone(_: Mapping[str, Any]) -> None:
        raise BrokenPipeError

    started = time.monotonic()
    with pytest.raises(BrokenPipeError):
        worker.call(f"{HERE}:sleep", {}, gone)
    assert time.monotonic() - started < 20
