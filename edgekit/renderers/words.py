"""Numbers in words, the same in every form of the report: each estimate comes with its 95 % interval."""

from __future__ import annotations

import math
from typing import NamedTuple

from edgekit.core.measurement import Classification, Interval, LatencySummary, NoiseFloor, PairedTest, Percentile
from edgekit.core.proof import Proof, Tolerance

SIGNIFICANCE = 0.05
"""A paired test with a p-value below this is called a difference; 0.05 goes with the 95 % intervals."""


class Estimate(NamedTuple):
    """A number and the ends of its 95 % interval, rounded alike, in `unit`."""

    value: str
    low: str
    high: str
    unit: str

    def interval(self) -> str:
        """`0.210-0.219`, or `-0.4 to +0.2` where a hyphen would read as a sign."""
        return f"{self.low} to {self.high}" if self.low[0] in "+-" else f"{self.low}-{self.high}"

    def spread(self, *, relative: bool = False) -> str:
        """The interval's longer side: `±1.4`, or `±0.6%` of the value."""
        value, low, high = float(self.value), float(self.low), float(self.high)
        side = max(value - low, high - value)
        if not relative:
            return f"±{side:.{len(self.value.partition('.')[2])}f}"
        return f"±{significant(100 * side / value, 1 if side < 0.1 * value else 2)}%" if value else "±0%"

    def inline(self) -> str:
        """`0.213 ms (0.210-0.219)`."""
        return f"{self.value} {self.unit} ({self.interval()})"


def significant(value: float, digits: int = 3) -> str:
    """`value` to so many significant digits, without an exponent: 0.0213, 21.3, 27600."""
    return _rounded(value, _decimals(value, digits))


def percent(share: float, decimals: int = 1) -> str:
    """A share as a percentage: 0.974 is `97.4 %`."""
    return f"{100 * share:.{decimals}f} %"


def accuracy(found: Classification) -> Estimate:
    """Accuracy in percent."""
    low, high = found.interval
    return Estimate(f"{100 * found.accuracy:.1f}", f"{100 * low:.1f}", f"{100 * high:.1f}", "%")


def proportion(right: int, total: int) -> Estimate | None:
    """A share of counted samples, in percent with its Wilson score interval (Wilson 1927); None of nothing."""
    if total == 0:
        return None
    z = 1.959964
    share = right / total
    center = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return Estimate(
        f"{100 * share:.1f}", f"{100 * max(0.0, center - half):.1f}", f"{100 * min(1.0, center + half):.1f}", "%"
    )


def share_of(share: float, total: int | None) -> str:
    """A share of `total` samples with its interval: `97.9 % (96.6-98.7)`; without an interval when nobody counted."""
    found = proportion(round(share * total), total) if total else None
    return found.inline() if found else percent(share)


def latency(found: Percentile) -> Estimate:
    """A latency percentile in ms."""
    return _estimate(found.value_ms, (found.low_ms, found.high_ms), "ms")


def throughput(found: LatencySummary) -> Estimate:
    """Inferences a second, one after another."""
    return _estimate(found.throughput_per_s, found.throughput_interval, "/s")


def difference(paired: PairedTest) -> Estimate:
    """Accuracy minus the reference's, in percentage points."""
    low, high = paired.interval
    return Estimate(f"{100 * paired.difference:+.1f}", f"{100 * low:+.1f}", f"{100 * high:+.1f}", "pt")


def verdict(paired: PairedTest) -> str:
    """`no diff.`, `better` or `worse`, by the paired test."""
    low, high = paired.interval
    if paired.p_value >= SIGNIFICANCE or low <= 0.0 <= high:
        return "no diff."
    return "better" if paired.difference > 0 else "worse"


def size(count: int) -> str:
    """Bytes in decimal units (1 kB = 1000 B, as disks and downloads count)."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= scale:
            return f"{significant(count / scale)} {unit}"
    return f"{count} B"


def snr(proof: Proof) -> str:
    """The lowest signal-to-noise ratio of any output; `exact` when all are bitwise equal."""
    if not proof.outputs:
        return "not measured"
    ratios = [output.snr_db for output in proof.outputs if output.snr_db is not None]
    return f"{min(ratios):.1f} dB" if ratios else "exact"


def agreement(proof: Proof) -> Estimate | None:
    """Share of samples with the same answer as the source, in percent; None where there is no answer."""
    if proof.agreement is None:
        return None
    low, high = proof.agreement_interval or (proof.agreement, proof.agreement)
    return Estimate(f"{100 * proof.agreement:.1f}", f"{100 * low:.1f}", f"{100 * high:.1f}", "%")


def noise(floor: NoiseFloor) -> str:
    """What one artifact measured against itself says of the others, in a sentence."""
    low, high = floor.interval
    return (
        f"At {threads(floor.threads)}, {floor.id} measured against itself in a second process came out "
        f"{floor.ratio:.3f} times as slow (95 % interval {low:.3f} to {high:.3f}): "
        f"a latency difference of less than {percent(floor.floor)} means nothing here."
    )


def threads(count: int) -> str:
    """`1 thread`, `2 threads`."""
    return f"{count} thread" if count == 1 else f"{count} threads"


def quantile(q: float) -> str:
    """`p50`, `p99.9`."""
    return f"p{q:g}"


def seconds(value: float) -> str:
    """Wall time: `0.42 s`, `38 s`, `4 min 12 s`."""
    if value < 10:
        return f"{value:.2f} s"
    if value < 90:
        return f"{value:.0f} s"
    return f"{int(value) // 60} min {int(value) % 60} s"


def printable(text: str) -> str:
    """`text` on one line with control characters replaced, so that a name cannot steer a terminal or break a table."""
    return "".join(c if c.isprintable() else " " if c in "\n\t\r" else "�" for c in text)


def _estimate(value: float, interval: Interval, unit: str) -> Estimate:
    decimals = _decimals(value, 3)
    low, high = interval
    return Estimate(_rounded(value, decimals), _rounded(low, decimals), _rounded(high, decimals), unit)


def _decimals(value: float, digits: int) -> int:
    if value == 0 or not math.isfinite(value):
        return digits - 1
    return digits - 1 - math.floor(math.log10(abs(value)))


def _rounded(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}" if decimals >= 0 else f"{round(value, decimals):.0f}"


def bounds(tolerance: Tolerance) -> str:
    """The bounds a proof was held to, those that were asked."""
    asked = []
    if tolerance.min_snr_db is not None:
        asked.append(f"SNR at least {tolerance.min_snr_db:g} dB")
    if tolerance.min_cosine is not None:
        asked.append(f"cosine at least {tolerance.min_cosine:g}")
    if tolerance.min_agreement is not None:
        asked.append(f"same answer at least {100 * tolerance.min_agreement:g} %")
    return ", ".join(asked) or "none"
