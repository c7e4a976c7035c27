"""The reference page of report.json names every key that a report has."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from sample_report import build

from edgekit.renderers.json import dumps_report

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "report-json.md"
FREE = {"packages", "splits", "options", "versions"}
"""Objects whose keys are names of packages, splits or options."""


def _keys(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(_keys, value)) if value else set()
    if isinstance(value, dict):
        nested = [_keys(item) for key, item in value.items() if key not in FREE]
        return set(value).union(*nested)
    return set()


def test_every_key_is_documented_and_none_is_invented() -> None:
    written = _keys(json.loads(dumps_report(build())))
    text = PAGE.read_text(encoding="utf-8")
    assert written - set(re.findall(r"`(\w+)`", text)) == set()
    rows = [
        key for line in text.splitlines() if line.startswith("| `") for key in re.findall(r"`(\w+)`", line.split("|")[1])
    ]
    assert set(rows) - written == set()
