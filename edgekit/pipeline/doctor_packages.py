"""Which optional packages are here, whether their versions fit one another, and combinations known to fail."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.core.finding import Finding
from edgekit.lazy import DISTRIBUTION, install_command, installed

if TYPE_CHECKING:
    from packaging.requirements import Requirement

PROTOBUF_GENCODE = (("tensorflow", "core/framework/types_pb2.py"), ("onnx", "onnx_ml_pb2.py"))
"""One file of each package that protoc generated; its header has the version it was generated for."""

SAME_MODULE = (
    ("onnxruntime", ("onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino", "onnxruntime-silicon")),
    ("tensorflow", ("tensorflow-cpu", "tf-nightly", "tensorflow-gpu")),
)
"""Distributions that install files over one another: the one installed last wins, in part."""


def check_packages() -> Iterator[Finding]:
    """One finding for each extra of edgekit, one for the versions, and one for each known-bad combination."""
    try:
        requirements = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        yield Finding(
            "packages", "problem", f"{DISTRIBUTION} is not installed; only its source is here", "pip install -e '.[all]'"
        )
        return
    yield from _check_extras(requirements)
    yield from _check_versions()
    yield from _check_same_module()
    yield from _check_keras()
    yield from _check_protobuf()
    if version_of("tflite-runtime") and version_of("ai-edge-litert"):
        detail = f"tflite-runtime {version_of('tflite-runtime')} beside ai-edge-litert: two copies of one interpreter"
        yield Finding("tflite-runtime", "warning", detail, pip("uninstall tflite-runtime"))


def version_of(name: str) -> str | None:
    """The version of an installed distribution, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def pip(command: str) -> str:
    """A pip command as it works here: environments made by uv have no pip of their own."""
    if not installed("pip") and shutil.which("uv"):
        return f"uv pip {command}"
    return f"pip {command}"


def _check_extras(requirements: list[str]) -> Iterator[Finding]:
    groups: dict[str, list[str]] = {}
    for line in requirements:
        extra = re.search(r"extra\s*==\s*['\"]([\w-]+)['\"]", line)
        name = re.match(r"[\w.-]+", line)
        if extra and name and name.group() != DISTRIBUTION:
            groups.setdefault(extra.group(1), []).append(name.group())
    groups.pop("all", None)  # it repeats the others
    for group, names in groups.items():
        here = {name: version_of(name) for name in names}
        missing = [name for name, version in here.items() if version is None]
        if missing:
            fix = pip(install_command(group).partition(" ")[2])
            yield Finding(f"extra {group}", "warning", f"missing: {', '.join(missing)}", fix)
        else:
            detail = ", ".join(f"{name} {version}" for name, version in here.items())
            yield Finding(f"extra {group}", "ok", detail)


def _check_versions() -> Iterator[Finding]:
    """What `pip check` does, for edgekit and everything it stands on."""
    if not installed("packaging"):
        yield Finding("versions", "warning", "not checked: the package packaging is missing", pip("install packaging"))
        return
    bad = 0
    checked: set[str] = set()
    waiting = [(DISTRIBUTION, frozenset(_installed_extras()))]
    while waiting:
        owner, extras = waiting.pop()
        if owner in checked:
            continue
        checked.add(owner)
        for wanted in _requirements(owner, extras):
            found = version_of(wanted.name)
            if found is None or not wanted.specifier.contains(found, prereleases=True):
                bad += 1
                detail = f"{owner} needs {wanted.name}{wanted.specifier}; {found or 'nothing'} is installed"
                yield Finding(
                    f"version of {wanted.name}", "problem", detail, pip(f"install '{wanted.name}{wanted.specifier}'")
                )
            if found is not None:
                waiting.append((wanted.name.lower().replace("_", "-"), frozenset(wanted.extras)))
    if not bad:
        yield Finding("versions", "ok", f"{len(checked)} packages fit one another")


def _installed_extras() -> set[str]:
    """Extras of edgekit of which every package is here; a missing one is told of by `_check_extras`."""
    extras = set(metadata.metadata(DISTRIBUTION).get_all("Provides-Extra") or ()) - {"all"}
    return {extra for extra in extras if all(version_of(need.name) for need in _requirements(DISTRIBUTION, {extra}))}


def _requirements(owner: str, extras: frozenset[str] | set[str]) -> list[Requirement]:
    from packaging.requirements import Requirement

    found = [Requirement(line) for line in metadata.requires(owner) or []]
    return [need for need in found if need.marker is None or any(need.marker.evaluate({"extra": e}) for e in ("", *extras))]


def _check_same_module() -> Iterator[Finding]:
    for name, others in SAME_MODULE:
        both = [other for other in others if version_of(other)]
        if version_of(name) and both:
            detail = f"{name} and {', '.join(both)} install files over one another"
            fix = f"{pip(f'uninstall {name} ' + ' '.join(both))} && {pip(f'install {name}')}"
            yield Finding(f"two of {name}", "problem", detail, fix)


def _check_keras() -> Iterator[Finding]:
    keras = version_of("keras") or "0"
    if version_of("tensorflow-model-optimization") and int(keras.partition(".")[0]) >= 3:
        detail = f"tensorflow-model-optimization refuses models of Keras {keras}; edgekit prunes and quantizes without it"
        yield Finding("tfmot", "warning", detail, pip("uninstall tensorflow-model-optimization"))
    if os.environ.get("TF_USE_LEGACY_KERAS", "0").lower() in ("1", "true"):
        detail = "TF_USE_LEGACY_KERAS makes tf.keras the old Keras 2, whose models edgekit's Keras steps cannot read"
        yield Finding("legacy keras", "problem", detail, "unset TF_USE_LEGACY_KERAS")
    backend, where = _keras_backend()
    if version_of("keras") and backend != "tensorflow":
        fix = "export KERAS_BACKEND=tensorflow"
        yield Finding("keras backend", "problem", f"{where} sets {backend}; edgekit's Keras steps run on tensorflow", fix)


def _keras_backend() -> tuple[str, str]:
    """Keras's backend and what sets it: the variable first, then the configuration file (keras.src.backend.config)."""
    if backend := os.environ.get("KERAS_BACKEND"):
        return backend, "KERAS_BACKEND"
    file = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "keras.json"
    try:
        body: Any = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # Keras itself goes on with its defaults then
        return "tensorflow", "Keras"
    found = body.get("backend", "tensorflow") if isinstance(body, dict) else "tensorflow"
    return str(found), str(file)


def _check_protobuf() -> Iterator[Finding]:
    """Generated code refuses to load on a runtime older than the one it was generated for.

    Source: https://protobuf.dev/support/cross-version-runtime-guarantee/
    """
    runtime = version_of("protobuf")
    for package, file in PROTOBUF_GENCODE:
        spec = importlib.util.find_spec(package)
        if runtime is None or spec is None or not spec.submodule_search_locations:
            continue
        try:
            with (Path(spec.submodule_search_locations[0]) / file).open(encoding="utf-8") as stream:
                head = stream.read(1000)
        except OSError:
            continue
        found = re.search(r"# Protobuf Python Version: ([\d.]+)", head)
        if found and _numbers(found.group(1)) > _numbers(runtime):
            detail = f"{package} was generated for protobuf {found.group(1)} and cannot be imported with protobuf {runtime}"
            yield Finding(f"protobuf for {package}", "problem", detail, pip(f"install 'protobuf>={found.group(1)}'"))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
