"""Names in a graph that do not depend on what else its process has done."""

from __future__ import annotations

import re
from collections.abc import Sequence

_COUNTED = re.compile(r"^([A-Z][A-Za-z]*_)(\d+)")
"""OpenVINO names an operator that nobody named after its type and a number that the process counts up: Constant_35822."""


def counted_anew(names: Sequence[str]) -> list[str]:
    """`names` of operators in graph order, their counters replaced by numbers in the order of appearance.

    Equal numbers stay equal and different ones different, so that names that were unique stay so.
    """
    numbers: dict[str, int] = {}
    return [_COUNTED.sub(lambda found: f"{found[1]}{numbers.setdefault(found[2], len(numbers))}", name) for name in names]
