"""report.html: the whole report in one file that opens offline - styles, scripts, data and charts are inside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from edgekit import lazy
from edgekit.core.report import Entry, Report
from edgekit.core.serde import to_json
from edgekit.renderers import charts, look, rows, words
from edgekit.renderers.output import write_text

FLIPS_SHOWN = 40
"""Changed answers listed for each artifact; the rest is counted and is in report.json."""
_HERE = Path(__file__).parent


class HTMLRenderer:
    """Writes `report.html`; nothing in it is fetched from anywhere."""

    name: ClassVar[str] = "html"
    filename: ClassVar[str] = "report.html"
    extra: ClassVar[str] = "report"

    def render(self, report: Report, folder: Path) -> Path:
        """Writes the report into `folder` and returns the file.

        Raises:
            MissingPackageError: The extra `report` is not installed.
            WriteError: The folder cannot be written to.
            DiskSpaceError: The disk is full.
        """
        return write_text(folder / self.filename, page(report))


def page(report: Report) -> str:
    """The HTML text of a report.

    Raises:
        MissingPackageError: The extra `report` is not installed.
    """
    jinja = lazy.require("jinja2", extra="report")
    vega = lazy.require("vl_convert", extra="report")
    environment = jinja.Environment(
        loader=jinja.FileSystemLoader(_HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja.StrictUndefined,
    )
    # A script element ends at the first "</script" wherever it stands, even inside a string of the library.
    library = vega.javascript_bundle().replace("</script", r"<\/script")
    safe = jinja.utils.markupsafe.Markup
    text: str = environment.get_template("report.html.jinja").render(
        report=report,
        rows=rows,
        words=words,
        entries=rows.by_latency(report),
        counts=rows.thread_counts(report),
        headlines=headlines(report),
        changes=class_changes(report),
        drawings={"specs": charts.charts(report), "light": look.config(dark=False), "dark": look.config(dark=True)},
        style=safe((_HERE / "report.css").read_text(encoding="utf-8")),
        script=safe((_HERE / "report.js").read_text(encoding="utf-8")),
        library=safe(library),
        heat=heat,
        describe=describe,
        recipe=json.dumps(to_json(report.options), indent=2, ensure_ascii=False),
        flips_shown=FLIPS_SHOWN,
    )
    return text


def headlines(report: Report) -> list[dict[str, str]]:
    """The few numbers at the top of the page: title, value, its interval or a remark, and what it belongs to."""
    found: list[dict[str, str]] = []
    if report.reference_accuracy is not None:
        score = words.accuracy(report.reference_accuracy)
        remark = f"{score.interval()} %, {report.reference_accuracy.samples} samples"
        found.append({"title": "Float model", "value": f"{score.value} %", "remark": remark, "of": report.reference or ""})
    counts = rows.thread_counts(report)
    ranked = [entry for entry in rows.by_latency(report) if counts and rows.median(entry, counts[0])]
    if ranked:
        found.append(_speed("Fastest", ranked[0], counts[0]))
    kept = [e for e in ranked if e.paired is not None and words.verdict(e.paired) != "worse"]
    if kept and kept[0] is not ranked[0]:
        found.append(_speed("Fastest without measured loss", kept[0], counts[0]))
    if report.entries:
        small = min(report.entries, key=lambda entry: entry.compressed_bytes)
        remark = f"zipped; {words.size(small.size_bytes)} on disk"
        found.append({"title": "Smallest", "value": words.size(small.compressed_bytes), "remark": remark, "of": small.name})
    if report.noise:
        floor = report.noise[0]
        remark = f"smaller latency differences at {words.threads(floor.threads)} mean nothing"
        found.append({"title": "Noise floor", "value": words.percent(floor.floor), "remark": remark, "of": floor.id})
    return found


def _speed(title: str, entry: Entry, threads: int) -> dict[str, str]:
    middle = rows.median(entry, threads)
    assert middle is not None
    estimate = words.latency(middle)
    remark = f"{estimate.interval()} ms, median at {words.threads(threads)}"
    return {"title": title, "value": f"{estimate.value} ms", "remark": remark, "of": entry.name}


def class_changes(report: Report) -> list[tuple[Entry, list[int]]]:
    """For each artifact and class, how many more samples it gets right than the float model; empty without one."""
    reference = report.reference_accuracy
    if reference is None:
        return []
    return [
        (entry, [entry.accuracy.confusion[i][i] - row[i] for i, row in enumerate(reference.confusion)])
        for entry in rows.by_latency(report)
        if entry.accuracy is not None and len(entry.accuracy.confusion) == len(reference.confusion)
    ]


def heat(count: int, total: int) -> str:
    """How strongly a cell of a confusion matrix is tinted: 0 to 1 by the square root, so that few errors are seen."""
    return f"{(count / total) ** 0.5 if total else 0:.2f}"


def describe(value: Any) -> str:
    """Options and versions on one line: `epochs 30, learning_rate 0.002`."""
    return ", ".join(f"{key} {item}" for key, item in value.items()) or "-"
