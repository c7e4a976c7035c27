"""A killed or stopped run leaves nothing half-written and nothing running, and the next one ends as if nothing had been."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

import edgekit as api
from edgekit.core.model import Model, digest_files
from tests.command import edgekit, environment, tree
from tests.integration.conftest import NAMES, SmallRun

if not Path("/proc/self/environ").exists():
    pytest.skip("orphans are looked for in /proc", allow_module_level=True)

ORPHANS_LIVE_S = 10.0
"""By then every child of a killed run must be gone: they look twice a second, and a busy kernel takes seconds to clear
their memory."""


class Running:
    """`edgekit ... --verbose` in a process group of its own, watched by its lines on standard error."""

    def __init__(self, *words: object, home: Path, cwd: Path) -> None:
        self.lines: list[str] = []
        self._home = home
        self._process = subprocess.Popen(
            [sys.executable, "-m", "edgekit", *map(str, words), "--verbose"],
            cwd=cwd,
            env=environment(home),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def wait_for(self, words: str) -> None:
        """Reads until a line contains `words`."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.lines.append(line.rstrip())
            if words in line:
                return
        raise AssertionError(f"{words!r} never came; it ended with {self._process.wait()}:\n" + "\n".join(self.lines))

    def end(self, sent: signal.Signals) -> int:
        """Kills the command alone, or stops its group as Ctrl-C does; returns the exit code."""
        if sent is signal.SIGKILL:
            self._process.kill()
        else:
            os.killpg(self._process.pid, sent)
        assert self._process.stderr is not None
        code = self._process.wait(timeout=30)
        deadline = time.monotonic() + ORPHANS_LIVE_S
        while (left := living(self._home)) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not left, left
        self.lines.extend(self._process.stderr.read().splitlines())
        return code


def living(home: Path) -> list[str]:
    """Command lines of the processes whose store is `home`."""
    mark = f"EDGEKIT_HOME={home}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # it has ended, or it is somebody else's
            continue
    return [line for line in found if line]


def whole(home: Path, out: Path) -> None:
    """Everything under its final name is complete: store entries, and artifacts in the run's folder."""
    for entry in (home / "store").iterdir():
        assert (entry / "key.json").stat().st_size > 0, entry
    for folder in [*(home / "store").iterdir(), *out.glob("artifacts/*/[!.]*")]:
        if folder.parent == home / "store" and not (folder / "edgekit.json").exists():
            continue
        model = Model.read(folder)
        assert digest_files(folder, model.files) == model.digest, folder


def digests(run: Path) -> dict[str, str]:
    """Digest of each artifact by its name."""
    found = {f"{f.parent.parent.name}/{f.parent.name}": Model.read(f.parent).digest for f in run.rglob("edgekit.json")}
    assert found
    return found


def kill_and_finish(small: SmallRun, folder: Path, recipe: str, moments: Sequence[str]) -> list[list[str]]:
    """Kills a run of `recipe`, the small one or a part of it, at each moment, one run after another, then lets one finish.

    The result must be the one of the run that nobody killed; returns what each run said.
    """
    home = folder / "home"
    (folder / "small.yaml").write_text(recipe)
    said = []
    for moment in moments:
        running = Running("run", "small.yaml", home=home, cwd=folder)
        running.wait_for(moment)
        assert running.end(signal.SIGKILL) == -signal.SIGKILL
        whole(home, folder / "runs" / "small")
        said.append(running.lines)
    done = edgekit("run", "small.yaml", "--verbose", home=home, cwd=folder)
    assert done.code == 0, done.err
    said.append(done.err.splitlines())
    whole(home, folder / "runs" / "small")
    assert not any((home / "building").iterdir())
    assert not any((home / "partial").iterdir())
    made, expected = digests(folder / "runs" / "small"), digests(small.folder)
    assert made == {name: digest for name, digest in expected.items() if name in made}
    report = api.load_report(folder / "runs" / "small" / "report.json")
    accuracies = {entry.name: entry.accuracy for entry in small.report.entries}
    assert {name for name in NAMES if name.startswith("dense/")} <= {entry.name for entry in report.entries}
    assert all(entry.accuracy == accuracies[entry.name] for entry in report.entries)
    return said


