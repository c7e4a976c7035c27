"""The store: whole or absent, whatever happens to the process that writes."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from edgekit import errors
from edgekit.pipeline.store import Store, place


def write(name: str, text: str = "x"):  # type: ignore[no-untyped-def]
    return lambda folder: (folder / name).write_text(text)


def test_the_second_request_is_answered_from_the_store(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = store.produce({"a": 1}, write("f"))
    second = store.produce({"a": 1}, lambda _: pytest.fail("made twice"))
    assert (first.cached, second.cached) == (False, True)
    assert (second.path / "f").read_text() == "x"
    assert store.produce({"a": 2}, write("f", "y")).path != first.path


def test_a_failed_step_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def fail(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise errors.ConversionError("no", fix="yes")

    with pytest.raises(errors.ConversionError):
        store.produce({"a": 1}, fail)
    assert list((tmp_path / "building").iterdir()) == []
    assert list((tmp_path / "store").iterdir()) == []
    assert not store.produce({"a": 1}, write("f")).cached


def test_a_killed_writer_leaves_nothing_that_is_found(tmp_path: Path) -> None:
    script = (
        "import sys, time, pathlib\nfrom edgekit.pipeline.store import Store\n"
        "def slow(folder):\n    (folder / 'half').write_text('half'); print('writing', flush=True); time.sleep(60)\n"
        "Store(pathlib.Path(sys.argv[1])).produce({'a': 1}, slow)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "writing\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    store = Store(tmp_path)
    assert list((tmp_path / "building").iterdir()) == []
    assert not store.produce({"a": 1}, write("f")).cached


def test_two_writers_of_one_result_make_it_once(tmp_path: Path) -> None:
    made = []

    def slow(folder: Path) -> None:
        made.append(1)
        time.sleep(0.2)
        (folder / "f").write_text("x")

    stores = [Store(tmp_path), Store(tmp_path)]
    threads = [threading.Thread(target=store.produce, args=({"a": 1}, slow)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_partial_work_is_kept_until_the_step_is_done(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (store.partial({"a": 1}) / "checkpoint").write_text("epoch 3")
    assert (Store(tmp_path).partial({"a": 1}) / "checkpoint").read_text() == "epoch 3"
    store.produce({"a": 1}, write("f"))
    assert list((tmp_path / "partial").iterdir()) == []


def test_fresh_makes_everything_anew_once(tmp_path: Path) -> None:
    Store(tmp_path).produce({"a": 1}, write("f", "old"))
    store = Store(tmp_path, fresh=True)
    assert (store.produce({"a": 1}, write("f", "new")).path / "f").read_text() == "new"
    assert store.produce({"a": 1}, lambda _: pytest.fail("made twice")).cached


def test_placing_replaces_only_what_edgekit_wrote(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    (source / "edgekit.json").write_text("1")
    place(source, target, "edgekit.json")
    (source / "edgekit.json").write_text("2")
    place(source, target, "edgekit.json")
    assert (target / "edgekit.json").read_text() == "2"
    mine = tmp_path / "thesis"
    mine.mkdir()
    (mine / "chapter1").write_text("precious")
    with pytest.raises(errors.UsageError):
        place(source, mine, "edgekit.json")
    assert (mine / "chapter1").read_text() == "precious"
    assert {path.name for path in tmp_path.iterdir()} == {"out", "source", "thesis"}


def test_placing_sweeps_up_after_a_killed_process(tmp_path: Path) -> None:
    source, gone = tmp_path / "source", subprocess.Popen(["true"])
    gone.wait()
    source.mkdir()
    (source / "edgekit.json").write_text("1")
    half = tmp_path / f".tflite-fp32.{gone.pid}.140001"
    half.mkdir()
    place(source, tmp_path / "tflite-fp32", "edgekit.json")
    assert {path.name for path in tmp_path.iterdir()} == {"source", "tflite-fp32"}
