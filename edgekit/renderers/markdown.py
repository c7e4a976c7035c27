"""report.md: the report in GitHub-flavored Markdown, with its pictures as SVG files beside it in report_files/."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from edgekit import lazy
from edgekit.core.measurement import Classification
from edgekit.core.report import Entry, Report
from edgekit.renderers import charts, look, rows, words
from edgekit.renderers.output import write_text

FILES = "report_files"
FLIPS_SHOWN = 10
"""Changed answers listed for each artifact; the rest is counted and is in report.json."""
_WIDTH = 860
_SPECIAL = re.compile(r"([\\`*\[\]|~#>])")


class MarkdownRenderer:
    """Writes `report.md` and `report_files/*.svg`."""

    name: ClassVar[str] = "markdown"
    filename: ClassVar[str] = "report.md"
    extra: ClassVar[str] = "report"

    def render(self, report: Report, folder: Path) -> Path:
        """Writes the report into `folder` and returns the main file.

        Raises:
            MissingPackageError: The extra `report` is not installed.
            WriteError: The folder cannot be written to.
            DiskSpaceError: The disk is full.
        """
        for name, picture in pictures(report).items():
            write_text(folder / FILES / f"{name}.svg", picture)
        return write_text(folder / self.filename, document(report))


def pictures(report: Report) -> dict[str, str]:
    """The pictures of the document as SVG text, by file name.

    Raises:
        MissingPackageError: The extra `report` is not installed.
    """
    vega = lazy.require("vl_convert", extra="report")
    specs = charts.charts(report)
    drawn: dict[str, Any] = {name: specs[name] for name in ("sizes", "memory") if name in specs}
    for name in ("tradeoff", "distributions"):
        for count in rows.thread_counts(report) if name in specs else ():
            drawn[f"{name}-{count}"] = {**specs[name], "params": [{"name": "threads", "value": count}]}
    light = look.config(dark=False)
    return {name: vega.vegalite_to_svg({**spec, "width": _WIDTH}, config=light) for name, spec in drawn.items()}


def document(report: Report) -> str:
    """The text of report.md."""
    sections = [
        _head(report),
        _section("Findings", [f"- {escaped(sentence)}" for sentence in report.findings]),
        _section("Artifacts", _artifacts(report)),
        _section("Rejected", [_rejected(gone.name, gone.error, gone.message, gone.fix) for gone in report.rejected]),
        _section("Accuracy and latency", _tradeoff(report)),
        _section("Latency", _latency(report)),
        _section("Size and memory", _size(report)),
        _section("Classes", _classes(report)),
        _section("Training", _training(report)),
        _section("Proof and lineage", [_artifact(entry) for entry in rows.by_latency(report)]),
        _section("Environment", _environment(report)),
        _section("Where the time went", _time(report)),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def escaped(text: str) -> str:
    """`text` as Markdown that shows exactly it: on one line, with nothing that formats, links or is HTML."""
    plain = words.printable(text).replace("&", "&amp;").replace("<", "&lt;")
    return _SPECIAL.sub(r"\\\1", plain)


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already; every column but the first is aligned to the right."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, rule, *lines])


def _section(title: str, parts: Sequence[str]) -> str:
    bullets = all(part.startswith("- ") for part in parts)
    return f"## {title}\n\n" + ("\n" if bullets else "\n\n").join(parts) if parts else ""


def _head(report: Report) -> str:
    facts = report.environment
    lines = [f"# {escaped(report.name)}"]
    if report.description:
        lines.append(escaped(report.description))
    lines.append(escaped(f"{facts.device}: {facts.cpu}, {facts.cores} cores, {facts.os}. {report.created}."))
    if facts.emulated:
        lines.append(f"> **{escaped(facts.device)} is emulated: its latencies mean nothing.** Accuracies and sizes do.")
    return "\n\n".join(lines)


def _artifacts(report: Report) -> list[str]:
    counts, asked = rows.thread_counts(report), rows.percentiles(report)
    head = ["artifact", "accuracy", "against float"]
    head += [f"p{q:g}, {words.threads(n)}" for n in counts for q in asked]
    head += ["size", "zipped", "peak memory", "SNR", "same answer"]
    lines = [_row(entry, counts, asked) for entry in rows.by_latency(report)]
    note = "In brackets: 95 % intervals. Bold: on the Pareto front"
    return [table(head, lines), f"{note} at {words.threads(counts[0])}." if counts else f"{note}."]


def _row(entry: Entry, counts: list[int], asked: list[float]) -> list[str]:
    cells = [f"**{escaped(entry.name)}**" if entry.pareto else escaped(entry.name)]
    cells.append(words.accuracy(entry.accuracy).inline() if entry.accuracy else "no labels")
    paired = entry.paired
    cells.append(f"{words.verdict(paired)} {words.difference(paired).inline()}" if paired else "-")
    for count in counts:
        row = entry.at(count)
        for q in asked:
            found = row.percentile(q) if row else None
            cells.append(words.latency(found).inline() if found else "refused" if row else "-")
    cells += [words.size(entry.size_bytes), words.size(entry.compressed_bytes)]
    cells.append(words.size(entry.peak_bytes) if entry.peak_bytes else "-")
    same = words.agreement(entry.proof) if entry.proof else None
    return [*cells, words.snr(entry.proof) if entry.proof else "none", same.inline() if same else "-"]


def _rejected(name: str, error: str, message: str, fix: str) -> str:
    return f"- **{escaped(name)}** ({escaped(error)}): {escaped(message)} Fix: {escaped(fix)}"


def _tradeoff(report: Report) -> list[str]:
    if not any(entry.accuracy and entry.latency for entry in report.entries):
        return []
    words_first = (
        "Up and left is better; bars are 95 % intervals; filled marks have 8-bit weights; the line is the Pareto front."
    )
    images = [
        f"**{words.threads(n)}**\n\n![Accuracy against median latency at {words.threads(n)}]({FILES}/tradeoff-{n}.svg)"
        for n in rows.thread_counts(report)
        if rows.pareto(report, n)
    ]
    return [words_first, *images]


def _latency(report: Report) -> list[str]:
    counts = rows.thread_counts(report)
    if not counts:
        return []
    parts = [escaped(words.noise(floor)) for floor in report.noise] or ["The noise floor was not measured."]
    parts += [f"Refused: {escaped(said)} ({escaped(', '.join(names))})" for said, names in rows.refusals(report)]
    if rows.unsteady(report):
        parts.append(f"Not settled when warm-up ended, read with care: {escaped(', '.join(rows.unsteady(report)))}.")
    parts += [f"![Distribution of latencies at {words.threads(n)}]({FILES}/distributions-{n}.svg)" for n in counts]
    return parts


def _size(report: Report) -> list[str]:
    if not report.entries:
        return []
    parts = [f"![Size of the files, and zipped]({FILES}/sizes.svg)"]
    if any(entry.peak_bytes is not None for entry in report.entries):
        parts.append(f"![Peak memory, and before the runtime was imported]({FILES}/memory.svg)")
    return parts


def _classes(report: Report) -> list[str]:
    reference = report.reference_accuracy
    if reference is None:
        return []
    parts = ["The float model, class by class.", _scores(reference), _confusion("The float model", reference)]
    poorest = rows.worst(report)
    if poorest is not None and poorest.accuracy is not None:
        parts.append(_confusion(f"The least accurate artifact, {escaped(poorest.name)}", poorest.accuracy))
    return parts


def _scores(found: Classification) -> str:
    def shown(right: int, total: int) -> str:
        share = words.proportion(right, total)
        return share.inline() if share else "-"

    lines = []
    for index, score in enumerate(found.classes):
        right = found.confusion[index][index]
        answers = sum(row[index] for row in found.confusion)
        recall, precision = shown(right, sum(found.confusion[index])), shown(right, answers)
        lines.append([escaped(score.label), str(score.support), recall, precision, words.percent(score.f1)])
    averages = [words.percent(share) for share in (found.recall, found.precision, found.f1)]
    return table(
        ["class", "samples", "recall", "precision", "F1"], [*lines, ["macro average", str(found.samples), *averages]]
    )


def _confusion(title: str, found: Classification) -> str:
    labels = [escaped(score.label) for score in found.classes]
    lines = [[label, *(str(n) if n else "" for n in row)] for label, row in zip(labels, found.confusion, strict=True)]
    head = table([r"true \\ answer", *labels], lines)
    return f"{title}: {words.accuracy(found).inline()}. Rows are true classes, columns answers.\n\n{head}"


def _training(report: Report) -> list[str]:
    if not report.training:
        return []
    splits = report.data.splits if report.data else {}
    lines = [
        [
            escaped(facts.variant),
            words.share_of(facts.train_accuracy, splits.get("train")),
            words.share_of(facts.validation_accuracy, splits.get("validation")),
            f"{100 * facts.gap:+.1f} points",
            f"{len(facts.epochs)}{' (stopped early)' if facts.stopped_early else ''}",
            words.seconds(facts.seconds),
        ]
        for facts in report.training
    ]
    verdicts = [f"- {escaped(facts.variant)}: {escaped(facts.verdict)}" for facts in report.training]
    return [table(["variant", "train", "validation", "gap", "epochs", "time"], lines), "\n".join(verdicts)]


def _artifact(entry: Entry) -> str:
    proof = entry.proof
    said = f"SNR {words.snr(proof)}" if proof else "no proof"
    lines = [f"- folder {escaped(entry.folder)}, runtime {escaped(entry.runtime)}, digest {escaped(entry.digest)}"]
    lines += [f"- note: {escaped(note)}" for note in entry.notes]
    if proof:
        same = words.agreement(proof)
        answer = f", same answer {same.inline()}" if same else ""
        lines.append(f"- proof ({escaped(proof.kind)}): {proof.samples} inputs from {escaped(proof.data)}{answer}")
        lines += [f"  - output {escaped(out.name)}: {_parity(out)}" for out in proof.outputs]
        lines += [
            f"  - {'passed' if gate.passed else 'FAILED'}: {escaped(f'{gate.name}: {gate.detail}')}" for gate in proof.gates
        ]
    lines += [
        f"- {escaped(f'{step.stage} by {step.tool} in {words.seconds(step.seconds)}, {_listed(step.options)}')}"
        f" ({escaped(_listed(step.versions))})"
        for step in entry.lineage
    ]
    return "\n".join([f"<details><summary>{_html(entry.name)}: {said}</summary>\n", *lines, *_flips(entry), "\n</details>"])


def _parity(output: Any) -> str:
    ratio = "exact" if output.snr_db is None else f"SNR {output.snr_db:.1f} dB"
    return f"{ratio}, cosine {output.cosine:.6f}, largest error {output.max_abs_error:.3g}"


def _flips(entry: Entry) -> list[str]:
    paired = entry.paired
    if paired is None:
        return []
    p_value = words.significant(paired.p_value, 2)
    verdict = f"{escaped(paired.verdict)}, {words.difference(paired).inline()}, p = {p_value}"
    lines = [f"- against {escaped(paired.reference)}: {verdict}; {len(paired.flips)} changed answers"]
    shown = [[escaped(text) for text in (f.sample, f.truth, f.before, f.after)] for f in paired.flips[:FLIPS_SHOWN]]
    if shown:
        lines += ["", table(["sample", "truth", escaped(paired.reference), "this artifact"], shown)]
    if len(paired.flips) > FLIPS_SHOWN:
        lines += ["", f"And {len(paired.flips) - FLIPS_SHOWN} more in report.json."]
    return lines


def _environment(report: Report) -> list[str]:
    facts = report.environment
    named = {
        "device": facts.device,
        "CPU": f"{facts.cpu}, {facts.cores} cores",
        "features": ", ".join(facts.features) or "none that matter",
        "governor": facts.governor or "not said by the system",
        "memory": words.size(facts.memory_bytes),
        "system": facts.os,
        "Python": facts.python,
        **facts.packages,
    }
    if report.data:
        named["data"] = f"{report.data.source}, {_listed(report.data.splits)}, seed {report.data.seed}"
    return ["\n".join(f"- {escaped(key)}: {escaped(value)}" for key, value in named.items())]


def _time(report: Report) -> list[str]:
    spent = sorted(report.time_spent, key=lambda row: -row.seconds)
    lines = [[escaped(row.stage), words.seconds(row.seconds), str(row.done), str(row.cached)] for row in spent]
    total = ["in all", words.seconds(report.wall_seconds), "", ""]
    return [table(["stage", "time", "steps done", "steps from the cache"], [*lines, total])]


def _listed(values: Any) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items()) or "no options"


def _html(text: str) -> str:
    from html import escape

    return escape(words.printable(text))
