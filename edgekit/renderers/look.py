"""How the pictures of a report look: the only place where their colors are named, for light and dark pages."""

from __future__ import annotations

from typing import Any

from edgekit.core.report import Report
from edgekit.renderers import rows

# Okabe & Ito, "Color Universal Design" (2008): told apart with any color vision; darker on white, lighter on black.
_LIGHT = ["#c2410c", "#0067a5", "#00795a", "#8f3f84"]
_DARK = ["#f5a742", "#63b9f0", "#3ecba0", "#dc93c8"]
_LIGHT_INKS = ("#1b2430", "#586474", "#e3e7ec", "#ffffff")
_DARK_INKS = ("#e8eaed", "#9aa4b2", "#333b47", "#171c22")
"""Text, second-rank text, lines and background; report.css has the same."""
_FORMATS = ["tflite", "onnx", "openvino", "keras"]
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def config(*, dark: bool) -> dict[str, Any]:
    """How the pictures look; the only place where their colors are named."""
    ink, soft, line, paper = _DARK_INKS if dark else _LIGHT_INKS
    return {
        "background": paper,
        "font": _FONT,
        "params": [{"name": "ink", "value": ink}, {"name": "soft", "value": soft}, {"name": "paper", "value": paper}],
        "axis": {
            "labelColor": soft,
            "titleColor": ink,
            "gridColor": line,
            "domainColor": line,
            "tickColor": line,
            "labelFontSize": 11,
            "titleFontSize": 12,
            "titleFontWeight": 500,
            "titlePadding": 10,
        },
        "axisY": {"labelLimit": 260},
        "legend": {
            "labelColor": ink,
            "titleColor": soft,
            "titleFontWeight": 500,
            "symbolSize": 90,
            "orient": "top",
            "symbolBaseFillColor": ink,
            "symbolBaseStrokeColor": ink,
            "columns": {"expr": "width < 420 ? 1 : 0"},
        },
        "view": {"stroke": None},
        "range": {"category": _DARK if dark else _LIGHT},
        "rule": {"color": soft},
        "text": {"color": ink, "font": _FONT},
    }


def color(report: Report, **options: Any) -> dict[str, Any]:
    """The color channel: one hue a file format, the same in every picture."""
    known = rows.formats(report.entries)
    domain = _FORMATS if set(known) <= set(_FORMATS) else [*_FORMATS, *(f for f in known if f not in _FORMATS)]
    legend = {"title": "format", "values": known, "symbolOpacity": 1}
    return {"field": "format", "type": "nominal", "scale": {"domain": domain}, "legend": legend, **options}
