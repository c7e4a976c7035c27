"""`doctor` on this machine, on recorded machines, and in environments with combinations that are known to fail."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgekit.core.finding import Finding
from edgekit.pipeline import doctor, doctor_packages

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """A function that puts a distribution's metadata (and a module file) first on the path, as an installer would."""
    monkeypatch.syspath_prepend(tmp_path)

    def put(name: str, version: str, requires: tuple[str, ...] = ()) -> Path:
        folder = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {r}" for r in requires)]
        (folder / "METADATA").write_text("\n".join(lines) + "\n")
        return tmp_path

    return put


def only(findings: Iterator[Finding], name: str) -> Finding:
    return next(finding for finding in findings if finding.name == name)


def record(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_it_answers_fast_without_importing_an_engine_and_leaves_nothing_behind(tmp_path: Path) -> None:
    code = (
        "import sys, time, pathlib\n"
        "from edgekit.pipeline.doctor import diagnose\n"
        f"found = diagnose(pathlib.Path({str(tmp_path / 'not' / 'yet')!r}))\n"
        "heavy = {'numpy', 'tensorflow', 'keras', 'onnx', 'onnxruntime', 'openvino', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert time.process_time() < 1.5, time.process_time()\n"
        "print(*[f.name for f in found])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {"python", "cpu", "governor", "load", "memory", "cache", "temp", "uv"} <= set(done.stdout.split())
    assert not list(tmp_path.iterdir())


def test_whatever_is_not_ok_has_a_fix(tmp_path: Path) -> None:
    for finding in doctor.diagnose(tmp_path):
        assert finding.detail
        assert finding.status == "ok" or finding.fix


def test_a_governor_that_follows_the_load_gets_the_exact_command(tmp_path: Path) -> None:
    record(tmp_path, {"sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave\n"})
    found = only(doctor.check_clock(tmp_path), "governor")
    assert found.status == "warning"
    assert found.fix.startswith("sudo cpupower frequency-set -g performance")


@pytest.mark.parametrize(("file", "on", "off"), [("intel_pstate/no_turbo", "0", "1"), ("cpufreq/boost", "1", "0")])
def test_turbo_is_turned_off_by_the_file_that_controls_it(tmp_path: Path, file: str, on: str, off: str) -> None:
    record(tmp_path, {f"sys/devices/system/cpu/{file}": on})
    assert only(doctor.check_clock(tmp_path), "turbo").fix == f"echo {off} | sudo tee /sys/devices/system/cpu/{file}"
    record(tmp_path, {f"sys/devices/system/cpu/{file}": off})
    assert "turbo" not in [finding.name for finding in doctor.check_clock(tmp_path)]


def test_a_hot_machine_is_told_to_cool(tmp_path: Path) -> None:
    record(tmp_path, {"sys/class/thermal/thermal_zone0/temp": "41000\n", "sys/class/thermal/thermal_zone1/temp": "85300\n"})
    found = only(doctor.check_clock(tmp_path), "heat")
    assert found.status == "warning"
    assert "85 degrees C" in found.detail


def test_the_throttle_bits_of_a_raspberry_pi_are_read() -> None:
    assert doctor.throttle_words("throttled=0x0\n") == []
    assert doctor.throttle_words("throttled=0x50005\n") == ["under-voltage now", "throttled now"]
    assert doctor.throttle_words("throttled=0x80000\n") == ["soft temperature limit since boot"]


@pytest.mark.parametrize(("features", "status"), [("asimd asimdhp", "warning"), ("asimd asimddp", "ok")])
def test_a_cpu_without_dot_products_warns_about_int8(tmp_path: Path, features: str, status: str) -> None:
    record(tmp_path, {"proc/cpuinfo": f"Features\t: {features}\nCPU implementer\t: 0x41\nCPU part\t: 0xd08\n"})
    assert only(doctor.check_cpu(tmp_path), "int8").status == status


def test_stolen_time_is_reported(tmp_path: Path) -> None:
    record(tmp_path, {"proc/stat": "cpu  600 0 100 200 0 0 0 100 0 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n"})
    assert "10.0%" in only(doctor.check_quiet(tmp_path), "steal").detail


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_without_write_permission_is_a_problem(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert only(doctor.check_disk(tmp_path), "cache").status == "problem"


def test_a_file_where_the_cache_should_be_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    assert only(doctor.check_disk(tmp_path / "cache" / "edgekit"), "cache").status == "problem"


def test_a_missing_extra_is_named_with_its_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    real = doctor_packages.version_of
    monkeypatch.setattr(doctor_packages, "version_of", lambda name: None if name == "tf2onnx" else real(name))
    found = only(doctor_packages.check_packages(), "extra keras")
    assert (found.status, found.detail) == ("warning", "missing: tf2onnx")
    assert found.fix.endswith("[keras]'")


def test_a_version_outside_what_edgekit_needs_is_a_problem(install: Install) -> None:
    install("typer", "0.31.0")
    found = only(doctor_packages.check_packages(), "version of typer")
    assert found.status == "problem"
    assert "0.31.0 is installed" in found.detail
    assert "install 'typer" in found.fix


def test_what_a_package_of_edgekit_stands_on_is_checked_too(install: Install) -> None:
    install("numpy", "2.3.0", ("not-there-at-all>=1",))
    found = only(doctor_packages.check_packages(), "version of not-there-at-all")
    assert found.detail == "numpy needs not-there-at-all>=1; nothing is installed"


@pytest.mark.parametrize(
    ("package", "version", "name", "status"),
    [
        ("onnxruntime-gpu", "1.22.0", "two of onnxruntime", "problem"),
        ("tensorflow-model-optimization", "0.8.0", "tfmot", "warning"),
        ("tflite-runtime", "2.14.0", "tflite-runtime", "warning"),
    ],
)
def test_known_bad_neighbours_are_found(install: Install, package: str, version: str, name: str, status: str) -> None:
    for needed in ("onnxruntime", "keras", "ai-edge-litert"):
        if doctor_packages.version_of(needed) is None:
            install(needed, "3.0")
    assert name not in [finding.name for finding in doctor_packages.check_packages()]
    install(package, version)
    found = only(doctor_packages.check_packages(), name)
    assert found.status == status
    assert f"uninstall {'onnxruntime ' if 'gpu' in package else ''}{package}" in found.fix


def test_protobuf_older_than_generated_code_is_found(install: Install) -> None:
    root = install("protobuf", "5.29.3")
    for package, file in doctor_packages.PROTOBUF_GENCODE:
        record(root, {f"{package}/__init__.py": "", f"{package}/{file}": "# Protobuf Python Version: 6.31.1\n"})
    found = only(doctor_packages.check_packages(), "protobuf for onnx")
    assert found.status == "problem"
    assert found.fix.endswith("install 'protobuf>=6.31.1'")


def test_settings_that_turn_keras_away_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, install: Install) -> None:
    if doctor_packages.version_of("keras") is None:
        install("keras", "3.10.0")
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "keras.json").write_text('{"backend": "torch"}')
    findings = list(doctor_packages.check_packages())
    assert only(iter(findings), "legacy keras").fix == "unset TF_USE_LEGACY_KERAS"
    assert "sets torch" in only(iter(findings), "keras backend").detail
