"""Intake: a file or an artifact folder that a user names becomes a Model, read and checked in a child process."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgekit import errors, registry
from edgekit.core.contract import InputContract
from edgekit.core.model import MANIFEST, LineageStep, Model, digest_file, digest_files
from edgekit.core.protocols import ModelFacts, Source
from edgekit.core.serde import from_json
from edgekit.core.target import ModelFormat
from edgekit.pipeline.data import versions
from edgekit.pipeline.store import code_digest
from edgekit.pipeline.tools import Tools

_COMPANIONS = {".xml": ".bin"}
"""A model file's other half, by the suffix of the first: an OpenVINO IR keeps its weights beside it."""


def load_model(path: Path, tools: Tools, *, contract: InputContract | None = None, labels: Sequence[str] = ()) -> Model:
    """The model behind a path.

    Args:
        path: A model file, or an artifact folder with its `edgekit.json`.
        tools: Store and child processes.
        contract: How a raw sample becomes the model's input; None keeps what the artifact says.
        labels: Class names; empty keeps what the artifact says.

    Raises:
        MissingFileError: Nothing is there.
        WrongFormatError: No source plugin knows the file.
        CorruptModelError: It is damaged.
        MissingPackageError: The package that reads it is not installed.
    """
    model = _read_artifact(path) if path.is_dir() else _import_file(path, tools)
    if model.proof and not model.proof.passed:
        tools.progress.warn(f"{path} failed its proof: {'; '.join(model.proof.reasons)}.")
    return replace(model, contract=contract or model.contract, labels=tuple(labels) or model.labels)


def read_facts(tools: Tools, plugin: Source, file: Path) -> ModelFacts:
    """What a source plugin reads from a file, in a child process."""
    engine = "tensorflow" if plugin.format is ModelFormat.KERAS else "read"
    try:
        return from_json(ModelFacts, tools.workshop.call(engine, "read", {"source": plugin.name, "file": str(file)}))
    except errors.CrashError as crash:
        raise errors.CorruptModelError(
            f"{file.name} crashed the library that reads it: it is damaged, or it uses something that library cannot bear.",
            fix="Make or download the file again. " + crash.fix,
        ) from crash


def source_of(model_format: ModelFormat) -> Source:
    """The source plugin of a format."""
    plugin: Source = next(p for p in registry.every("sources") if p.format is model_format)
    return plugin


def _read_artifact(path: Path) -> Model:
    if not (path / MANIFEST).is_file():
        raise errors.WrongFormatError(
            f"{path} is a folder without {MANIFEST}.",
            fix="Give a model file (.keras .tflite .onnx .xml), or a folder that edgekit wrote.",
        )
    try:
        model = Model.read(path)
        digest = digest_files(path, model.files)
    except (ValueError, KeyError, OSError) as problem:
        raise errors.CorruptModelError(
            f"{path / MANIFEST} cannot be read: {problem}.", fix="Make the artifact again."
        ) from problem
    if digest != model.digest:
        raise errors.CorruptModelError(
            f"The files in {path} are not the ones that were proven: their digest differs from {MANIFEST}.",
            cause="They were changed after edgekit wrote them.",
            fix="Make the artifact again, or `edgekit import` the changed file as a new model.",
        )
    return model


def _import_file(path: Path, tools: Tools) -> Model:
    plugin = _recognize(path)
    companion = path.with_suffix(_COMPANIONS[path.suffix]) if path.suffix in _COMPANIONS else None
    if companion is not None and not companion.is_file():
        raise errors.MissingFileError(f"{companion} is missing.", fix=f"Put it beside {path.name}: it holds the weights.")
    files = [path] if companion is None else [path, companion]
    parts = {
        "what": "import",
        "source": plugin.name,
        "code": code_digest(plugin),
        "files": {f.name: digest_file(f) for f in files},
        "versions": versions(plugin.packages),
    }

    def make(folder: Path) -> None:
        started = time.perf_counter()
        facts = read_facts(tools, plugin, path.resolve())
        for file in files:
            shutil.copyfile(file, folder / file.name)
        finish(
            folder,
            facts,
            stage="import",
            tool=plugin.name,
            options={"file": path.name},
            started=started,
            packages=plugin.packages,
        )

    return Model.read(tools.store.produce(parts, make).path)


def finish(
    folder: Path,
    facts: ModelFacts,
    *,
    stage: str,
    tool: str,
    options: Mapping[str, Any],
    started: float,
    source: Model | None = None,
    packages: Sequence[str] = (),
    **known: Any,
) -> Model:
    """Writes the manifest of a model that a step has just made in `folder` and returns the model.

    Args:
        folder: Holds the model's files.
        facts: What the source plugin read from them.
        stage: Stage of the lineage step.
        tool: Plugin that made it.
        options: What it was asked for.
        started: `time.perf_counter()` when the step began.
        source: The model it was made from; its contract, labels and lineage are carried on.
        packages: Distributions whose versions identify the step.
        known: Further fields of Model (contract, labels, notes, inputs, outputs, precision).
    """
    digest = digest_files(folder, facts.files)
    step = LineageStep(
        stage=stage,
        tool=tool,
        options=options,
        versions=versions(packages),
        source=source.digest if source else None,
        digest=digest,
        seconds=round(time.perf_counter() - started, 3),
    )
    model = Model(
        path=folder,
        format=facts.format,
        precision=known.pop("precision", facts.precision),
        files=facts.files,
        inputs=known.pop("inputs", None) or facts.inputs,
        outputs=known.pop("outputs", None) or facts.outputs,
        digest=digest,
        contract=known.pop("contract", source.contract if source else None),
        labels=known.pop("labels", source.labels if source else ()),
        lineage=(*(source.lineage if source else ()), step),
        **known,
    )
    model.write_manifest()
    return model


def _recognize(path: Path) -> Source:
    if not path.is_file():
        raise errors.MissingFileError(
            f"{path} does not exist.", fix="Check the path; MODEL is a file or an artifact folder."
        )
    if path.stat().st_size == 0:
        raise errors.CorruptModelError(f"{path} is empty.", fix="Make or download it again.")
    plugins: list[Source] = registry.every("sources")
    for plugin in plugins:
        if plugin.sniff(path):
            return plugin
    for plugin in plugins:
        if path.suffix in plugin.suffixes:
            raise errors.CorruptModelError(
                f"{path} does not begin like a {plugin.format.value} file.",
                cause="It was cut short, or it is something else with that name.",
                fix="Make or download it again.",
            )
    suffixes = " ".join(suffix for plugin in plugins for suffix in plugin.suffixes)
    raise errors.WrongFormatError(
        f"{path} is not a model that edgekit reads.", fix=f"Give one of {suffixes}, or an artifact folder."
    )
