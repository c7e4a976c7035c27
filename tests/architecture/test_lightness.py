"""Nothing heavy is imported before it is used: proven in fresh interpreters, by loaded modules and by CPU time."""

from __future__ import annotations

import os
import pkgutil
import resource
import subprocess
import sys

import pytest

import edgekit
from edgekit.cli.main import VERBS

HEAVY = {
    "ai_edge_litert",
    "ai_edge_quantizer",
    "keras",
    "mlxtend",
    "nncf",
    "numpy",
    "onnx",
    "onnxruntime",
    "openvino",
    "PIL",
    "pydantic",
    "rich",
    "sklearn",
    "tensorflow",
    "tf2onnx",
    "yaml",
}

HELP_CPU_S = 0.2
"""What the architecture allows `--help`, seconds of CPU."""


def loaded_by(code: str) -> set[str]:
    """Top-level modules that are loaded after `code` has run in a fresh interpreter."""
    script = f"{code}\nimport sys\nprint(' '.join({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_every_module_loads_nothing_heavy() -> None:
    names = [m.name for m in pkgutil.walk_packages(edgekit.__path__, "edgekit.") if not m.name.endswith("__main__")]
    assert len(names) > 80
    loaded = loaded_by("\n".join(f"import {name}" for name in names))
    assert not loaded & HEAVY


def test_loading_every_plugin_loads_nothing_heavy() -> None:
    code = "from edgekit import registry\nfor kind in registry.KINDS:\n    assert registry.every(kind), kind"
    assert not loaded_by(code) & HEAVY


@pytest.mark.parametrize("arguments", [["--help"], *([verb, "--help"] for verb in VERBS)], ids=" ".join)
def test_help_is_light(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "edgekit", *arguments], capture_output=True, text=True, check=True
    )
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert not imported & HEAVY
    assert done.stdout.startswith("Usage: edgekit")


def test_help_answers_within_its_cpu_budget() -> None:
    """The least of five runs: other programs on the machine can only add to it."""
    spent = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-m", "edgekit", "convert", "--help"], capture_output=True, check=True, env=os.environ
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(spent) < HELP_CPU_S
