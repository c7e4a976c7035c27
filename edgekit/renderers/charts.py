"""The pictures of a report as Vega-Lite specifications: plain values, drawn by a browser or turned into SVG.

Why written by hand and not with Altair: docs/decisions/0005-report-charts.md.
"""

from __future__ import annotations

from typing import Any

from edgekit.core.report import Entry, Report, TrainingFacts
from edgekit.renderers import rows, words
from edgekit.renderers.latency_charts import distributions, drift
from edgekit.renderers.look import color

Spec = dict[str, Any]
"""A Vega-Lite specification, or a part of one."""

_SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"]


def charts(report: Report) -> dict[str, Spec]:
    """Every picture that this report has the numbers for, by the name of its place in the page."""
    drawn = {
        "tradeoff": tradeoff(report),
        "distributions": distributions(report),
        "drift": drift(report),
        "sizes": sizes(report),
        "memory": memory(report),
    }
    for index, facts in enumerate(report.training):
        drawn[f"loss-{index}"] = learning(facts, "loss")
        drawn[f"accuracy-{index}"] = learning(facts, "accuracy")
    return {name: spec for name, spec in drawn.items() if spec is not None}


def tradeoff(report: Report) -> Spec | None:
    """Accuracy against median latency with both intervals, the Pareto front as a line; None without accuracies."""
    values = [value for n in rows.thread_counts(report) for value in _points(report, n)]
    if not values:
        return None
    x = {"type": "quantitative", "scale": _latency_scale(values), "title": "median latency, ms"}
    y = {"type": "quantitative", "scale": {"zero": False, "padding": 8}, "title": "accuracy on the test split, %"}
    faint = {"condition": {"param": "pick", "value": 0.55}, "value": 0.06}
    bar = {"stroke": color(report), "strokeOpacity": faint}
    at = {"x": {"field": "p50", **x}, "y": {"field": "accuracy", **y}}
    return {
        "description": "Accuracy against median latency of every artifact, with 95 % intervals and the Pareto front.",
        "width": "container",
        "height": 430,
        "data": {"values": values},
        "params": [{"name": "threads", "value": rows.thread_counts(report)[0]}],
        "transform": [{"filter": "datum.threads == threads"}],
        "layer": [
            {
                "name": "front",
                "transform": [{"filter": "datum.pareto"}],
                "mark": {"type": "line", "interpolate": "step-after", "strokeDash": [5, 4], "stroke": {"expr": "soft"}},
                "encoding": {**at, "order": {"field": "p50"}},
            },
            {
                "name": "xbars",
                "mark": {"type": "rule", "strokeWidth": 1.5, "aria": False},
                "encoding": {"x": {"field": "low", **x}, "x2": {"field": "high"}, "y": at["y"], **bar},
            },
            {
                "name": "ybars",
                "mark": {"type": "rule", "strokeWidth": 1.5, "aria": False},
                "encoding": {"y": {"field": "acc_low", **y}, "y2": {"field": "acc_high"}, "x": at["x"], **bar},
            },
            _symbols(report, at),
            _label(at, {"stroke": {"expr": "paper"}, "strokeWidth": 4, "strokeJoin": "round"}),
            _label(at, {"fill": {"expr": "ink"}}),
        ],
    }


def _latency_scale(values: list[Spec]) -> Spec:
    """One domain for all thread counts, with room on the left for the label of the fastest artifact."""
    low, high = min(value["low"] for value in values), max(value["high"] for value in values)
    if high > 10 * low > 0:
        return {"type": "log", "domain": [low / (high / low) ** 0.18, high * (high / low) ** 0.04]}
    return {
        "type": "linear",
        "zero": False,
        "nice": False,
        "domain": [low - 0.18 * (high - low), high + 0.04 * (high - low)],
    }


def _label(at: Spec, paint: Spec) -> Spec:
    """Names of the front, up and left of their points, where no other point can be; none where the plot is narrow."""
    hidden = {"expr": "width < 480 ? 0 : 1"}
    mark = {"type": "text", "align": "right", "dx": -8, "dy": -9, "fontSize": 11, "limit": 240, "aria": False}
    return {
        "transform": [{"filter": "datum.pareto"}],
        "mark": {**mark, "opacity": hidden, **paint},
        "encoding": {**at, "text": {"field": "artifact"}},
    }


def _symbols(report: Report, at: Spec) -> Spec:
    variants = list(dict.fromkeys(entry.variant for entry in report.entries))
    shapes = {"domain": variants, "range": [_SHAPES[i % len(_SHAPES)] for i in range(len(variants))]}
    tips = {"artifact": "artifact", "p50": "p50_text", "p90": "p90_text", "accuracy": "accuracy_text"}
    tips |= {"against float": "paired_text", "size": "size_text"}
    return {
        "name": "points",
        "params": [{"name": "pick", "select": {"type": "point", "fields": ["format"]}, "bind": "legend"}],
        "mark": {"type": "point", "filled": True, "strokeWidth": 2, "size": 95},
        "encoding": {
            **at,
            "stroke": color(report),
            "fill": color(report),
            "fillOpacity": {"condition": {"test": "datum.integer", "value": 0.9}, "value": 0.08},
            "opacity": {"condition": {"param": "pick", "value": 1}, "value": 0.1},
            "shape": {"field": "variant", "type": "nominal", "scale": shapes, "legend": {"title": "variant"}},
            "tooltip": [{"field": field, "title": title, "type": "nominal"} for title, field in tips.items()],
        },
    }


