from __future__ import annotations

import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from edgekit import pythons, toolchain
from edgekit.errors import ConversionError, MissingPackageError, UnknownNameError
from edgekit.toolchain import Toolchain
from edgekit.worker import Worker

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
TINY = Toolchain(name="tiny", python=HERE, requirements=("iniconfig==2.1.0",))
ENSURE = f"""
import sys
from pathlib import Path
from edgekit.toolchain import Toolchain, ensure
tiny = Toolchain(name="tiny", python="{HERE}", requirements=("iniconfig==2.1.0",))
print(ensure(tiny, Path(sys.argv[1]), lambda event: print(event["text"], file=sys.stderr, flush=True)))
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tiny toolchain installed; read only."""
    need_index()
    folder = tmp_path_factory.mktemp("toolchains")
    toolchain.ensure(TINY, folder)
    return folder


def need_index() -> None:
    try:
        urllib.request.urlopen("https://pypi.org/simple/iniconfig/", timeout=10).close()
    except (urllib.error.URLError, OSError) as problem:
        pytest.skip(f"the package index cannot be reached: {problem}")


def process(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", ENSURE, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def imports(folder: Path) -> bool:
    return subprocess.run([toolchain.interpreter(folder), "-c", "import iniconfig"], env={}).returncode == 0


def visible(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir() if path.is_dir())


def test_a_worker_in_the_environment_has_edgekit_and_its_own_packages_only(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = toolchain.ensure(TINY, root)
    (tmp_path / "iniconfig.py").write_text("raise SystemExit('the user's folder must not be searched')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(pytest.__file__).parents[1]))
    with Worker(tmp_path / "log", toolchain.environment(folder), toolchain.interpreter(folder)) as worker:
        with pytest.raises(UnknownNameError, match="no source named 'x'"):
            worker.call("edgekit.pipeline.chores:read", {"source": "x"})
        with pytest.raises(ConversionError, match="'iniconfig' has no attribute 'x'"):
            worker.call("iniconfig:x", {})
        with pytest.raises(ConversionError, match="No module named 'numpy'"):
            worker.call("numpy:array", {})


def test_once_installed_it_needs_neither_network_nor_uv(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    said: list[object] = []
    assert imports(toolchain.ensure(TINY, root, said.append))
    assert said == []


def test_two_processes_at_once_make_one_environment(tmp_path: Path) -> None:
    need_index()
    both = [process(tmp_path), process(tmp_path)]
    ends = [each.communicate(timeout=120) for each in both]
    assert [each.returncode for each in both] == [0, 0], ends
    assert ends[0][0] == ends[1][0]
    assert sum("install the packages" in said for _, said in ends) == 1
    assert imports(Path(ends[0][0].strip()))


def test_a_killed_install_is_not_taken_for_complete(tmp_path: Path) -> None:
    need_index()
    victim = process(tmp_path)
    assert victim.stderr is not None
    for line in victim.stderr:
        if "install the packages" in line:
            break
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    assert not (tmp_path / TINY.folder).exists()
    time.sleep(1)  # uv, which was not killed with it, ends
    assert visible(tmp_path) != []
    assert imports(toolchain.ensure(TINY, tmp_path))
    assert visible(tmp_path) == [TINY.folder]


def test_without_the_index_the_error_says_what_to_do_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(MissingPackageError, match="tiny could not be installed") as caught:
        toolchain.ensure(TINY, tmp_path / "chains")
    assert "iniconfig" in caught.value.message
    assert "edgekit toolchains install tiny" in caught.value.fix
    assert visible(tmp_path / "chains") == []


def test_a_missing_python_is_named_with_the_command_that_brings_it(tmp_path: Path) -> None:
    with pytest.raises(MissingPackageError, match=r"old needs Python 3\.2, and there is none") as caught:
        toolchain.ensure(Toolchain(name="old", python="3.2", requirements=()), tmp_path)
    assert "uv python install 3.2" in caught.value.fix


def test_a_shim_that_does_not_run_is_passed_over_for_the_version_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim = tmp_path / "shims" / "python3.99"
    real = tmp_path / "pyenv" / "versions" / "3.99.1" / "bin" / "python"
    for file, text in ((shim, "exit 127"), (real, f"echo 3.99 {real}")):
        file.parent.mkdir(parents=True)
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
    monkeypatch.setenv("PATH", str(shim.parent))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    assert pythons.find_python("3.99", "the test", "no-uv") == real


def test_removing_takes_outdated_environments_too_and_counts_them(tmp_path: Path) -> None:
    need_index()
    toolchain.ensure(TINY, tmp_path)
    toolchain.ensure(Toolchain(name="tiny", python=HERE, requirements=("iniconfig==2.0.0",)), tmp_path)
    assert len(visible(tmp_path)) == 2
    assert toolchain.remove(TINY, tmp_path) > 10_000
    assert visible(tmp_path) == []
    assert toolchain.remove(TINY, tmp_path) == 0


def test_a_requirement_without_an_exact_version_is_refused() -> None:
    with pytest.raises(ValueError, match="numpy>=2 has no exact version"):
        Toolchain(name="loose", python=HERE, requirements=("numpy>=2",))


def test_what_is_listed_is_what_plugins_declare(tmp_path: Path) -> None:
    (row,) = [row for row in toolchain.listing(tmp_path) if row.name == "onnx2tf"]
    assert row.needed_by == ("tflite_from_onnx",)
    assert not row.installed
    with pytest.raises(UnknownNameError, match="onnx2tff") as caught:
        toolchain.named("onnx2tff")
    assert "Did you mean onnx2tf?" in caught.value.fix
