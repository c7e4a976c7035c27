"""Assemble: what a run measured becomes a Report, and the Report its files."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edgekit import __version__, registry
from edgekit.core.measurement import Classification
from edgekit.core.model import Model
from edgekit.core.report import Entry, Report
from edgekit.measure.machine import describe_machine
from edgekit.metrics.classification import classify
from edgekit.metrics.paired import compare
from edgekit.pipeline import findings
from edgekit.pipeline.bench import Latencies
from edgekit.pipeline.data import Prepared
from edgekit.pipeline.prove import runtime_of
from edgekit.pipeline.tools import Tools

PACKAGES = (
    "ai-edge-litert",
    "ai-edge-quantizer",
    "keras",
    "nncf",
    "numpy",
    "onnx",
    "onnxruntime",
    "openvino",
    "tensorflow",
    "tf2onnx",
)
"""Distributions whose versions a report names."""

FORMS = ("text", "markdown", "html", "json")
"""Renderers of a whole report; the JSON is last and counts the time of the others."""


def new_report(
    name: str, description: str, threads: int, entries: Sequence[Entry], latencies: Latencies, **facts: Any
) -> Report:
    """A report of entries that have their accuracy and latency: marks the Pareto front and says the findings.

    Args:
        name: Name of the recipe, or of the verb.
        description: What was done, in words.
        threads: The thread count that the front and the findings are about.
        entries: One an artifact.
        latencies: The noise floors and what could not be measured.
        facts: The other fields of Report.
    """
    front = findings.mark_pareto(entries, threads)
    marked = tuple(replace(entry, pareto=entry.name in front) for entry in entries)
    return Report(
        name=name,
        description=description,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        edgekit=__version__,
        environment=describe_machine(packages=PACKAGES),
        entries=marked,
        noise=latencies.noise,
        findings=findings.findings(marked, facts["training"], latencies.noise),
        **facts,
    )


def entry_of(name: str, variant: str, target: str, model: Model, folder: str, **facts: Any) -> Entry:
    """A report's entry for an artifact, with whatever of accuracy, paired and latency is known."""
    rows = facts.get("latency", ())
    return Entry(
        name=name,
        variant=variant,
        target=target,
        folder=folder,
        digest=model.digest,
        size_bytes=model.size_bytes,
        compressed_bytes=sum(_compressed_size(model.path / file) for file in model.files),
        runtime=runtime_of(model).name,
        proof=model.proof,
        lineage=model.lineage,
        notes=model.notes,
        peak_bytes=max((row.raw.peak_bytes for row in rows), default=None),
        **facts,
    )


def scored_entries(
    artifacts: Mapping[str, Model],
    answers: Mapping[str, Sequence[int]],
    reference: str,
    test: Prepared,
    latencies: Latencies,
) -> tuple[Entry, ...]:
    """The entries of a run: each artifact's scores on the test split, its paired test and its latency."""
    assert test.truth is not None
    entries = []
    for name, model in artifacts.items():
        variant, target = name.split("/", 1)
        facts = {
            "accuracy": scores(answers[name], test),
            "paired": compare(test.truth, answers[reference], answers[name], test.labels, test.identities, reference),
            "latency": latencies.summaries.get(name, ()),
        }
        entries.append(entry_of(name, variant, target, model, f"artifacts/{name}", **facts))
    return tuple(entries)


def scores(answers: Sequence[int], test: Prepared) -> Classification:
    """The classification of answers on labelled samples."""
    assert test.truth is not None
    return classify(test.truth, answers, test.labels)


def render(report: Report, out: Path, tools: Tools, forms: Sequence[str] = FORMS) -> list[Path]:
    """Writes a report into `out` in each of `forms` and returns the files.

    Raises:
        UnknownNameError: There is no such form.
        MissingPackageError: The package that draws a form is not installed.
    """
    written = []
    for renderer in [registry.get("renderers", form) for form in forms]:
        with tools.progress.step("report", f"write the {renderer.name} report"):
            written.append(renderer.render(report, out))
    return written


def _compressed_size(file: Path) -> int:
    """Bytes of a file under DEFLATE (RFC 1951) level 9, read in pieces."""
    packer = zlib.compressobj(9)
    total = 0
    with file.open("rb") as stream:
        while piece := stream.read(1 << 20):
            total += len(packer.compress(piece))
    return total + len(packer.flush())
