"""Model: one immutable artifact folder - the model's files and `edgekit.json` beside them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from edgekit.core.contract import InputContract
from edgekit.core.proof import Proof
from edgekit.core.serde import dumps, from_json, to_json
from edgekit.core.target import ModelFormat, Precision, Target
from edgekit.core.tensor import TensorSpec

MANIFEST = "edgekit.json"
SCHEMA = "edgekit.artifact/1"


@dataclass(frozen=True)
class LineageStep:
    """One thing that was done to get here.

    Attributes:
        stage: `import`, `train`, `prune`, `finetune`, `convert` or `quantize`.
        tool: Name of the plugin that did it.
        options: What it was asked for.
        versions: Package name to version, of every package the step ran on.
        source: Digest of the model it started from; None for a training run or an import.
        digest: Digest of the model it made.
        seconds: Wall time it took.
    """

    stage: str
    tool: str
    options: Mapping[str, Any]
    versions: Mapping[str, str]
    source: str | None
    digest: str
    seconds: float


@dataclass(frozen=True)
class Model:
    """A model on disk and what is known of it; the folder is never changed after it is written.

    Attributes:
        path: The artifact's folder.
        format: File format of the model.
        precision: How its numbers are stored and computed.
        files: Its files, relative to `path`; the first is the one a runtime opens.
        inputs: Inputs as the file declares them.
        outputs: Outputs as the file declares them.
        digest: SHA-256 over the names and bytes of `files`.
        contract: From raw samples to the first input; None when nobody said.
        labels: Class names in the order of the last output axis; empty when nobody said.
        lineage: Every step, oldest first.
        proof: The comparison with its source; None for a model that was trained or imported.
        notes: What a step has to tell its user, in plain sentences.
    """

    path: Path = field(compare=False)
    format: ModelFormat
    precision: Precision
    files: tuple[str, ...]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    digest: str
    contract: InputContract | None = None
    labels: tuple[str, ...] = ()
    lineage: tuple[LineageStep, ...] = ()
    proof: Proof | None = None
    notes: tuple[str, ...] = ()

    @property
    def file(self) -> Path:
        """The file a runtime opens."""
        return self.path / self.files[0]

    @property
    def target(self) -> Target:
        """The target this model is an answer to."""
        return Target(self.format, self.precision)

    @property
    def size_bytes(self) -> int:
        """Bytes of the model's files, without `edgekit.json`."""
        return sum((self.path / name).stat().st_size for name in self.files)

    def write_manifest(self) -> None:
        """Writes `edgekit.json` into the folder; called once, before the folder gets its final name."""
        body = {"schema": SCHEMA, **to_json(self)}
        del body["path"]
        (self.path / MANIFEST).write_text(dumps(body, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Model:
        """The model in an artifact folder.

        Raises:
            ValueError: `edgekit.json` is not one, or of a schema this version does not know.
            OSError: It cannot be read.
        """
        body = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        if not isinstance(body, dict) or body.get("schema") != SCHEMA:
            raise ValueError(f"{path / MANIFEST} is not of schema {SCHEMA}")
        return from_json(cls, {**{f.name: body[f.name] for f in fields(cls) if f.name in body}, "path": str(path)})


def digest_files(folder: Path, names: tuple[str, ...]) -> str:
    """SHA-256, hexadecimal, over the sorted names and the bytes of the files `names` in `folder`."""
    total = hashlib.sha256()
    for name in sorted(names):
        total.update(name.encode() + b"\0" + digest_file(folder / name).encode() + b"\n")
    return total.hexdigest()


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as stream:
        total = hashlib.sha256()
        while block := stream.read(1 << 20):
            total.update(block)
    return total.hexdigest()