def test_killed_in_training_converting_and_measuring(small: SmallRun, tmp_path: Path) -> None:
    recipe = small.recipe.read_text()
    variants = recipe[recipe.index("variants:") : recipe.index("calibration:")]
    said = kill_and_finish(
        small, tmp_path, recipe.replace(variants, ""), ["train dense: loss", "· quantize_onnx", "· measure"]
    )
    # The second run goes on with the second epoch, later ones have nothing to train.
    assert any(line.startswith("  train dense: epoch 1,") for line in said[0])
    assert not any(line.startswith("  train dense: epoch 1,") for line in said[1])
    assert "· train dense" in said[1]
    assert "· train dense" not in said[2]
    assert "· quantize_tflite → tflite-int8" in said[1]
    assert not any(line.startswith("· ") and "→" in line for line in said[3])
    assert "· measure 4 artifacts" in said[3]


@pytest.mark.long
@pytest.mark.timeout(900)
def test_killed_at_every_other_step(small: SmallRun, tmp_path: Path) -> None:
    kill_and_finish(
        small,
        tmp_path,
        small.recipe.read_text(),
        [
            "· train dense",
            "· prune",
            "· finetune pruned",
            "· run keras",
            "· tflite_from_keras",
            "· run tflite",
            "quantize_tflite → tflite-int8: calibrate",
            "· onnx_from_keras",
            "· openvino_from_tflite",
            "quantize_openvino → openvino-int8: calibrate",
            "· write the html report",
        ],
    )


@pytest.mark.long
@pytest.mark.timeout(900)
def test_killed_at_any_time(small: SmallRun, tmp_path: Path) -> None:
    """A conversion of the trained model, killed a little later each time, from before it has read anything to its end."""
    home = tmp_path / "home"
    source = small.artifact("dense/float")
    words = ("convert", source, "--target", "tflite-fp32", "--target", "openvino-fp16", "--out", "out")
    killed = 0
    for delay in (0.1, 0.2, 0.4, 0.8, 1.5, 2.5, 3.5, 4.5, 6.0, 8.0, 10.0):
        running = Running(*words, home=home, cwd=tmp_path)
        time.sleep(delay)
        code = running.end(signal.SIGKILL)
        killed += code == -signal.SIGKILL
        for folder in (tmp_path / "out").glob("[!.]*"):
            model = Model.read(folder)
            assert digest_files(folder, model.files) == model.digest
        if code == 0:
            break
    assert killed > 3
    done = edgekit(*words, home=home, cwd=tmp_path)
    assert done.code == 0, done.err
    (tmp_path / "fresh").mkdir()
    fresh = edgekit(*words, home=tmp_path / "other", cwd=tmp_path / "fresh")
    assert fresh.code == 0, fresh.err
    assert digests(tmp_path / "out") == digests(tmp_path / "fresh" / "out")


@pytest.mark.parametrize("moment", ["quantize_openvino → openvino-int8: calibrate", "· measure"])
def test_ctrl_c_stops_cleanly_and_keeps_what_is_finished(small: SmallRun, tmp_path: Path, moment: str) -> None:
    """In a copy of the store, with another number of calibration samples, so that there is something to do."""
    home = tmp_path / "home"
    shutil.copytree(small.home, home)
    recipe = small.recipe.read_text().replace("openvino-int8]", "tflite-fp16, openvino-int8]").replace("0.05", "3")
    (tmp_path / "small.yaml").write_text(recipe)
    shutil.rmtree(newest(home, "openvino-int8"))
    running = Running("run", "small.yaml", home=home, cwd=tmp_path)
    running.wait_for(moment)
    time.sleep(0.3)
    assert running.end(signal.SIGINT) == 130
    text = "\n".join(running.lines)
    assert "Traceback" not in text
    assert "Stopped. Finished steps are kept" in running.lines[-1]
    whole(home, tmp_path / "runs" / "small")
    kept = digests(tmp_path / "runs" / "small")
    finished = {
        "dense/float",
        "pruned/float",
        "dense/tflite-fp32",
        "dense/tflite-int8",
        "dense/onnx-int8",
        "dense/tflite-fp16",
    }
    assert finished <= kept.keys()
    assert ("dense/openvino-int8" in kept) == (moment == "· measure")
    assert {name: digest for name, digest in kept.items() if name != "dense/tflite-fp16"}.items() <= digests(
        small.folder
    ).items()
    assert not any("report" in name for name in tree(tmp_path / "runs" / "small"))


def newest(home: Path, target: str) -> Path:
    """The artifact folder in a store that was made last for `target`."""
    return max(
        (f.parent for f in (home / "store").glob("*/edgekit.json") if str(Model.read(f.parent).target) == target),
        key=lambda folder: folder.stat().st_mtime,
    )
