"""The two pictures drawn from raw latencies: how they are spread, and how they moved while they were measured."""

from __future__ import annotations

import bisect
import collections
import math
import statistics
from typing import Any

from edgekit.core.measurement import LatencySummary
from edgekit.core.report import Entry, Report
from edgekit.renderers import rows, words
from edgekit.renderers.look import color

BINS = 90
"""Cells across the latency axis: each holds a share of samples, so the page does not grow with their number."""


def distributions(report: Report) -> dict[str, Any] | None:
    """A strip for each artifact, darker where more of its samples are, with its median and p90; None if unmeasured."""
    measured = [(entry, row) for entry in report.entries for row in entry.latency if row.samples]
    if not measured:
        return None
    every = [value for _, row in measured for block in row.raw.blocks_ms for value in block]
    low, high = max(min(every), 1e-9), max(every)
    log = high > 10 * low
    names = [entry.name for entry in rows.by_latency(report) if entry.latency]
    y = {"field": "artifact", "type": "nominal", "sort": names, "title": None}
    x = {
        "type": "quantitative",
        "scale": {"type": "log", "nice": False} if log else {"type": "linear", "zero": False},
        "title": "latency, ms",
    }
    cells = [cell for entry, row in measured for cell in _cells(entry, row, _edges(low, high, log))]
    marks = [mark for entry, row in measured for mark in _marks(entry, row)]
    return {
        "description": "Distribution of the latency samples of every artifact, with median and p90.",
        "width": "container",
        "height": 21 * len(names),
        "params": [{"name": "threads", "value": rows.thread_counts(report)[0]}],
        "layer": [
            {
                "name": "cells",
                "data": {"values": cells},
                "transform": [{"filter": "datum.threads == threads"}],
                "mark": {"type": "rect", "height": 13, "aria": False},
                "encoding": {
                    "y": y,
                    "x": {"field": "from", **x},
                    "x2": {"field": "to"},
                    "fill": color(report, legend=None),
                    "opacity": {
                        "field": "share",
                        "type": "quantitative",
                        "scale": {"type": "sqrt", "range": [0.12, 1]},
                        "legend": None,
                    },
                    "tooltip": [
                        {"field": "artifact", "type": "nominal"},
                        {"field": "text", "type": "nominal", "title": "samples"},
                    ],
                },
            },
            {
                "name": "quantiles",
                "data": {"values": marks},
                "transform": [{"filter": "datum.threads == threads"}],
                "mark": {"type": "tick", "thickness": 2, "fill": {"expr": "ink"}},
                "encoding": {
                    "y": y,
                    "x": {"field": "value", **x},
                    "size": {
                        "field": "q",
                        "type": "ordinal",
                        "scale": {"domain": [50, 90], "range": [19, 9]},
                        "legend": None,
                    },
                    "tooltip": [
                        {"field": "artifact", "type": "nominal"},
                        {"field": "text", "type": "nominal", "title": "percentile"},
                    ],
                },
            },
        ],
    }


def drift(report: Report) -> dict[str, Any] | None:
    """Median of each block against the artifact's own median, in the order measured; None with less than two blocks."""
    lines = [line for entry in report.entries for row in entry.latency for line in _blocks(entry, row)]
    if not lines:
        return None
    x = {"field": "block", "type": "quantitative", "title": "block, in the order measured", "axis": {"tickMinStep": 1}}
    y = {"field": "off", "type": "quantitative", "title": "block median against own median, %"}
    chosen = [{"filter": "datum.threads == threads"}]
    return {
        "description": "Drift: the median of each measured block against the artifact's own median, over time.",
        "width": "container",
        "height": 260,
        "params": [{"name": "threads", "value": rows.thread_counts(report)[0]}],
        "layer": [
            {
                "name": "artifacts",
                "data": {"values": lines},
                "transform": chosen,
                "mark": {
                    "type": "line",
                    "strokeWidth": 1.2,
                    "opacity": 0.5,
                    "point": {"size": 14, "opacity": 0.6},
                    "aria": False,
                },
                "encoding": {
                    "x": x,
                    "y": y,
                    "detail": {"field": "artifact"},
                    "color": color(report),
                    "tooltip": [
                        {"field": "artifact", "type": "nominal"},
                        {"field": "block"},
                        {"field": "off", "format": "+.1f", "title": "off, %"},
                    ],
                },
            },
            {
                "name": "together",
                "data": {"values": _together(lines)},
                "transform": chosen,
                "mark": {"type": "line", "strokeWidth": 3, "stroke": {"expr": "ink"}},
                "encoding": {"x": x, "y": y},
            },
        ],
    }


def _edges(low: float, high: float, log: bool) -> list[float]:
    if log:
        step = math.log(high / low) / BINS
        return [low * math.exp(step * i) for i in range(BINS + 1)]
    step = (high - low) / BINS or low / BINS
    return [low + step * i for i in range(BINS + 1)]


def _cells(entry: Entry, row: LatencySummary, edges: list[float]) -> list[dict[str, Any]]:
    counts = collections.Counter(
        min(max(bisect.bisect_right(edges, value) - 1, 0), BINS - 1) for block in row.raw.blocks_ms for value in block
    )
    fullest = max(counts.values())
    return [
        {
            "artifact": entry.name,
            "format": rows.format_of(entry),
            "threads": row.threads,
            "from": _short(edges[place]),
            "to": _short(edges[place + 1]),
            "share": _short(count / fullest),
            "text": f"{count} of {counts.total()} from {edges[place]:.3g} to {edges[place + 1]:.3g} ms",
        }
        for place, count in sorted(counts.items())
    ]


def _marks(entry: Entry, row: LatencySummary) -> list[dict[str, Any]]:
    found = [row.percentile(q) for q in (50, 90)]
    return [
        {
            "artifact": entry.name,
            "threads": row.threads,
            "q": point.q,
            "value": point.value_ms,
            "text": f"{words.quantile(point.q)} {words.latency(point).inline()}",
        }
        for point in found
        if point is not None
    ]


def _blocks(entry: Entry, row: LatencySummary) -> list[dict[str, Any]]:
    filled = [block for block in row.raw.blocks_ms if block]
    if len(filled) < 2:
        return []
    own = statistics.median(value for block in filled for value in block)
    return [
        {
            "artifact": entry.name,
            "format": rows.format_of(entry),
            "threads": row.threads,
            "block": index + 1,
            "off": _short(100 * (statistics.median(block) / own - 1)),
        }
        for index, block in enumerate(filled)
    ]


def _together(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The median over the artifacts of each block: what the machine did, whatever ran on it."""
    groups: dict[tuple[int, int], list[float]] = {}
    for line in lines:
        groups.setdefault((line["threads"], line["block"]), []).append(line["off"])
    return [
        {"threads": threads, "block": block, "off": statistics.median(values)}
        for (threads, block), values in sorted(groups.items())
    ]


def _short(value: float) -> float:
    return float(f"{value:.5g}")
