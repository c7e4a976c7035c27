"""What every form of the report takes from it: which rows in which order, which artifact is worst, what was refused."""

from __future__ import annotations

from collections.abc import Iterable

from edgekit.core.measurement import Percentile
from edgekit.core.report import Entry, Report
from edgekit.renderers import words


def thread_counts(report: Report) -> list[int]:
    """The thread counts of the report, the first being the one that the Pareto marks and headline numbers are for."""
    seen: dict[int, None] = {}
    for entry in report.entries:
        for row in entry.latency:
            seen[row.threads] = None
    return list(seen)


def percentiles(report: Report) -> list[float]:
    """The percentiles that some artifact's samples supported, ascending; the others are only said to be refused."""
    return sorted({found.q for entry in report.entries for row in entry.latency for found in row.percentiles})


def by_latency(report: Report, threads: int | None = None) -> list[Entry]:
    """Entries by their median latency at `threads` (default: the first count), fastest first, unmeasured ones last."""
    counts = thread_counts(report)
    at = threads if threads is not None else (counts[0] if counts else 0)

    def key(entry: Entry) -> tuple[float, str]:
        middle = median(entry, at)
        return (middle.value_ms if middle else float("inf"), entry.name)

    return sorted(report.entries, key=key)


def median(entry: Entry, threads: int) -> Percentile | None:
    """The p50 of an entry at a thread count, or None when it was not measured or not supported."""
    row = entry.at(threads)
    return row.percentile(50) if row else None


def pareto(report: Report, threads: int) -> list[Entry]:
    """Entries that no other one beats on both accuracy and median latency, fastest first.

    At the first thread count these are the report's own marks; at the others the same rule is applied here.
    """
    rows = [e for e in by_latency(report, threads) if e.accuracy is not None and median(e, threads) is not None]
    if thread_counts(report)[:1] == [threads]:
        return [entry for entry in rows if entry.pareto]
    front: list[Entry] = []
    for entry in rows:
        assert entry.accuracy is not None
        best = max((kept.accuracy.accuracy for kept in front if kept.accuracy), default=-1.0)
        if entry.accuracy.accuracy > best:
            front.append(entry)
    return front


def worst(report: Report) -> Entry | None:
    """The entry with the lowest accuracy, the one with most changed answers among equals; None without accuracies."""
    scored = [entry for entry in report.entries if entry.accuracy is not None]

    def key(entry: Entry) -> tuple[float, int]:
        assert entry.accuracy is not None
        return (entry.accuracy.accuracy, -len(entry.paired.flips) if entry.paired else 0)

    return min(scored, key=key, default=None)


def refusals(report: Report) -> list[tuple[str, list[str]]]:
    """Each sentence of a refused percentile with the rows it is about (`name at 1 thread`)."""
    found: dict[str, list[str]] = {}
    for entry in report.entries:
        for row in entry.latency:
            for sentence in row.refused:
                found.setdefault(sentence, []).append(f"{entry.name} at {words.threads(row.threads)}")
    return list(found.items())


def unsteady(report: Report) -> list[str]:
    """Rows whose latency had not settled when warm-up gave up."""
    return [
        f"{entry.name} at {words.threads(row.threads)}"
        for entry in report.entries
        for row in entry.latency
        if not row.raw.steady
    ]


def formats(entries: Iterable[Entry]) -> list[str]:
    """The file formats of the entries, in order of appearance (`tflite` of `tflite-int8@coral`)."""
    return list(dict.fromkeys(format_of(entry) for entry in entries))


def format_of(entry: Entry) -> str:
    """The file format of an entry."""
    return entry.target.partition("-")[0]


def is_integer(entry: Entry) -> bool:
    """Whether the entry's weights are 8-bit integers."""
    return "int8" in entry.target