def _points(report: Report, threads: int) -> list[Spec]:
    front = {entry.name for entry in rows.pareto(report, threads)}
    return [
        value | {"pareto": entry.name in front}
        for entry in rows.by_latency(report, threads)
        if (value := _point(entry, threads)) is not None
    ]


def _point(entry: Entry, threads: int) -> Spec | None:
    middle, summary = rows.median(entry, threads), entry.at(threads)
    if middle is None or summary is None or entry.accuracy is None:
        return None
    p90 = summary.percentile(90)
    change = words.difference(entry.paired).inline() if entry.paired else "not compared"
    return {
        "artifact": entry.name,
        "variant": entry.variant,
        "format": rows.format_of(entry),
        "integer": rows.is_integer(entry),
        "threads": threads,
        "p50": middle.value_ms,
        "low": middle.low_ms,
        "high": middle.high_ms,
        "accuracy": 100 * entry.accuracy.accuracy,
        "acc_low": 100 * entry.accuracy.interval[0],
        "acc_high": 100 * entry.accuracy.interval[1],
        "p50_text": words.latency(middle).inline(),
        "p90_text": words.latency(p90).inline() if p90 else "refused: too few samples",
        "accuracy_text": words.accuracy(entry.accuracy).inline(),
        "paired_text": f"{change}, {words.verdict(entry.paired)}" if entry.paired else change,
        "size_text": words.size(entry.size_bytes),
    }


def sizes(report: Report) -> Spec | None:
    """Size of each artifact's files, and inside it their size when zipped."""
    values = [
        _bar(entry, entry.size_bytes / 1e3, entry.compressed_bytes / 1e3)
        | {"outer_text": words.size(entry.size_bytes), "inner_text": words.size(entry.compressed_bytes)}
        for entry in rows.by_latency(report)
    ]
    return _bars(report, values, "size of the files, kB", ("size", "zipped"), "File size of every artifact.")


def memory(report: Report) -> Spec | None:
    """Peak resident memory of each artifact's process, and inside it what was there before the runtime came."""
    values = [
        _bar(entry, entry.peak_bytes / 1e6, before / 1e6)
        | {"outer_text": words.size(entry.peak_bytes), "inner_text": words.size(before)}
        for entry in rows.by_latency(report)
        if entry.peak_bytes is not None
        for before in [max((row.raw.baseline_bytes for row in entry.latency), default=0)]
    ]
    return _bars(
        report, values, "peak memory of the process, MB", ("peak", "before the runtime"), "Peak memory of every artifact."
    )


def _bar(entry: Entry, outer: float, inner: float) -> Spec:
    return {"artifact": entry.name, "format": rows.format_of(entry), "outer": outer, "inner": inner}


def _bars(report: Report, values: list[Spec], title: str, names: tuple[str, str], description: str) -> Spec | None:
    if not values:
        return None
    tips = [
        {"field": field, "title": name, "type": "nominal"}
        for field, name in (("artifact", "artifact"), ("outer_text", names[0]), ("inner_text", names[1]))
    ]
    y = {"field": "artifact", "type": "nominal", "sort": [v["artifact"] for v in values], "title": None}
    paint = {"fill": color(report, legend=None), "tooltip": tips}
    return {
        "description": description,
        "width": "container",
        "height": 19 * len(values),
        "data": {"values": values},
        "encoding": {"y": y},
        "layer": [
            {
                "name": name,
                "mark": {"type": "bar", "height": height, "fillOpacity": opacity, "aria": name == "outer"},
                "encoding": {"x": {"field": name, "type": "quantitative", "title": title}, **paint},
            }
            for name, height, opacity in (("outer", 13, 0.4), ("inner", 5, 1))
        ],
    }


def learning(facts: TrainingFacts, what: str) -> Spec | None:
    """Loss or accuracy over the epochs of one training, train and validation, with the kept epoch marked."""
    factor = 100 if what == "accuracy" else 1
    values = [
        {"epoch": index + 1, "split": split, "value": factor * getattr(epoch, f"{split}_{what}")}
        for index, epoch in enumerate(facts.epochs)
        for split in ("train", "validation")
    ]
    if not values:
        return None
    title = "accuracy, %" if what == "accuracy" else "loss"
    splits = {"domain": ["train", "validation"], "range": [[4, 3], [1, 0]]}
    dash = {"field": "split", "type": "nominal", "scale": splits, "legend": {"title": None}}
    return {
        "description": f"Training and validation {what} of {words.printable(facts.variant)} over its epochs.",
        "width": "container",
        "height": 190,
        "data": {"values": values},
        "layer": [
            {
                "data": {"values": [{"epoch": facts.best_epoch + 1}]},
                "mark": {"type": "rule", "strokeWidth": 5, "opacity": 0.25},
                "encoding": {"x": {"field": "epoch", "type": "quantitative"}},
            },
            {
                "mark": {"type": "line", "strokeWidth": 1.8, "stroke": {"expr": "ink"}},
                "encoding": {
                    "x": {
                        "field": "epoch",
                        "type": "quantitative",
                        "axis": {"tickMinStep": 1, "format": "d"},
                        "title": "epoch",
                    },
                    "y": {"field": "value", "type": "quantitative", "scale": {"zero": False}, "title": title},
                    "strokeDash": dash,
                    "tooltip": [{"field": "split"}, {"field": "epoch"}, {"field": "value", "format": ".4g", "title": what}],
                },
            },
        ],
    }
